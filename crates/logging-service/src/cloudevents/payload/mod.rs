//! What was asked and answered, in the V1 or the V2 protocol.

mod answer;
mod scores;
mod shape;
mod v1;
mod v2;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EventError, EventKind, shortened};

pub(super) use answer::{Answer, answers};
pub use shape::RequestFacts;

/// What an event carries, as far as it is of use here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// Of a request, its shape; pictures are megabytes of numbers, and are not kept.
    Asked(RequestFacts),
    /// Of a response, all of it.
    Answered(Value),
    /// What is no JSON: how many bytes, and why it cannot be read.
    Opaque {
        /// The payload's size.
        bytes: usize,
        /// Why it cannot be read.
        problem: String,
    },
}

impl Payload {
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

    /// The answer of a response.
    pub(super) fn answered(&self) -> Result<&Value, EventError> {
        match self {
            Self::Answered(value) => Ok(value),
            Self::Asked(_) => Err(EventError::Mismatch),
            Self::Opaque { bytes, problem } => Err(EventError::Payload(format!("{bytes} bytes: {problem}"))),
        }
    }
}
