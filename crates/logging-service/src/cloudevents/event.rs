//! One event: its sender, the model it is about, and its payload.

use jiff::Timestamp;
use prediction_record::MAX_NAME_CHARS;
use serde::{Deserialize, Serialize};

use super::EventError;
use super::event_kind::EventKind;
use super::payload::EventPayload;

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
    /// The HTTP status of the model's answer, where the sender tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
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

    /// The name of the model that the event is about, as its records have it: the InferenceService's, else the one that the
    /// response gives, else the sender's.
    ///
    /// # Errors
    /// [`EventError::InvalidAttribute`] for a name of which no character may stand in a record.
    pub fn model(&self) -> Result<String, EventError> {
        let of_body = || self.payload.member("model_name");
        let (attribute, name) = match (self.inference_service.as_deref(), of_body()) {
            (Some(name), _) => ("inferenceservicename", name),
            (None, Some(name)) => ("model_name", name),
            (None, None) => ("source", self.source.as_str()),
        };
        valid_name(name).ok_or_else(|| EventError::InvalidAttribute {
            name: attribute,
            problem: "names the model, and has no letter or digit that a model's name may have".to_owned(),
        })
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
        serde_json::to_string(self).map_err(|error| EventError::json(&error))
    }

    /// Reads the text that [`CloudEvent::to_json`] wrote.
    ///
    /// # Errors
    /// [`EventError::Json`].
    pub fn from_json(json: &str) -> Result<Self, EventError> {
        serde_json::from_str(json).map_err(|error| EventError::json(&error))
    }
}

/// Turns text into a name that a record may carry: characters that a name may not contain become `-`.
pub(super) fn valid_name(text: &str) -> Option<String> {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = text.chars().map(allowed).take(MAX_NAME_CHARS).collect();
    let name = name.trim_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}
