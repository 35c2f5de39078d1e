//! One event: its sender, the model it is about, and its payload.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event_kind::EventKind;
use super::payload::EventPayload;
use super::{EventError, shortened};

/// What an event still lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// A request, which makes no prediction without its response.
    NeedsResponse,
    /// A response, which makes predictions even without its request, but without a latency and the shape of the input.
    WantsRequest,
}

/// An event. The JSON in which it is stored is this program's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// The id that request and response share.
    pub id: String,
    /// The sender.
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
    /// The body of the request or the response.
    pub payload: EventPayload,
}

impl CloudEvent {
    /// What the event lacks.
    pub fn status(&self) -> EventStatus {
        match self.kind {
            EventKind::Request => EventStatus::NeedsResponse,
            EventKind::Response => EventStatus::WantsRequest,
        }
    }

    /// A key that a request and its response share, and no other events. The id alone would not do, because a
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

    /// The event as text, to be stored until its counterpart comes. The numbers of a request are left out.
    ///
    /// # Errors
    /// [`EventError::Json`]; it does not occur for an event that was parsed.
    pub fn to_json(&self) -> Result<String, EventError> {
        serde_json::to_string(self).map_err(|error| unreadable(&error))
    }

    /// Reads the text that [`CloudEvent::to_json`] wrote.
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
