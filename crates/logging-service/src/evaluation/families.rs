//! An evaluation as metric families.
//!
//! Rule of thumb: a number that nothing is known about has no series, because 0 would be a claim.

use monitoring::{Desc, MetricFamily};

use super::feature_faults;
use super::gauges::{EvaluationGauges, FamilyDefinition};
use super::model_evaluation::{ModelEvaluation, WindowEvaluation};
use crate::analysis::ReferenceProfile;

/// Classes of one model that get series of their own.
const MAX_CLASSES: usize = 100;

const BY_WINDOW: &[&str] = &["model", "window"];
const BY_CLASS: &[&str] = &["model", "window", "class"];
const BY_FEATURE: &[&str] = &["model", "window", "feature"];
const BY_STATISTIC: &[&str] = &["model", "window", "feature", "statistic"];

const PREDICTIONS: FamilyDefinition = FamilyDefinition {
    name: "logging_window_predictions",
    help: "Answered predictions of the window.",
    labels: BY_WINDOW,
};
const LABELLED: FamilyDefinition = FamilyDefinition {
    name: "logging_labelled_predictions",
    help: "Predictions of the window whose true label is known.",
    labels: BY_WINDOW,
};
const OUTSIDE: FamilyDefinition = FamilyDefinition {
    name: "logging_labels_outside_classes",
    help: "Labelled predictions of the window whose true label is none of the model's classes.",
    labels: BY_WINDOW,
};
const COVERAGE: FamilyDefinition = FamilyDefinition {
    name: "logging_label_coverage",
    help: "Share of the window's predictions whose true label is known, 0 to 1.",
    labels: BY_WINDOW,
};
const LAG: FamilyDefinition = FamilyDefinition {
    name: "logging_label_lag_seconds",
    help: "Mean seconds from a prediction to its label.",
    labels: BY_WINDOW,
};
const ACCURACY: FamilyDefinition = FamilyDefinition {
    name: "logging_accuracy",
    help: "Share of the labelled predictions that were right, 0 to 1.",
    labels: BY_WINDOW,
};
const EXPECTED: FamilyDefinition = FamilyDefinition {
    name: "logging_expected_accuracy",
    help: "Accuracy that the confidences of all predictions promise, calibrated by labels where there are some (CBPE).",
    labels: BY_WINDOW,
};
const CALIBRATION: FamilyDefinition = FamilyDefinition {
    name: "logging_calibration_error",
    help: "Expected calibration error of the labelled predictions, 0 to 1.",
    labels: BY_WINDOW,
};
const CALIBRATION_SAMPLES: FamilyDefinition = FamilyDefinition {
    name: "logging_calibration_samples",
    help: "Labelled predictions of the window that have a confidence; what the calibration error stands on.",
    labels: BY_WINDOW,
};
const LOG_LOSS: FamilyDefinition = FamilyDefinition {
    name: "logging_log_loss",
    help: "Mean of -ln of the probability that was given to the true class.",
    labels: BY_WINDOW,
};
const TOP_K: FamilyDefinition = FamilyDefinition {
    name: "logging_top_k_accuracy",
    help: "Share of the labelled predictions whose true class was among the k most probable ones, 0 to 1.",
    labels: &["model", "window", "k"],
};
const AUC: FamilyDefinition = FamilyDefinition {
    name: "logging_auc",
    help: "Area under the ROC curve of the labelled predictions of two classes, 0 to 1.",
    labels: BY_WINDOW,
};
const BRIER: FamilyDefinition = FamilyDefinition {
    name: "logging_brier",
    help: "Brier score of the labelled predictions of two classes, 0 to 1; 0 is best.",
    labels: BY_WINDOW,
};
const MAE: FamilyDefinition = FamilyDefinition {
    name: "logging_mae",
    help: "Mean absolute error of the labelled predictions of a regression, in the unit of its answer.",
    labels: BY_WINDOW,
};
const RMSE: FamilyDefinition = FamilyDefinition {
    name: "logging_rmse",
    help: "Root of the mean squared error of the labelled predictions of a regression, in the unit of its answer.",
    labels: BY_WINDOW,
};
const BIAS: FamilyDefinition = FamilyDefinition {
    name: "logging_bias",
    help: "Mean of predicted - true of a regression, in the unit of its answer.",
    labels: BY_WINDOW,
};
const R2: FamilyDefinition = FamilyDefinition {
    name: "logging_r2",
    help: "Coefficient of determination of the labelled predictions of a regression; 1 is best.",
    labels: BY_WINDOW,
};
const WITHIN: FamilyDefinition = FamilyDefinition {
    name: "logging_within_tolerance",
    help: "Share of the labelled predictions of a regression that are off by the declared tolerance at most, 0 to 1.",
    labels: BY_WINDOW,
};
const PRECISION: FamilyDefinition = FamilyDefinition {
    name: "logging_class_precision",
    help: "Of those predicted to be of the class, the share that was.",
    labels: BY_CLASS,
};
const RECALL: FamilyDefinition = FamilyDefinition {
    name: "logging_class_recall",
    help: "Of those of the class, the share that was predicted to be.",
    labels: BY_CLASS,
};
const F1: FamilyDefinition =
    FamilyDefinition { name: "logging_class_f1", help: "Harmonic mean of precision and recall.", labels: BY_CLASS };
const DRIFT: FamilyDefinition = FamilyDefinition {
    name: "logging_drift",
    help: "Distance between the window and the model's reference.",
    labels: BY_STATISTIC,
};
const FLOOR: FamilyDefinition = FamilyDefinition {
    name: "logging_drift_noise_floor",
    help: "What the distance reaches by chance where nothing has changed; only above it a distance means anything.",
    labels: BY_STATISTIC,
};
const VERDICT: FamilyDefinition =
    FamilyDefinition { name: "logging_drift_verdict", help: "0 no drift, 1 a warning, 2 drift.", labels: BY_FEATURE };
const SAMPLES: FamilyDefinition = FamilyDefinition {
    name: "logging_drift_samples",
    help: "Predictions of the window that were compared.",
    labels: BY_WINDOW,
};
const REFERENCE: FamilyDefinition = FamilyDefinition {
    name: "logging_reference_samples",
    help: "Predictions of the model's reference.",
    labels: &["model"],
};

const ALL: [FamilyDefinition; 26] = [
    PREDICTIONS,
    LABELLED,
    OUTSIDE,
    COVERAGE,
    LAG,
    ACCURACY,
    EXPECTED,
    CALIBRATION,
    CALIBRATION_SAMPLES,
    LOG_LOSS,
    TOP_K,
    AUC,
    BRIER,
    MAE,
    RMSE,
    BIAS,
    R2,
    WITHIN,
    PRECISION,
    RECALL,
    F1,
    DRIFT,
    FLOOR,
    VERDICT,
    SAMPLES,
    REFERENCE,
];

/// The descriptions of all families.
pub(super) fn descs() -> Vec<Desc> {
    ALL.into_iter().filter_map(FamilyDefinition::desc).chain(feature_faults::descs()).collect()
}

/// The families of an evaluation of every window; the models have been chosen.
pub(super) fn families(windows: &[WindowEvaluation], profiles: &[ReferenceProfile]) -> Vec<MetricFamily> {
    let gauges = EvaluationGauges::new(&[&ALL[..], &feature_faults::ALL[..]].concat());
    for WindowEvaluation { window, models } in windows {
        for model in models {
            gauges.set_quality(model, window.as_str());
            gauges.set_drift(model, window.as_str());
        }
    }
    // A reference has its series before the first prediction.
    let is_known = |model: &str| windows.iter().any(|window| window.models.iter().any(|known| known.model == model));
    for profile in profiles.iter().filter(|profile| !is_known(&profile.model)) {
        gauges.set(REFERENCE, &[&profile.model], profile.counts.predictions as f64);
    }
    gauges.collect()
}

impl EvaluationGauges {
    fn set_quality(&self, evaluation: &ModelEvaluation, window: &str) {
        let quality = &evaluation.quality;
        let model = evaluation.model.as_str();
        let (binary, regression) = (quality.binary.as_ref(), quality.regression.as_ref());
        let values = [
            (PREDICTIONS, Some(quality.predictions as f64)),
            (LABELLED, Some(quality.labelled as f64)),
            (OUTSIDE, quality.accuracy.map(|_| quality.labelled_outside_classes.unwrap_or_default() as f64)),
            (COVERAGE, Some(quality.coverage)),
            (LAG, quality.lag_mean_seconds),
            (ACCURACY, quality.accuracy),
            (EXPECTED, quality.expected_accuracy),
            (CALIBRATION, quality.calibration_error),
            (CALIBRATION_SAMPLES, quality.calibration_samples.map(|samples| samples as f64)),
            (LOG_LOSS, quality.log_loss),
            (AUC, binary.and_then(|binary| binary.auc)),
            (BRIER, binary.map(|binary| binary.brier)),
            (MAE, regression.map(|regression| regression.mae)),
            (RMSE, regression.map(|regression| regression.rmse)),
            (BIAS, regression.map(|regression| regression.bias)),
            (R2, regression.and_then(|regression| regression.r2)),
            (WITHIN, regression.and_then(|regression| regression.within_tolerance)),
        ];
        for (family, value) in values {
            if let Some(value) = value {
                self.set(family, &[model, window], value);
            }
        }
        for top in &quality.top_k_accuracy {
            self.set(TOP_K, &[model, window, &top.k.to_string()], top.accuracy);
        }
        for class in quality.classes.iter().take(MAX_CLASSES) {
            let labels = [model, window, class.class.as_str()];
            self.set(PRECISION, &labels, class.precision);
            self.set(RECALL, &labels, class.recall);
            self.set(F1, &labels, class.f1);
        }
    }

    fn set_drift(&self, evaluation: &ModelEvaluation, window: &str) {
        let Some(report) = &evaluation.drift else { return };
        let model = evaluation.model.as_str();
        self.set(SAMPLES, &[model, window], report.samples as f64);
        // The reference that the model's current file is compared with.
        self.set(REFERENCE, &[model], report.reference_samples as f64);
        feature_faults::set(self, model, window, report);
        for feature in feature_faults::shown(report) {
            self.set(VERDICT, &[model, window, feature.feature.as_str()], f64::from(feature.verdict.level()));
            for measured in &feature.statistics {
                let labels = [model, window, feature.feature.as_str(), measured.statistic.as_str()];
                self.set(DRIFT, &labels, measured.value);
                if let Some(floor) = measured.noise_floor {
                    self.set(FLOOR, &labels, floor);
                }
            }
        }
    }
}
