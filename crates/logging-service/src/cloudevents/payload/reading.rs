//! What an answer means, by the declared task of its model.
//!
//! Rule of thumb: nothing is guessed from numbers. Without a declaration an answer is a classification only where it says so
//! itself: a text, or an object with a label, a class or named probabilities.

use prediction_record::{ModelDeclaration, Score, Task};
use serde_json::{Number, Value};

use super::answer::{ClassPrediction, ConfidenceSource, RowAnswer};
use super::scores::{ClassScores, parse_label};

/// The members of an object that hold the number of a regression.
const VALUES: [&str; 5] = ["prediction", "value", "predicted_value", "output", "score"];

/// Reads answers of one model.
#[derive(Clone, Copy)]
pub(in crate::cloudevents) struct AnswerReading<'a> {
    pub(super) task: Option<Task>,
    labels: &'a [String],
    positive: Option<&'a str>,
}

impl<'a> AnswerReading<'a> {
    /// As the model is declared. Where only its labels are, it is a classification.
    pub(in crate::cloudevents) fn of(declared: &'a ModelDeclaration) -> Self {
        let task = declared.task.or((!declared.labels.is_empty()).then_some(Task::Classification));
        Self { task, labels: &declared.labels, positive: declared.positive.as_deref() }
    }

    /// Reads the answer about one row.
    pub(super) fn answer(&self, prediction: &Value) -> RowAnswer {
        match self.task {
            Some(Task::Raw) => RowAnswer::Raw,
            Some(Task::Regression) => value_of(prediction),
            Some(Task::Classification) if prediction.is_null() => RowAnswer::NotANumber,
            Some(Task::Classification) => self.class_of(prediction),
            None => self.said(prediction).map_or(RowAnswer::Raw, RowAnswer::Class),
        }
    }

    fn class_of(&self, prediction: &Value) -> RowAnswer {
        let class = match prediction {
            Value::Null => return RowAnswer::NotANumber,
            Value::Bool(flag) => Some(self.flag(*flag)),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(values) => match values.as_slice() {
                [] => None,
                [only] => return self.class_of(only),
                [Value::Object(_), ..] => self.best_of_objects(values),
                values if values.iter().any(Value::is_null) => return RowAnswer::NotANumber,
                values => ClassScores::of(values).and_then(|scores| self.best(&scores)),
            },
            Value::Object(members) => self.object(members),
        };
        let is_unfit = match prediction {
            Value::Number(_) => true,
            Value::Array(values) => !values.is_empty() && values.iter().all(Value::is_number),
            Value::Object(members) => self.names_classes(members),
            _ => false,
        };
        class.map_or(if is_unfit { RowAnswer::Unfit } else { RowAnswer::Raw }, RowAnswer::Class)
    }

    /// The classification that an answer is by what it says itself.
    fn said(&self, prediction: &Value) -> Option<ClassPrediction> {
        match prediction {
            Value::String(text) => self.text(text),
            Value::Array(values) => match values.as_slice() {
                [only] => self.said(only),
                [Value::Object(_), ..] => self.best_of_objects(values),
                _ => None,
            },
            Value::Object(members) => self.object(members),
            _ => None,
        }
    }

    /// Whether the model is declared as a classification.
    pub(super) fn is_declared(&self) -> bool {
        self.task == Some(Task::Classification)
    }

    /// The best class of scores whose classes are those of the model; `None` where the model has more or fewer.
    pub(super) fn best(&self, scores: &ClassScores) -> Option<ClassPrediction> {
        if !self.labels.is_empty() && self.labels.len() != scores.len() {
            return None;
        }
        scores.best(|index| {
            let class = u32::try_from(index).ok();
            (self.labels.get(index).cloned().unwrap_or_else(|| index.to_string()), class)
        })
    }

    /// A text that is the name of a class.
    pub(super) fn text(&self, text: &str) -> Option<ClassPrediction> {
        let class = self.labels.iter().position(|label| label == text).and_then(|index| u32::try_from(index).ok());
        Some(ClassPrediction::bare(parse_label(text)?, class))
    }

    /// A whole number that is a class, or stands for one; `None` for one that is none of the declared classes.
    pub(super) fn whole(&self, number: &Number) -> Option<ClassPrediction> {
        let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= f64::from(u32::MAX))?;
        let class = number.max(0.0) as u32;
        let name = self.labels.get(class as usize);
        if !self.labels.is_empty() && (number < 0.0 || name.is_none()) {
            return None;
        }
        if number < 0.0 {
            return Some(ClassPrediction::bare(format!("{number:.0}"), None));
        }
        Some(ClassPrediction::bare(name.cloned().unwrap_or_else(|| class.to_string()), Some(class)))
    }

    /// A number that is an answer. The model and the datatype say what it means, never its value: of two classes, and where
    /// nobody says how many there are, a floating-point number is a probability, 1.0 and 0.0 of a saturated sigmoid too.
    pub(super) fn number(&self, number: &Number) -> Option<ClassPrediction> {
        let is_binary = matches!(self.labels.len(), 0 | 2);
        if is_binary && number.is_f64() { self.binary(number.as_f64()?) } else { self.whole(number) }
    }

    pub(super) fn flag(&self, flag: bool) -> ClassPrediction {
        match self.labels {
            [_, _] => ClassPrediction::bare(self.of_two(flag), Some(u32::from(flag))),
            _ => ClassPrediction::bare(flag.to_string(), None),
        }
    }

    /// A number from 0 to 1 is the probability of the second of two classes, as a sigmoid gives it.
    fn binary(&self, probability: f64) -> Option<ClassPrediction> {
        if !(0.0..=1.0).contains(&probability) {
            return None;
        }
        let score = |second: bool| Score {
            label: self.of_two(second),
            class: Some(u32::from(second)),
            confidence: if second { probability } else { 1.0 - probability },
        };
        let second = probability >= 0.5;
        let top = vec![score(second), score(!second)];
        let best = score(second);
        Some(ClassPrediction {
            label: best.label,
            class: best.class,
            confidence: Some(best.confidence),
            source: Some(ConfidenceSource::Probabilities),
            top,
        })
    }

    /// The name of the first or the second of two classes. Where only the positive one has a name, it is the second.
    fn of_two(&self, second: bool) -> String {
        let index = usize::from(second);
        let declared = self.labels.get(index).map(String::as_str).or(self.positive.filter(|_| second));
        declared.map_or_else(|| index.to_string(), str::to_owned)
    }
}

/// The number that a regression predicts.
fn value_of(prediction: &Value) -> RowAnswer {
    let finite = |number: f64| if number.is_finite() { RowAnswer::Value(number) } else { RowAnswer::NotANumber };
    match prediction {
        Value::Null => RowAnswer::NotANumber,
        Value::Number(number) => number.as_f64().map_or(RowAnswer::NotANumber, finite),
        Value::String(text) => text.trim().parse().map_or(RowAnswer::Raw, finite),
        Value::Array(values) => match values.as_slice() {
            [only] => value_of(only),
            _ => RowAnswer::Raw,
        },
        Value::Object(members) => match VALUES.iter().find_map(|name| members.get(*name)) {
            Some(inner) if !inner.is_object() => value_of(inner),
            _ => RowAnswer::Raw,
        },
        Value::Bool(_) => RowAnswer::Raw,
    }
}
