//! How often a model was right: counted where labels are known, and estimated from its confidences where they are not.
//!
//! Rule of thumb: a number without any data behind it is absent, never 0.

use std::collections::BTreeMap;

use prediction_record::ModelDeclaration;
use serde::Serialize;
use utoipa::ToSchema;

use super::calibration::{CalibrationBins, CalibrationSource, ExpectedAccuracy};
use super::grid::LAG;
use super::{BinaryQuality, ClassPair, LabelCounts, RegressionQuality, Tally, TopAccuracy, WindowCounts, label_name};

/// The quality of a model in a window.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QualityReport {
    /// Answered predictions.
    pub predictions: u64,
    /// Predictions whose true label is known.
    pub labelled: u64,
    /// The share of the predictions whose true label is known, 0 to 1.
    pub coverage: f64,
    /// The mean time from a prediction to its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_mean_seconds: Option<f64>,
    /// The median time from a prediction to its label, accurate to a fifth, because lags are counted on a logarithmic grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_p50_seconds: Option<f64>,
    /// Labelled predictions whose true label is none of the model's classes. They count as wrong in `accuracy` and all that
    /// follows from it, and take no part in `log_loss` and in the scores of `binary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labelled_outside_classes: Option<u64>,
    /// The share of the labelled predictions that were right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The accuracy that the confidences of all predictions predict (CBPE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_accuracy: Option<f64>,
    /// Which labels corrected the expected accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrated_by: Option<CalibrationSource>,
    /// How far confidence and accuracy lie apart (ECE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration_error: Option<f64>,
    /// Every class that was predicted or true among the labelled predictions.
    pub classes: Vec<ClassQuality>,
    /// The mean of the classes' F1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macro_f1: Option<f64>,
    /// The mean of the classes' F1, weighted by how many labelled predictions belong to each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted_f1: Option<f64>,
    /// Labelled predictions that have a confidence: what the calibration stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration_samples: Option<u64>,
    /// The mean of −ln of the probability that was given to the true class. Absent where one of them is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_loss: Option<f64>,
    /// How often the true class was among the most probable ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_k_accuracy: Vec<TopAccuracy>,
    /// How well a classifier tells two classes apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<BinaryQuality>,
    /// The errors of a regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regression: Option<RegressionQuality>,
}

/// The quality of one class. A quotient whose divisor is 0 is 0, like `zero_division=0` of scikit-learn.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClassQuality {
    /// The class.
    pub class: String,
    /// The share of the predictions of this class that were right.
    pub precision: f64,
    /// The share of the class's members that were predicted as such.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// How many labelled predictions belong to the class.
    pub support: u64,
}

/// The quality of a window of a model about which nothing is declared, see [`quality_by`].
pub fn quality(window: &WindowCounts, reference: Option<&WindowCounts>) -> QualityReport {
    quality_by(&ModelDeclaration::default(), window, reference)
}

/// The quality of a window. If the reference has labels, they correct the expected accuracy. The declaration says which
/// class is the positive one, and which error of a regression is tolerated.
pub fn quality_by(
    declared: &ModelDeclaration,
    window: &WindowCounts,
    reference: Option<&WindowCounts>,
) -> QualityReport {
    let labels = &window.labels;
    let labelled = u64::try_from(labels.labelled).unwrap_or(0);
    let classified = labels.classified() - without_class(labels);
    let classes = class_qualities(labels);
    let expected = ExpectedAccuracy::of(window, reference);
    QualityReport {
        predictions: window.predictions,
        labelled,
        coverage: ratio(labels.labelled, i64::try_from(window.predictions).unwrap_or(i64::MAX)),
        lag_mean_seconds: mean_lag(labels),
        lag_p50_seconds: median(&labels.lags),
        labelled_outside_classes: u64::try_from(labels.outside).ok().filter(|count| *count > 0),
        accuracy: (classified > 0).then(|| ratio(labels.correct, classified)),
        expected_accuracy: expected.as_ref().map(|expected| expected.accuracy),
        calibrated_by: expected.map(|expected| expected.source),
        calibration_error: CalibrationBins::of(labels).expected_error().filter(|_| classified > 0),
        macro_f1: (!classes.is_empty())
            .then(|| classes.iter().map(|class| class.f1).sum::<f64>() / classes.len() as f64),
        weighted_f1: weighted_f1(&classes),
        calibration_samples: u64::try_from(labels.by_confidence.total()).ok().filter(|count| *count > 0),
        log_loss: labels.true_classes.log_loss(),
        top_k_accuracy: labels.true_classes.top_accuracies(),
        binary: binary_quality(declared, labels, &classes),
        regression: labels.values.quality(declared.tolerance),
        classes,
    }
}

/// The class that a declaration makes the positive one: the declared one, or the second of two.
pub(crate) fn positive_class(declared: &ModelDeclaration) -> Option<&str> {
    match (&declared.positive, &declared.labels[..]) {
        (_, labels) if labels.len() > 2 => None,
        (Some(positive), _) => Some(positive),
        (None, [_, second]) => Some(second),
        (None, _) => None,
    }
}

/// Mean F1 of the classes, each as often as it was true.
fn weighted_f1(classes: &[ClassQuality]) -> Option<f64> {
    let support: u64 = classes.iter().map(|class| class.support).sum();
    let weighted: f64 = classes.iter().map(|class| class.f1 * class.support as f64).sum();
    (support > 0).then(|| weighted / support as f64)
}

fn binary_quality(
    declared: &ModelDeclaration,
    labels: &LabelCounts,
    classes: &[ClassQuality],
) -> Option<BinaryQuality> {
    if declared.labels.len() > 2 {
        return None;
    }
    let positive = positive_class(declared).map(label_name);
    let quality = labels.binary.quality(positive.as_deref())?;
    let decided = classes.iter().find(|class| Some(class.class.as_str()) == positive.as_deref());
    Some(BinaryQuality {
        precision: decided.map(|class| class.precision),
        recall: decided.map(|class| class.recall),
        f1: decided.map(|class| class.f1),
        ..quality
    })
}

/// Labels of regressions and raw predictions that were counted as those of a class without a name, as version 0.2.0 did.
fn without_class(labels: &LabelCounts) -> i64 {
    labels.pairs().filter(|pair| pair.predicted.is_empty()).map(|pair| pair.count).sum()
}

fn class_qualities(labels: &LabelCounts) -> Vec<ClassQuality> {
    /// How often a class was predicted rightly, predicted at all, and true.
    #[derive(Default)]
    struct ClassHits {
        right: i64,
        predicted: i64,
        support: i64,
    }
    let mut hits = BTreeMap::<&str, ClassHits>::new();
    let pairs = labels.pairs().filter(|pair| pair.count > 0 && !pair.predicted.is_empty());
    for ClassPair { predicted, truth, count } in pairs {
        hits.entry(predicted).or_default().predicted += count;
        let of_class = hits.entry(truth).or_default();
        of_class.support += count;
        of_class.right += if predicted == truth { count } else { 0 };
    }
    let judge = |(class, hits): (&str, ClassHits)| ClassQuality {
        class: class.to_owned(),
        precision: ratio(hits.right, hits.predicted),
        recall: ratio(hits.right, hits.support),
        f1: ratio(2 * hits.right, hits.predicted + hits.support),
        support: u64::try_from(hits.support).unwrap_or(0),
    };
    hits.into_iter().map(judge).collect()
}

fn ratio(part: i64, whole: i64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}

fn mean_lag(labels: &LabelCounts) -> Option<f64> {
    let count = labels.lags.total();
    (count > 0).then(|| labels.lag_milliseconds as f64 / 1e3 / count as f64)
}

/// The median, interpolated within its bin by the share of the bin's counts below it.
fn median(lags: &Tally) -> Option<f64> {
    let half = lags.total() as f64 / 2.0;
    let mut below = 0.0;
    for (bin, count) in lags.iter().filter(|(_, count)| *count > 0) {
        let count = count as f64;
        if below + count >= half {
            let edges = LAG.edges();
            let (lower, upper) = (edges[usize::from(bin)], edges[usize::from(bin) + 1]);
            let lower = if bin == 0 { 0.0 } else { lower };
            return Some(lower + (upper - lower) * (half - below) / count);
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{LabelSign, LabelledObservation, Observation};
    use super::*;

    fn window(rows: &[(&str, Option<&str>, f64)]) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for (predicted, truth, confidence) in rows {
            let confidence = *confidence;
            counts.observe(&Observation { label: Some(predicted), confidence: Some(confidence), ..<_>::default() });
            if let Some(truth) = truth {
                counts.label(&LabelledObservation::class(predicted, truth, Some(confidence), 60.0), LabelSign::Add);
            }
        }
        counts
    }

    #[test]
    fn nothing_known_is_absent_and_not_zero() {
        let none = quality(&WindowCounts::default(), None);
        let text = serde_json::to_string(&none).unwrap();
        assert_eq!(text, r#"{"predictions":0,"labelled":0,"coverage":0.0,"classes":[]}"#);
        let unlabelled = quality(&window(&[("cat", None, 0.75), ("dog", None, 0.25)]), None);
        assert_eq!((unlabelled.accuracy, unlabelled.expected_accuracy), (None, Some(0.5)));
        assert_eq!(unlabelled.calibrated_by, Some(CalibrationSource::None));
    }

    #[test]
    fn labels_are_counted_by_class() {
        let rows = [
            ("cat", Some("cat"), 0.9),
            ("cat", Some("dog"), 0.8),
            ("dog", Some("dog"), 0.7),
            ("eel", Some("dog"), 0.6),
            ("dog", None, 0.6),
        ];
        let quality = quality(&window(&rows), None);
        assert_eq!((quality.labelled, quality.coverage, quality.accuracy), (4, 0.8, Some(0.5)));
        let [cat, dog, eel] = &quality.classes[..] else { panic!("{quality:?}") };
        assert_eq!((cat.precision, cat.recall, cat.support), (0.5, 1.0, 1));
        assert_eq!((dog.precision, dog.recall, dog.f1, dog.support), (1.0, 1.0 / 3.0, 0.5, 3));
        assert_eq!((eel.precision, eel.recall, eel.f1, eel.support), (0.0, 0.0, 0.0, 0));
        assert!((quality.macro_f1.unwrap() - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12);
        assert_eq!(quality.lag_mean_seconds, Some(60.0));
        let median = quality.lag_p50_seconds.unwrap();
        assert!((50.0..72.0).contains(&median), "{median}");
    }
}
