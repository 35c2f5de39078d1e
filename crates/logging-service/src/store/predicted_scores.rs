//! The probabilities that a prediction gives to classes, under the names by which classes are counted.
//!
//! Rule of thumb: a probability that a prediction does not say is only taken where it follows from those that it does.

use std::borrow::Cow;

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
    /// classes that are not among them, to each the same part. Where no classes are declared, nobody knows whether a class
    /// that is not among them is the model's; of one that is none of the declared ones nothing is said.
    pub(super) fn truth(&self, truth: &str, declared: &ModelDeclaration) -> Option<TrueClassScore> {
        if self.0.is_empty() {
            return None;
        }
        let is_outside = self.is_outside(truth, declared);
        let place = self.0.iter().position(|(class, _)| class == truth);
        let left = (1.0 - self.0.iter().map(|(_, score)| score).sum::<f64>()).max(0.0);
        let classes = if declared.labels.is_empty() && declared.positive.is_some() { 2 } else { declared.labels.len() };
        let probability = match place {
            _ if is_outside => None,
            Some(place) => Some(self.0[place].1),
            None if classes == 0 => None,
            None if left < NOTHING_LEFT || classes <= self.0.len() => Some(0.0),
            None => Some(left / (classes - self.0.len()) as f64),
        };
        let to_rank = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
        Some(TrueClassScore {
            probability,
            rank: place.map_or(0, |place| to_rank(place + 1)),
            ranked: to_rank(self.0.len()),
            is_outside,
        })
    }

    /// Whether a true class is none of those that the model is declared to have.
    pub(super) fn is_outside(&self, truth: &str, declared: &ModelDeclaration) -> bool {
        if !declared.labels.is_empty() {
            return !declared.labels.iter().any(|label| label_name(label) == truth);
        }
        // Of two classes, one is declared, and the prediction may name the other one.
        declared.positive.is_some() && self.positive(declared).is_some_and(|positive| !positive.may_be_about(truth))
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
        let declared_names = declared.labels.iter().map(|label| label_name(label));
        let named = declared_names.chain(self.0.iter().map(|(name, _)| name.as_str().into()));
        let other = named.filter(|name| **name != class).map(Cow::into_owned).next();
        let score_of = |class: &str| self.0.iter().find(|(name, _)| name == class).map(|(_, score)| *score);
        let score = score_of(&class).or_else(|| score_of(other.as_ref()?).map(|score| 1.0 - score))?;
        Some(PositiveScore { class, score, other })
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
        let all = scores(&[("cat", 0.75), ("dog", 0.25)]);
        assert_eq!(probability(&all, "eel", &declared(&[])), None, "nor whether this is one of them");
        assert_eq!(probability(&all, "eel", &animals), Some(0.0));
        let truth = two.truth("dog", &animals).unwrap();
        assert_eq!((truth.rank, truth.ranked), (2, 2));
        assert_eq!(two.truth("fox", &animals).unwrap().rank, 0);
    }

    #[test]
    fn of_what_is_no_class_nothing_is_said() {
        let animals = declared(&["cat", "dog", "1.0"]);
        let two = scores(&[("cat", 0.5), ("emu", 0.25)]);
        for (truth, is_outside) in [("cat", false), ("dog", false), ("1", false), ("emu", true), ("Cat", true)] {
            let score = two.truth(truth, &animals).unwrap();
            assert_eq!((score.is_outside, score.probability.is_none()), (is_outside, is_outside), "{truth}");
        }
        let cats = ModelDeclaration { positive: Some("cat".to_owned()), ..<_>::default() };
        for (top, truth, is_outside) in [
            (&[("cat", 0.75)][..], "dog", false),
            (&[("cat", 0.75)], "eel", false),
            (&[("dog", 0.75)], "cat", false),
            (&[("dog", 0.75)], "eel", true),
            (&[("cat", 0.75), ("dog", 0.25)], "eel", true),
        ] {
            let scores = scores(top);
            assert_eq!(scores.is_outside(truth, &cats), is_outside, "{top:?} {truth}");
            assert_eq!(scores.positive(&cats).unwrap().may_be_about(truth), !is_outside, "{top:?} {truth}");
        }
        let undeclared = scores(&[("cat", 0.75), ("dog", 0.25)]);
        assert!(!undeclared.is_outside("eel", &declared(&[])));
        assert!(!undeclared.positive(&declared(&[])).unwrap().may_be_about("eel"));
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
