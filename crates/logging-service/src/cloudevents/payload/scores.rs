//! The best of the classes by their scores, and its probability.

use prediction_record::{MAX_LABEL_CHARS, Score};
use serde_json::Value;

use super::row_prediction::{ConfidenceSource, RowPrediction};
use crate::cloudevents::shortened;

/// How many of the best classes a record names.
const TOP: usize = 5;
/// How far the sum of probabilities may be from 1, as they are often written with few digits.
const SUM_TOLERANCE: f64 = 1e-3;

/// The prediction of scores, one for each class. Scores that are probabilities (none negative, sum 1) are taken as they
/// are; any others must be logits, and go through softmax.
pub(super) fn best_class(scores: &[f64]) -> Option<RowPrediction> {
    let is_distribution = scores.iter().all(|score| (0.0..=1.0).contains(score))
        && (scores.iter().sum::<f64>() - 1.0).abs() <= SUM_TOLERANCE;
    let source = if is_distribution { ConfidenceSource::Probabilities } else { ConfidenceSource::Softmax };
    let probabilities = if is_distribution { scores.to_vec() } else { softmax(scores) };
    let mut top: Vec<Score> = (0_u32..)
        .zip(&probabilities)
        .map(|(class, &confidence)| Score { label: class.to_string(), class: Some(class), confidence })
        .collect();
    // The sort is stable, so the first of several equal classes comes first.
    top.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    top.truncate(TOP);
    let first = top.first()?;
    Some(RowPrediction { label: first.label.clone(), class: first.class, confidence: first.confidence, source, top })
}

/// The prediction of scores whose classes have names.
pub(super) fn best_named_class(scores: &[(&str, f64)]) -> Option<RowPrediction> {
    let numbers: Vec<f64> = scores.iter().map(|(_, score)| *score).collect();
    let mut prediction = best_class(&numbers)?;
    for score in &mut prediction.top {
        let name = score.class.take().and_then(|class| scores.get(class as usize));
        score.label = parse_label(name.map_or("", |(name, _)| name))?;
    }
    prediction.label = prediction.top.first()?.label.clone();
    prediction.class = None;
    Some(prediction)
}

/// The numbers of an array that holds nothing else.
pub(super) fn parse_numbers(values: &[Value]) -> Option<Vec<f64>> {
    values.iter().map(Value::as_f64).collect()
}

/// A label that a record may carry; `None` for an empty one.
pub(super) fn parse_label(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| shortened(text, MAX_LABEL_CHARS))
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
