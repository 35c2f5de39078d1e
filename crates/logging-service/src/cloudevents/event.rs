//! One event: who says it, about which model, and what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event_kind::EventKind;
use super::payload::Payload;
use super::{EventError, shortened};

/// What an event lacks to be told in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// A request: without its response there is no prediction.
    NeedsResponse,
    /// A response: without its request there is a prediction, but no latency and no shape of the input.
    WantsRequest,
}

/// An event. Its JSON, by which it is kept, is this program's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// The id that request and response share.
    pub id: String,
    /// Who sent it.
    pub source: String,
    /// Which half of the call it is.
    pub kind: EventKind,
    /// When it was sent.
    pub time: Option<Timestamp>,
    /// Name of the InferenceService.
    pub inference_service: Option<String>,
    /// Its Kubernetes namespace.
    pub namespace: Option<String>,
    /// The part of the service: `predictor`, `transformer`, `explainer`.
    pub component: Option<String>,
    /// The endpoint: `default` or `canary`.
    pub endpoint: Option<String>,
    /// What was said.
    pub payload: Payload,
}

impl CloudEvent {
    /// What the event lacks.
    pub fn status(&self) -> EventStatus {
        match self.kind {
            EventKind::Request => EventStatus::NeedsResponse,
            EventKind::Response => EventStatus::WantsRequest,
        }
    }

    /// The same for a request and its response, and for no others: the id alone is not, as a
    /// transformer passes the caller's id on to the predictor behind it.
    pub fn pair_key(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        // No part contains a control character.
        [
            &part(&self.namespace),
            &part(&self.inference_service),
            &part(&self.component),
            &part(&self.endpoint),
            &self.id,
        ]
        .map(String::as_str)
        .join("\n")
    }

    /// The event as text, to be kept until its counterpart comes. A request's numbers are not in it.
    ///
    /// # Errors
    /// [`EventError::Json`], which does not happen to an event that was parsed.
    pub fn to_json(&self) -> Result<String, EventError> {
        serde_json::to_string(self).map_err(|error| unreadable(&error))
    }

    /// Reads [`CloudEvent::to_json`].
    ///
    /// # Errors
    /// [`EventError::Json`].
    pub fn from_json(json: &str) -> Result<Self, EventError> {
        serde_json::from_str(json).map_err(|error| unreadable(&error))
    }
}

pub(super) fn unreadable(error: &serde_json::Error) -> EventError {
    EventError::Json(shortened(&error.to_string(), 200))
}
