//! The number of an answer that features are held against.

use crate::analysis::CorrelatedAnswer;

/// Which number of an answer is taken.
#[derive(Debug, Default)]
pub(super) struct CorrelatedNumbers {
    /// Which of two classes is the positive one, where that is known.
    pub(super) positive: Option<String>,
    has_value: bool,
}

impl CorrelatedNumbers {
    pub(super) fn new(positive: Option<String>) -> Self {
        Self { positive, has_value: false }
    }

    /// The number of an answer: its value, or the probability of the positive class, or that of the predicted one.
    pub(super) fn of(&mut self, value: Option<f64>, class: Option<&str>, confidence: Option<f64>) -> Option<f64> {
        self.has_value |= value.is_some();
        let is_other = self.positive.as_deref().is_some_and(|positive| class != Some(positive));
        value.or(confidence.map(|confidence| if is_other { 1.0 - confidence } else { confidence }))
    }

    /// What the numbers were.
    pub(super) fn answer(&self) -> CorrelatedAnswer {
        match (self.has_value, &self.positive) {
            (true, _) => CorrelatedAnswer::Value,
            (false, Some(_)) => CorrelatedAnswer::Score,
            (false, None) => CorrelatedAnswer::Confidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_of_the_positive_class_is_taken_where_it_is_known() {
        let mut score = CorrelatedNumbers::new(Some("yes".to_owned()));
        assert_eq!(score.of(None, Some("no"), Some(0.75)), Some(0.25));
        assert_eq!(score.of(None, Some("yes"), Some(0.75)), Some(0.75));
        assert_eq!((score.of(None, Some("yes"), None), score.answer()), (None, CorrelatedAnswer::Score));
        let mut confidence = CorrelatedNumbers::default();
        assert_eq!(confidence.of(None, Some("no"), Some(0.75)), Some(0.75));
        assert_eq!(confidence.answer(), CorrelatedAnswer::Confidence);
        assert_eq!((confidence.of(Some(3.0), None, None), confidence.answer()), (Some(3.0), CorrelatedAnswer::Value));
    }
}
