//! The predictions of one response.

use prediction_record::Score;
use serde_json::Value;

use super::{v1, v2};
use crate::cloudevents::EventError;

/// Where a confidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloudevents) enum Source {
    /// The model gave it beside its label.
    Given,
    /// The largest of the probabilities that the model gave.
    Probabilities,
    /// The softmax of the scores that the model gave, as they do not sum to 1.
    Softmax,
    /// The model gave none; a record needs one, and has 1.
    None,
}

impl Source {
    pub(in crate::cloudevents) fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Probabilities => "probabilities",
            Self::Softmax => "softmax",
            Self::None => "none",
        }
    }
}

/// The prediction of one row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cloudevents) struct Answer {
    pub(in crate::cloudevents) label: String,
    pub(in crate::cloudevents) class: Option<u32>,
    pub(in crate::cloudevents) confidence: f64,
    pub(in crate::cloudevents) source: Source,
    pub(in crate::cloudevents) top: Vec<Score>,
}

impl Answer {
    /// A label alone.
    pub(super) fn bare(label: String, class: Option<u32>) -> Self {
        Self { label, class, confidence: 1.0, source: Source::None, top: Vec::new() }
    }
}

/// The predictions of a response, by the members that it has.
pub(in crate::cloudevents) fn answers(body: &Value) -> Result<Vec<Answer>, EventError> {
    match (body.get("predictions"), body.get("outputs")) {
        (Some(Value::Array(predictions)), _) => v1::answers(predictions),
        (_, Some(Value::Array(outputs))) => v2::answers(outputs),
        _ => Err(EventError::Payload("it has neither predictions nor outputs".to_owned())),
    }
}
