//! The best of the classes by their scores.
//!
//! Rule of thumb: probabilities are taken as they are. Only scores that the model itself calls logits go through softmax;
//! any other scores rank the classes, and give no confidence.

use prediction_record::{MAX_LABEL_CHARS, Score};
use serde_json::Value;

use super::answer::{ClassPrediction, ConfidenceSource};

/// How many of the best classes a record names.
const TOP: usize = 5;
/// How far the sum of probabilities may be from 1, as they are often written with few digits.
const SUM_TOLERANCE: f64 = 1e-3;
/// How far a probability of 32 bits may lie beyond 0 and 1 by rounding.
const ROUNDING: f64 = 1e-6;

/// The scores of one row, one for each class.
pub(super) struct ClassScores {
    scores: Vec<f64>,
    /// Whether the model calls them logits.
    pub(super) are_logits: bool,
}

impl ClassScores {
    /// The scores of a list of finite numbers; `None` for any other list, and for an empty one.
    pub(super) fn of(values: &[Value]) -> Option<Self> {
        Self::of_numbers(values.iter().map(Value::as_f64).collect::<Option<_>>()?)
    }

    /// The same of numbers.
    pub(super) fn of_numbers(scores: Vec<f64>) -> Option<Self> {
        let is_usable = !scores.is_empty() && scores.iter().all(|score| score.is_finite());
        is_usable.then_some(Self { scores, are_logits: false })
    }

    /// How many classes there are.
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether they are the probabilities of classes of which exactly one holds.
    pub(super) fn is_distribution(&self) -> bool {
        self.are_probabilities() && (self.scores.iter().sum::<f64>() - 1.0).abs() <= SUM_TOLERANCE
    }

    /// The prediction of the class with the highest score; of several, the first. `name` says what a class is called.
    pub(super) fn best(&self, name: impl Fn(usize) -> (String, Option<u32>)) -> Option<ClassPrediction> {
        let mut ranked: Vec<(usize, f64)> = self.scores.iter().copied().enumerate().collect();
        // The sort is stable, so the first of several equal classes comes first.
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let &(best, _) = ranked.first()?;
        let (label, class) = name(best);
        let probabilities = if self.are_probabilities() {
            Some((ConfidenceSource::Probabilities, self.scores.clone()))
        } else {
            self.are_logits.then(|| (ConfidenceSource::Softmax, softmax(&self.scores)))
        };
        let Some((source, probabilities)) = probabilities else { return Some(ClassPrediction::bare(label, class)) };
        let score = |&(index, _): &(usize, f64)| {
            let (label, class) = name(index);
            let confidence = probabilities.get(index).copied().unwrap_or_default().clamp(0.0, 1.0);
            Score { label, class, confidence }
        };
        let top: Vec<Score> = ranked.iter().take(TOP).map(score).collect();
        let confidence = top.first().map(|score| score.confidence);
        Some(ClassPrediction { label, class, confidence, source: Some(source), top })
    }

    fn are_probabilities(&self) -> bool {
        !self.are_logits && self.scores.iter().all(|score| (-ROUNDING..=1.0 + ROUNDING).contains(score))
    }
}

/// A label that a record may carry; `None` for an empty text, a long one and one of several lines, which is no name of a
/// class.
pub(super) fn parse_label(text: &str) -> Option<String> {
    let is_label = !text.is_empty() && text.chars().count() <= MAX_LABEL_CHARS && !text.chars().any(char::is_control);
    is_label.then(|| text.to_owned())
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}
