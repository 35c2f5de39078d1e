//! A prediction beside its true label, as it is counted.
//!
//! Rule of thumb: what a number as a label means depends on the model. It is the index of a class only where classes have
//! names that are declared, or where the prediction says which class has which index; else it is a value.

use prediction_record::{ModelDeclaration, PredictionRecord, Task};

use super::predicted_scores::{PredictedScores, known_confidence};
use super::stored_label::StoredLabel;
use crate::analysis::{ClassOutcome, LabelledObservation, LabelledOutcome, TrueClassScore, label_name, number_of};

/// The names that a model's labels can have.
#[derive(Clone, Copy)]
struct ClassNames<'a> {
    /// The declared ones, in the order of their indices.
    declared: &'a [String],
    /// A prediction, whose own classes may have indices.
    prediction: Option<&'a PredictionRecord>,
}

/// Whether a label can be held against a prediction of this task.
pub(super) fn can_count(task: Task, label: &StoredLabel) -> bool {
    match task {
        Task::Classification => true,
        Task::Regression => label.is_number(),
        Task::Raw => false,
    }
}

/// What is counted of a prediction beside a label; `None` where the label cannot be held against it: a prediction that
/// says neither class nor value, or a text where a number was predicted.
pub(super) fn observe(
    prediction: &PredictionRecord,
    label: &StoredLabel,
    declared: &ModelDeclaration,
) -> Option<LabelledObservation> {
    let occurred_at = prediction.occurred_at.map(super::time::floor_microseconds)?;
    let lag = lag_seconds(label, occurred_at);
    match prediction.task {
        Task::Raw => None,
        Task::Regression => Some(LabelledObservation::value(prediction.value?, number_of(&label.label)?, lag)),
        Task::Classification => {
            let names = ClassNames { declared: &declared.labels, prediction: Some(prediction) };
            let predicted = ClassNames { prediction: None, ..names }.name(prediction.label.as_deref()?);
            let truth = names.name(&label.label);
            let scores =
                PredictedScores::of(prediction, &predicted, |name| ClassNames { prediction: None, ..names }.name(name));
            let outcome = ClassOutcome {
                confidence: known_confidence(prediction),
                is_outside: scores.is_outside(&truth, declared),
                truth_score: scores.truth(&truth, declared),
                positive: scores.positive(declared),
                predicted,
                truth,
            };
            Some(LabelledObservation { lag_seconds: lag, outcome: LabelledOutcome::Class(outcome) })
        }
    }
}

/// What is counted of a prediction whose row is gone, beside another label than the one that was counted.
pub(super) fn revise(
    counted: &LabelledObservation,
    label: &StoredLabel,
    occurred_at: i64,
    declared: &ModelDeclaration,
) -> Option<LabelledObservation> {
    let lag = lag_seconds(label, occurred_at);
    match &counted.outcome {
        LabelledOutcome::Value(value) => {
            Some(LabelledObservation::value(value.predicted, number_of(&label.label)?, lag))
        }
        LabelledOutcome::Class(class) => {
            let truth = ClassNames { declared: &declared.labels, prediction: None }.name(&label.label);
            let two = class.positive.as_ref().filter(|positive| positive.may_be_about(&truth));
            let is_outside = if declared.labels.is_empty() {
                declared.positive.is_some() && class.positive.is_some() && two.is_none()
            } else {
                !declared.labels.iter().any(|label| label_name(label) == truth)
            };
            let probability = match two {
                _ if is_outside => None,
                // Of two classes, the score of one is that of the other as well.
                Some(positive) if positive.class == truth => Some(positive.score),
                Some(positive) => Some(1.0 - positive.score),
                None if class.truth == truth => class.truth_score.and_then(|score| score.probability),
                None => class.confidence.filter(|_| class.predicted == truth),
            };
            let same = class.truth_score.filter(|_| class.truth == truth);
            let truth_score = class.truth_score.map(|_| TrueClassScore {
                probability,
                is_outside,
                // How the classes were ranked is not known any more, but for the predicted one.
                ..same.unwrap_or(TrueClassScore {
                    rank: u16::from(class.predicted == truth),
                    ranked: 1,
                    ..TrueClassScore::default()
                })
            });
            let outcome = ClassOutcome { truth, is_outside, truth_score, ..class.clone() };
            Some(LabelledObservation { lag_seconds: lag, outcome: LabelledOutcome::Class(outcome) })
        }
    }
}

fn lag_seconds(label: &StoredLabel, occurred_at: i64) -> f64 {
    label.labelled_at.saturating_sub(occurred_at) as f64 / 1e6
}

impl ClassNames<'_> {
    /// The class that a label means.
    fn name(&self, label: &str) -> String {
        let label = label_name(label);
        let known = if self.declared.is_empty() { self.of_prediction(&label) } else { self.of_declaration(&label) };
        known.map_or_else(|| label.to_string(), |name| label_name(name).into_owned())
    }

    fn of_declaration(&self, label: &str) -> Option<&str> {
        let is_flag = matches!(label, "true" | "false");
        let is_it = |name: &&String| label_name(name) == label || is_flag && name.eq_ignore_ascii_case(label);
        if let Some(name) = self.declared.iter().find(is_it) {
            return Some(name);
        }
        // Where names are numbers themselves, a number is a name.
        if self.declared.iter().any(|name| number_of(name).is_some()) {
            return None;
        }
        self.declared.get(label.parse::<usize>().ok()?).map(String::as_str)
    }

    fn of_prediction(&self, label: &str) -> Option<&str> {
        let prediction = self.prediction?;
        let predicted = prediction.label.as_deref()?;
        if number_of(predicted).is_some() {
            return None;
        }
        let index = label.parse::<u32>().ok()?;
        let has_index = |class: Option<u32>| class == Some(index);
        let of_top = prediction.top.iter().find(|score| has_index(score.class)).map(|score| score.label.as_str());
        of_top.or_else(|| has_index(prediction.class).then_some(predicted))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use jiff::Timestamp;
    use prediction_record::Score;

    use super::*;

    fn label(text: &str) -> StoredLabel {
        StoredLabel { id: 1, label: text.to_owned(), labelled_at: 2_000_000, revision: 0 }
    }

    fn prediction(label: &str) -> PredictionRecord {
        PredictionRecord {
            occurred_at: Some(Timestamp::UNIX_EPOCH),
            label: Some(label.to_owned()),
            ..PredictionRecord::default()
        }
    }

    fn declared(labels: &[&str]) -> ModelDeclaration {
        ModelDeclaration { labels: labels.iter().map(|label| (*label).to_owned()).collect(), ..<_>::default() }
    }

    /// The predicted and the true class that are counted.
    fn counted(prediction: &PredictionRecord, truth: &str, declared: &ModelDeclaration) -> [String; 2] {
        match observe(prediction, &label(truth), declared).unwrap().outcome {
            LabelledOutcome::Class(class) => [class.predicted, class.truth],
            LabelledOutcome::Value(_) => panic!("a number"),
        }
    }

    #[test]
    fn a_number_is_an_index_only_where_classes_are_declared() {
        let animals = declared(&["cat", "dog", "eel"]);
        assert_eq!(counted(&prediction("dog"), "1.0", &declared(&[])), ["dog", "1"]);
        assert_eq!(counted(&prediction("dog"), "1.0", &animals), ["dog", "dog"]);
        assert_eq!(counted(&prediction("2"), "2", &animals), ["eel", "eel"]);
        assert_eq!(counted(&prediction("dog"), "7", &animals), ["dog", "7"]);
        assert_eq!(counted(&prediction("True"), "true", &declared(&["False", "True"])), ["True", "True"]);
    }

    #[test]
    fn a_number_that_is_a_name_is_no_index() {
        let grades = declared(&["3", "2", "1"]);
        assert_eq!(counted(&prediction("1.0"), "1", &grades), ["1", "1"]);
        assert_eq!(counted(&prediction("3"), "0", &grades), ["3", "0"]);
        assert_eq!(counted(&prediction("1"), "1.0", &declared(&[])), ["1", "1"]);
    }

    #[test]
    fn the_indices_of_the_prediction_itself_count() {
        let score = |label: &str, class| Score { label: label.to_owned(), class: Some(class), confidence: 0.5 };
        let top = vec![score("cat", 3), score("dog", 5)];
        let own = PredictionRecord { class: Some(3), top, ..prediction("cat") };
        assert_eq!(counted(&own, "3", &declared(&[])), ["cat", "cat"]);
        assert_eq!(counted(&own, "5", &declared(&[])), ["cat", "dog"]);
        assert_eq!(counted(&own, "9", &declared(&[])), ["cat", "9"]);
        let numbers = PredictionRecord { class: Some(7), top: vec![score("8", 7), score("9", 8)], ..prediction("8") };
        assert_eq!(counted(&numbers, "7", &declared(&[])), ["8", "7"]);
    }

    #[test]
    fn a_value_needs_a_number_and_raw_has_no_label() {
        let value = PredictionRecord { task: Task::Regression, value: Some(3.5), ..prediction("") };
        let observed = observe(&value, &label("4"), &declared(&[])).unwrap();
        assert_eq!(observed, LabelledObservation::value(3.5, 4.0, 2.0));
        assert_eq!(observe(&value, &label("many"), &declared(&[])), None);
        assert_eq!(observe(&PredictionRecord { task: Task::Raw, ..prediction("") }, &label("4"), &declared(&[])), None);
    }
}
