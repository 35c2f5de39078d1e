//! The body of a request, received within bounds of size, time and memory.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, Uri};
use monitoring::{ApiError, ErrorCode, HeldKind, Hold, off_worker};
use prediction_record::{json_weight, read_json};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::plain_words::in_plain_words;
use crate::app::App;

/// A body of more bytes takes milliseconds to parse, which is long compared with the rest of a request.
const LARGE_BODY: usize = 64 * 1024;
/// Most bytes of a form, which becomes an address.
const LARGEST_FORM: usize = 16 * 1024;
/// How long a client may take to send its body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// A whole body and the headers that came with it.
pub(crate) struct ReceivedBody {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// Room for what the body becomes in memory.
    pub(crate) parsed: Option<Hold>,
}

impl ReceivedBody {
    /// Reads a body to its end.
    ///
    /// # Errors
    /// The refusals of [`monitoring::read_body`], `overloaded` where there is no room for what the body becomes, and
    /// `deadline_exceeded` for a client that is too slow.
    pub(crate) async fn receive(app: &App, request: Request<Body>) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let reading = monitoring::read_body(&app.room, &head.headers, body, app.config.max_body_bytes);
        let late = |_| ApiError::new(ErrorCode::DeadlineExceeded, "The body did not arrive within 30 seconds.");
        let bytes = timeout(BODY_PATIENCE, reading).await.map_err(late)??;
        let mut parsed = app.room.hold(HeldKind::Parsed);
        parsed.grow(json_weight(&bytes)).await?;
        Ok(Self { headers: head.headers, bytes, parsed: Some(parsed) })
    }

    /// Reads the body as one JSON value.
    ///
    /// # Errors
    /// `unsupported_media_type`; `invalid_request` for bad JSON; `invalid_input` for JSON of another form.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if monitoring::media_type(&self.headers) != "application/json" {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, "Send application/json."));
        }
        self.off_worker_if_large(|| read_json(&self.bytes)).map_err(|problem| {
            let code = if problem.is_data() { ErrorCode::InvalidInput } else { ErrorCode::InvalidRequest };
            ApiError::new(code, format!("The JSON cannot be read: {}.", in_plain_words(&problem.to_string())))
        })
    }

    /// Reads the fields of a form.
    ///
    /// # Errors
    /// `unsupported_media_type`; `invalid_input` for other fields; `too_large` for a form that no page sends.
    pub(crate) fn form<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if monitoring::media_type(&self.headers) != "application/x-www-form-urlencoded" {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, "Send application/x-www-form-urlencoded."));
        }
        if self.bytes.len() > LARGEST_FORM {
            return Err(ApiError::new(ErrorCode::TooLarge, format!("A form has at most {LARGEST_FORM} bytes.")));
        }
        let unreadable =
            |problem: &str| ApiError::new(ErrorCode::InvalidInput, format!("The form cannot be read: {problem}."));
        // A form is written as a query is.
        let query = format!("/?{}", String::from_utf8_lossy(&self.bytes));
        let query: Uri = query.parse().map_err(|_| unreadable("it is not escaped"))?;
        Query::try_from_uri(&query).map(|Query(form)| form).map_err(|problem| {
            let problem = problem.body_text();
            unreadable(problem.strip_prefix("Failed to deserialize query string: ").unwrap_or(&problem))
        })
    }

    /// Reads the body while other requests go on, if that takes long.
    pub(crate) fn off_worker_if_large<T>(&self, read: impl FnOnce() -> T) -> T {
        if self.bytes.len() < LARGE_BODY { read() } else { off_worker(read) }
    }
}
