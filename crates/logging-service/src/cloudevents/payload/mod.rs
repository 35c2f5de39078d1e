//! What a model was asked and what it answered, in the V1 or the V2 protocol.

mod answer;
mod binary;
mod features;
mod object;
mod opaque;
mod reading;
mod response;
mod scores;
mod shape;
mod tensor;
mod v2;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event_kind::EventKind;
use super::shortened;

pub(super) use answer::RowAnswer;
pub use features::FeatureRow;
pub use opaque::OpaqueForm;
pub(super) use reading::AnswerReading;
pub(super) use response::read_answers;
pub(super) use shape::RequestBody;
pub use shape::RequestFacts;

/// The part of an event's payload that its records need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventPayload {
    /// The shape of a request and the features that the model declares; its other numbers are megabytes for a picture, and
    /// are not kept.
    Asked(RequestFacts),
    /// The whole of a response. Its binary tensors stand in it as lists.
    Answered(Value),
    /// A payload that is not JSON.
    Opaque {
        /// The payload's size.
        bytes: usize,
        /// Why it cannot be read.
        problem: String,
        /// Its form, by its first bytes.
        #[serde(default)]
        form: OpaqueForm,
        /// The beginning of a response that is text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

impl EventPayload {
    /// Reads a payload; of a request, the body comes along. `json_length` is the length of the JSON in front of binary
    /// tensors, where the sender tells it.
    pub(super) fn read(kind: EventKind, bytes: &[u8], json_length: Option<usize>) -> (Self, Option<RequestBody>) {
        match kind {
            EventKind::Request => match RequestFacts::read(bytes, json_length) {
                Ok(facts) => (Self::Asked(facts), Some(RequestBody::Bytes { bytes: bytes.to_vec(), json_length })),
                Err(problem) => (Self::opaque(bytes, &problem), None),
            },
            EventKind::Response => {
                let read = binary::read_body(bytes, json_length);
                (read.map_or_else(|problem| Self::opaque(bytes, &problem.to_string()), Self::Answered), None)
            }
        }
    }

    /// The same for a payload that stood in the JSON of its event.
    pub(super) fn from_value(kind: EventKind, value: Value) -> (Self, Option<RequestBody>) {
        match kind {
            EventKind::Response if value.is_null() => (Self::opaque(b"", "there is none"), None),
            EventKind::Response => (Self::Answered(value), None),
            EventKind::Request => match RequestFacts::of_value(&value) {
                Ok(facts) => (Self::Asked(facts), Some(RequestBody::Json(value))),
                Err(problem) => (Self::opaque(b"", &problem), None),
            },
        }
    }

    /// A member of a response, if it is text.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        match self {
            Self::Answered(body) => body.get(name).and_then(Value::as_str),
            Self::Asked(_) | Self::Opaque { .. } => None,
        }
    }

    fn opaque(bytes: &[u8], problem: &str) -> Self {
        let form = OpaqueForm::of(bytes);
        Self::Opaque { bytes: bytes.len(), problem: shortened(problem, 200), form, text: form.beginning(bytes) }
    }
}
