//! The two kinds of events.

use serde::{Deserialize, Serialize};

use super::{EventError, shortened};

/// Which half of a model's call an event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The request to the model.
    Request,
    /// The model's response.
    Response,
}

impl EventKind {
    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }

    /// The other half of the call.
    #[must_use]
    pub fn counterpart(self) -> Self {
        match self {
            Self::Request => Self::Response,
            Self::Response => Self::Request,
        }
    }

    /// The kind that a `ce-type` names.
    pub(super) fn of_type(name: &str) -> Result<Self, EventError> {
        match name {
            "org.kubeflow.serving.inference.request" => Ok(Self::Request),
            "org.kubeflow.serving.inference.response" => Ok(Self::Response),
            other => Err(EventError::UnknownType(shortened(other, 128))),
        }
    }
}
