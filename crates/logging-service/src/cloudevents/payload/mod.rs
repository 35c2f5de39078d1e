//! What a model was asked and what it answered, in the V1 or the V2 protocol.

mod row_prediction;
mod scores;
mod shape;
mod v1;
mod v2;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_kind::EventKind;
use super::{EventError, shortened};

pub(super) use row_prediction::RowPrediction;
pub use shape::RequestFacts;

/// The part of an event's payload that its records need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventPayload {
    /// The shape of a request; its numbers are megabytes for a picture, and are not kept.
    Asked(RequestFacts),
    /// The whole of a response.
    Answered(Value),
    /// A payload that is not JSON.
    Opaque {
        /// The payload's size.
        bytes: usize,
        /// Why it cannot be read.
        problem: String,
    },
}

impl EventPayload {
    pub(super) fn from_slice(kind: EventKind, json: &[u8]) -> Self {
        let read = match kind {
            EventKind::Request => serde_json::from_slice(json).map(Self::Asked),
            EventKind::Response => serde_json::from_slice(json).map(Self::Answered),
        };
        let opaque =
            |error: serde_json::Error| Self::Opaque { bytes: json.len(), problem: shortened(&error.to_string(), 200) };
        read.unwrap_or_else(opaque)
    }

    pub(super) fn from_value(kind: EventKind, value: &Value) -> Self {
        match kind {
            EventKind::Request => RequestFacts::deserialize(value).map_or_else(
                |error| Self::Opaque { bytes: 0, problem: shortened(&error.to_string(), 200) },
                Self::Asked,
            ),
            EventKind::Response => Self::Answered(value.clone()),
        }
    }

    /// The body of a response.
    pub(super) fn answered(&self) -> Result<&Value, EventError> {
        match self {
            Self::Answered(value) => Ok(value),
            Self::Asked(_) => Err(EventError::Mismatch),
            Self::Opaque { bytes, problem } => Err(EventError::Payload(format!("{bytes} bytes: {problem}"))),
        }
    }
}

/// Reads the predictions of a response, by the members that it has.
pub(super) fn read_predictions(body: &Value) -> Result<Vec<RowPrediction>, EventError> {
    match (body.get("predictions"), body.get("outputs")) {
        (Some(Value::Array(predictions)), _) => v1::read_predictions(predictions),
        (_, Some(Value::Array(outputs))) => v2::read_predictions(outputs),
        _ => Err(EventError::Payload("it has neither predictions nor outputs".to_owned())),
    }
}
