//! The form of an answer: JSON, or the form of the table that was sent.

use axum::http::{HeaderMap, header};

use super::body_kind::BodyKind;

/// How predictions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerForm {
    Json,
    Csv,
}

impl AnswerForm {
    /// The form of the body, unless the client accepts JSON by its name.
    pub(super) fn of(kind: BodyKind, headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut types =
            accepted.flat_map(|value| value.split(',')).map(|range| range.split(';').next().unwrap_or(range));
        if types.any(|range| range.trim().eq_ignore_ascii_case("application/json")) {
            return Self::Json;
        }
        match kind {
            BodyKind::Picture | BodyKind::Form | BodyKind::Json => Self::Json,
            BodyKind::Csv => Self::Csv,
        }
    }
}
