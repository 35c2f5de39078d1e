//! The probabilities that a prediction gives to classes, under the names by which classes are counted.
//!
//! Rule of thumb: a probability that a prediction does not say is only taken where it follows from those that it does.

use prediction_record::{ModelDeclaration, PredictionRecord};

use crate::analysis::{self, PositiveScore, TrueClassScore, label_name};

/// Scores are rounded in many places; of all classes together they may be off 1 by this much.
const NOTHING_LEFT: f64 = 1e-6;

/// The classes that a prediction gives a probability, the most probable first.
pub(super) struct PredictedScores(Vec<(String, f64)>);

impl PredictedScores {
    /// The scores in `top`, or else the one of the predicted class; `name` gives the name under which a class is counted.
    pub(super) fn of(prediction: &PredictionRecord, predicted: &str, name: impl Fn(&str) -> String) -> Self {
        if prediction.top.is_empty() {
            let own = known_confidence(prediction).map(|confidence| (predicted.to_owned(), confidence));
            return Self(own.into_iter().collect());
        }
        Self(prediction.top.iter().map(|score| (name(&score.label), score.confidence)).collect())
    }

    /// What the prediction says about the true class. The probability that its scores leave over belongs to the declared
    /// classes that are not among them, to each the same part.
    pub(super) fn truth(&self, truth: &str, declared: &ModelDeclaration) -> Option<TrueClassScore> {
        if self.0.is_empty() {
            return None;
        }
        let place = self.0.iter().position(|(class, _)| class == truth);
        let left = (1.0 - self.0.iter().map(|(_, score)| score).sum::<f64>()).max(0.0);
        let classes = if declared.labels.is_empty() && declared.positive.is_some() { 2 } else { declared.labels.len() };
        let probability = match place {
            Some(place) => Some(self.0[place].1),
            None if left < NOTHING_LEFT || (1..=self.0.len()).contains(&classes) => Some(0.0),
            None if classes == 0 => None,
            None => Some(left / (classes - self.0.len()) as f64),
        };
        let to_rank = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
        Some(TrueClassScore {
            probability,
            rank: place.map_or(0, |place| to_rank(place + 1)),
            ranked: to_rank(self.0.len()),
        })
    }

    /// The score of the positive one of two classes. Where none is declared, it is the one that comes last in the alphabet.
    pub(super) fn positive(&self, declared: &ModelDeclaration) -> Option<PositiveScore> {
        let declared_class = analysis::positive_class(declared).map(|class| label_name(class).into_owned());
        let class = match declared_class {
            Some(class) => class,
            None if declared.labels.is_empty() && self.0.len() == 2 => {
                self.0.iter().map(|(class, _)| class).max()?.clone()
            }
            None => return None,
        };
        let own = self.0.iter().find(|(name, _)| *name == class).map(|(_, score)| *score);
        let score = own.or_else(|| self.0.first().map(|(_, score)| 1.0 - score))?;
        Some(PositiveScore { class, score })
    }
}

/// The probability that a prediction gives its class, if it knows one. Before confidences were optional, a sender that
/// knew none had to write one all the same.
pub(super) fn known_confidence(prediction: &PredictionRecord) -> Option<f64> {
    prediction.confidence.filter(|_| prediction.extra.get("confidence_source") != Some(&"none".into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use prediction_record::Score;

    use super::*;

    fn scores(top: &[(&str, f64)]) -> PredictedScores {
        let score = |(label, confidence): &(&str, f64)| Score {
            label: (*label).to_owned(),
            class: None,
            confidence: *confidence,
        };
        let prediction = PredictionRecord { top: top.iter().map(score).collect(), ..PredictionRecord::default() };
        PredictedScores::of(&prediction, top[0].0, str::to_owned)
    }

    fn declared(labels: &[&str]) -> ModelDeclaration {
        ModelDeclaration { labels: labels.iter().map(|label| (*label).to_owned()).collect(), ..<_>::default() }
    }

    fn probability(scores: &PredictedScores, truth: &str, declared: &ModelDeclaration) -> Option<f64> {
        scores.truth(truth, declared).unwrap().probability
    }

    #[test]
    fn what_is_left_over_belongs_to_the_classes_that_are_not_ranked() {
        let two = scores(&[("cat", 0.5), ("dog", 0.25)]);
        let animals = declared(&["cat", "dog", "eel", "fox"]);
        assert_eq!(probability(&two, "dog", &animals), Some(0.25));
        assert_eq!(probability(&two, "eel", &animals), Some(0.125));
        assert_eq!(probability(&two, "eel", &declared(&[])), None, "nobody knows how many classes there are");
        assert_eq!(probability(&scores(&[("cat", 0.75), ("dog", 0.25)]), "eel", &declared(&[])), Some(0.0));
        let truth = two.truth("dog", &animals).unwrap();
        assert_eq!((truth.rank, truth.ranked), (2, 2));
        assert_eq!(two.truth("fox", &animals).unwrap().rank, 0);
    }

    #[test]
    fn the_score_of_one_of_two_classes_is_that_of_the_other() {
        let positive = |scores: &PredictedScores, declared: &ModelDeclaration| {
            scores.positive(declared).map(|positive| (positive.class, positive.score))
        };
        let yes = |score| Some(("yes".to_owned(), score));
        assert_eq!(positive(&scores(&[("no", 0.75)]), &declared(&["no", "yes"])), yes(0.25));
        assert_eq!(positive(&scores(&[("no", 0.75), ("yes", 0.25)]), &declared(&[])), yes(0.25));
        assert_eq!(positive(&scores(&[("no", 0.75)]), &declared(&[])), None, "there may be more classes");
        assert_eq!(positive(&scores(&[("no", 0.75)]), &declared(&["no", "yes", "maybe"])), None);
        let of_person = ModelDeclaration { positive: Some("no".to_owned()), ..declared(&["no", "yes"]) };
        assert_eq!(positive(&scores(&[("no", 0.75)]), &of_person), Some(("no".to_owned(), 0.75)));
        assert_eq!(probability(&scores(&[("no", 0.75)]), "yes", &declared(&["no", "yes"])), Some(0.25));
    }

    #[test]
    fn a_prediction_without_probabilities_says_nothing() {
        let prediction = PredictionRecord { label: Some("cat".to_owned()), ..PredictionRecord::default() };
        let none = PredictedScores::of(&prediction, "cat", str::to_owned);
        assert_eq!(
            (none.truth("cat", &declared(&["cat", "dog"])), none.positive(&declared(&["cat", "dog"]))),
            (None, None)
        );
    }
}
