//! The true label of a prediction, as it is told.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The true label that is counted for a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct KnownLabel {
    /// The label, as it was sent.
    pub label: String,
    /// When it became known.
    #[schema(value_type = String, format = DateTime)]
    pub labelled_at: Timestamp,
    /// The person or system that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
