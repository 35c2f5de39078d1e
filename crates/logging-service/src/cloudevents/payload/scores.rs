//! The scores of classes: which is the best, and how probable it is.

use prediction_record::{MAX_LABEL_CHARS, Score};
use serde_json::Value;

use super::answer::{Answer, Source};
use crate::cloudevents::shortened;

/// Classes that a record names, best first.
const TOP: usize = 5;
/// How far the sum of probabilities may be from 1: they are often written with few digits.
const SUM_TOLERANCE: f64 = 1e-3;

/// The answer that scores give, one for each class: as they are where they are probabilities
/// (none negative, sum 1), and else through softmax, as they must be logits then.
pub(super) fn best(scores: &[f64]) -> Option<Answer> {
    let is_distribution = scores.iter().all(|score| (0.0..=1.0).contains(score))
        && (scores.iter().sum::<f64>() - 1.0).abs() <= SUM_TOLERANCE;
    let (probabilities, source) =
        if is_distribution { (scores.to_vec(), Source::Probabilities) } else { (softmax(scores), Source::Softmax) };
    let mut top: Vec<Score> = (0_u32..)
        .zip(&probabilities)
        .map(|(class, &confidence)| Score { label: class.to_string(), class: Some(class), confidence })
        .collect();
    // Stable: of equals, the first class.
    top.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    top.truncate(TOP);
    let first = top.first()?;
    Some(Answer { label: first.label.clone(), class: first.class, confidence: first.confidence, source, top })
}

/// The answer of scores that have names.
pub(super) fn best_named(scores: &[(&str, f64)]) -> Option<Answer> {
    let numbers: Vec<f64> = scores.iter().map(|(_, score)| *score).collect();
    let mut answer = best(&numbers)?;
    for score in &mut answer.top {
        let name = score.class.take().and_then(|class| scores.get(class as usize));
        score.label = label(name.map_or("", |(name, _)| name))?;
    }
    answer.label = answer.top.first()?.label.clone();
    answer.class = None;
    Some(answer)
}

/// The numbers of an array that holds nothing else.
pub(super) fn numbers(values: &[Value]) -> Option<Vec<f64>> {
    values.iter().map(Value::as_f64).collect()
}

/// A label that a record may carry; `None` for an empty one.
pub(super) fn label(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| shortened(text, MAX_LABEL_CHARS))
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
