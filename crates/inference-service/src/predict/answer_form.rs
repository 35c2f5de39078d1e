//! The form of an answer: JSON, or a table where a table was sent.

use axum::http::{HeaderMap, header};
use monitoring::{ApiError, ErrorCode};

use super::body_kind::{ARROW_FILE, ARROW_STREAM, BodyKind, PARQUET};
use crate::model::Prediction;

/// Most columns of an answer that is a file, in which each of them takes room of its own.
const MOST_COLUMNS: usize = 2_000;

/// How predictions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerForm {
    Json,
    Csv,
    Parquet,
    ArrowStream,
    ArrowFile,
}

impl AnswerForm {
    /// The form of the body, unless the client accepts another by its name. JSON goes first, and there is no table for what
    /// was none.
    pub(super) fn of(kind: BodyKind, headers: &HeaderMap) -> Self {
        let own = match kind {
            BodyKind::Picture | BodyKind::Form | BodyKind::Json => return Self::Json,
            BodyKind::Csv => Self::Csv,
            BodyKind::Parquet => Self::Parquet,
            BodyKind::ArrowStream => Self::ArrowStream,
            BodyKind::ArrowFile => Self::ArrowFile,
        };
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let types = accepted.flat_map(|value| value.split(',')).map(|range| range.split(';').next().unwrap_or(range));
        let mut named = types.filter_map(|range| match range.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "text/csv" => Some(Self::Csv),
            PARQUET => Some(Self::Parquet),
            ARROW_STREAM => Some(Self::ArrowStream),
            ARROW_FILE => Some(Self::ArrowFile),
            _ => None,
        });
        let first = named.next();
        if first == Some(Self::Json) || named.any(|form| form == Self::Json) {
            Self::Json
        } else {
            first.unwrap_or(own)
        }
    }

    /// Checks that predictions can be written in this form.
    ///
    /// # Errors
    /// `too_large` for more columns than a file gets.
    pub(super) fn check(self, predictions: &[Prediction]) -> Result<(), ApiError> {
        let outputs = predictions.first().map_or(&[][..], |first| &first.outputs);
        let elements: usize = outputs.iter().map(|output| output.values().len()).sum();
        match self {
            Self::Parquet | Self::ArrowStream | Self::ArrowFile if elements > MOST_COLUMNS => {
                let sentence = format!(
                    "The answer has {elements} columns, and a file has at most {MOST_COLUMNS}; accept application/json."
                );
                Err(ApiError::new(ErrorCode::TooLarge, sentence))
            }
            _ => Ok(()),
        }
    }
}
