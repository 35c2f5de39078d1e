//! An evaluation as metric families.
//!
//! Rule of thumb: a number that has nothing to stand on has no series, for 0 would be a claim.

use monitoring::{Collector as _, Desc, MetricFamily};
use prometheus::core::Describer as _;
use prometheus::{GaugeVec, Opts};

use super::{Evaluation, Window};
use crate::analysis::ReferenceProfile;

/// Classes of one model that get series of their own.
const MAX_CLASSES: usize = 100;

const BY_WINDOW: &[&str] = &["model", "window"];
const BY_CLASS: &[&str] = &["model", "window", "class"];
const BY_FEATURE: &[&str] = &["model", "window", "feature"];
const BY_STATISTIC: &[&str] = &["model", "window", "feature", "statistic"];

/// Name, help, labels.
type Family = (&'static str, &'static str, &'static [&'static str]);

const PREDICTIONS: Family = ("logging_window_predictions", "Answered predictions of the window.", BY_WINDOW);
const LABELLED: Family =
    ("logging_labelled_predictions", "Predictions of the window whose true label is known.", BY_WINDOW);
const COVERAGE: Family =
    ("logging_label_coverage", "Share of the window's predictions whose true label is known, 0 to 1.", BY_WINDOW);
const LAG: Family = ("logging_label_lag_seconds", "Mean seconds from a prediction to its label.", BY_WINDOW);
const ACCURACY: Family = ("logging_accuracy", "Share of the labelled predictions that were right, 0 to 1.", BY_WINDOW);
const EXPECTED: Family = (
    "logging_expected_accuracy",
    "Accuracy that the confidences of all predictions promise, calibrated by labels where there are some (CBPE).",
    BY_WINDOW,
);
const CALIBRATION: Family =
    ("logging_calibration_error", "Expected calibration error of the labelled predictions, 0 to 1.", BY_WINDOW);
const PRECISION: Family =
    ("logging_class_precision", "Of those predicted to be of the class, the share that was.", BY_CLASS);
const RECALL: Family = ("logging_class_recall", "Of those of the class, the share that was predicted to be.", BY_CLASS);
const F1: Family = ("logging_class_f1", "Harmonic mean of precision and recall.", BY_CLASS);
const DRIFT: Family = ("logging_drift", "Distance between the window and the model's reference.", BY_STATISTIC);
const FLOOR: Family = (
    "logging_drift_noise_floor",
    "What the distance reaches by chance where nothing has changed; only above it a distance means anything.",
    BY_STATISTIC,
);
const VERDICT: Family = ("logging_drift_verdict", "0 no drift, 1 a warning, 2 drift.", BY_FEATURE);
const SAMPLES: Family = ("logging_drift_samples", "Predictions of the window that were compared.", BY_WINDOW);
const REFERENCE: Family = ("logging_reference_samples", "Predictions of the model's reference.", &["model"]);

const ALL: [Family; 15] = [
    PREDICTIONS,
    LABELLED,
    COVERAGE,
    LAG,
    ACCURACY,
    EXPECTED,
    CALIBRATION,
    PRECISION,
    RECALL,
    F1,
    DRIFT,
    FLOOR,
    VERDICT,
    SAMPLES,
    REFERENCE,
];

/// What the families are called.
pub(super) fn descs() -> Vec<Desc> {
    let opts = |(name, help, labels): Family| {
        Opts::new(name, help).variable_labels(labels.iter().map(|label| (*label).to_owned()).collect())
    };
    ALL.into_iter().filter_map(|family| opts(family).describe().ok()).collect()
}

/// The families of an evaluation of every window.
pub(super) fn families(windows: &[(Window, Vec<Evaluation>)], profiles: &[ReferenceProfile]) -> Vec<MetricFamily> {
    let gauges: Vec<(Family, GaugeVec)> = ALL
        .into_iter()
        .filter_map(|family| Some((family, GaugeVec::new(Opts::new(family.0, family.1), family.2).ok()?)))
        .collect();
    let set = |family: Family, labels: &[&str], value: f64| {
        if let Some((_, gauge)) = gauges.iter().find(|(known, _)| known.0 == family.0)
            && let Ok(series) = gauge.get_metric_with_label_values(labels)
        {
            series.set(value);
        }
    };
    for (window, evaluations) in windows {
        for evaluation in evaluations {
            let model = evaluation.model.as_str();
            quality(evaluation, &[model, window.as_str()], &set);
            drift(evaluation, &[model, window.as_str()], &set);
            // The reference that the model's current file is compared with.
            if let Some(report) = &evaluation.drift {
                set(REFERENCE, &[model], report.reference_samples as f64);
            }
        }
    }
    // A reference is shown before the first prediction is.
    let is_known = |model: &str| windows.iter().any(|(_, found)| found.iter().any(|e| e.model == model));
    for profile in profiles.iter().filter(|profile| !is_known(&profile.model)).take(super::MAX_MODELS) {
        set(REFERENCE, &[&profile.model], profile.counts.predictions as f64);
    }
    gauges.iter().flat_map(|(_, gauge)| gauge.collect()).filter(|family| !family.get_metric().is_empty()).collect()
}

fn quality(evaluation: &Evaluation, labels: &[&str; 2], set: &impl Fn(Family, &[&str], f64)) {
    let quality = &evaluation.quality;
    set(PREDICTIONS, labels, quality.predictions as f64);
    set(LABELLED, labels, quality.labelled as f64);
    set(COVERAGE, labels, quality.coverage);
    let optional = [
        (LAG, quality.lag_mean_seconds),
        (ACCURACY, quality.accuracy),
        (EXPECTED, quality.expected_accuracy),
        (CALIBRATION, quality.calibration_error),
    ];
    for (family, value) in optional {
        if let Some(value) = value {
            set(family, labels, value);
        }
    }
    let [model, window] = *labels;
    for class in quality.classes.iter().take(MAX_CLASSES) {
        let labels = [model, window, class.class.as_str()];
        set(PRECISION, &labels, class.precision);
        set(RECALL, &labels, class.recall);
        set(F1, &labels, class.f1);
    }
}

fn drift(evaluation: &Evaluation, labels: &[&str; 2], set: &impl Fn(Family, &[&str], f64)) {
    let Some(report) = &evaluation.drift else { return };
    set(SAMPLES, labels, report.samples as f64);
    let [model, window] = *labels;
    for feature in &report.features {
        set(VERDICT, &[model, window, feature.feature], f64::from(feature.verdict.level()));
        for measured in &feature.statistics {
            let labels = [model, window, feature.feature, measured.statistic.as_str()];
            set(DRIFT, &labels, measured.value);
            if let Some(floor) = measured.noise_floor {
                set(FLOOR, &labels, floor);
            }
        }
    }
}
