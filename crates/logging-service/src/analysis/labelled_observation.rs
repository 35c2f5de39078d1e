//! A prediction beside its true label, as it is counted.

use serde::{Deserialize, Serialize};

use super::{PositiveScore, TrueClassScore};

/// A prediction whose true label is known. Its JSON form is kept, so that exactly what was counted can be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelledObservation {
    /// The time from the prediction to its label; 0 for a label that came before its prediction.
    #[serde(rename = "l")]
    pub lag_seconds: f64,
    /// What was predicted, and what was true.
    #[serde(flatten)]
    pub outcome: LabelledOutcome,
}

impl LabelledObservation {
    /// A prediction of a class; without a confidence where the model gives none.
    pub fn class(predicted: &str, truth: &str, confidence: Option<f64>, lag_seconds: f64) -> Self {
        let (predicted, truth) = (predicted.to_owned(), truth.to_owned());
        let outcome = ClassOutcome { predicted, truth, confidence, ..ClassOutcome::default() };
        Self { lag_seconds, outcome: LabelledOutcome::Class(outcome) }
    }

    /// A prediction of a number.
    pub fn value(predicted: f64, truth: f64, lag_seconds: f64) -> Self {
        Self { lag_seconds, outcome: LabelledOutcome::Value(ValueOutcome { predicted, truth }) }
    }
}

/// What was predicted, and what was true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LabelledOutcome {
    /// Of a classification.
    #[serde(rename = "class")]
    Class(ClassOutcome),
    /// Of a regression.
    #[serde(rename = "value")]
    Value(ValueOutcome),
}

/// What a classification predicted, and what was true.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassOutcome {
    /// The class that the model predicted.
    #[serde(rename = "p")]
    pub predicted: String,
    /// The true class.
    #[serde(rename = "t")]
    pub truth: String,
    /// The probability of the predicted class; absent where the model gives none.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Whether the true class is none of the model's classes.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_outside: bool,
    /// What the prediction says about the true class; absent where it gives no probabilities.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub truth_score: Option<TrueClassScore>,
    /// The score of one of two classes; absent where there are more, or where it is not known.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<PositiveScore>,
}

/// What a regression predicted, and what was true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueOutcome {
    /// The number that the model predicted.
    #[serde(rename = "p")]
    pub predicted: f64,
    /// The true number.
    #[serde(rename = "t")]
    pub truth: f64,
}
