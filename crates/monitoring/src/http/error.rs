//! The one shape of a refusal, for every route of every service.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::LabelEnum as _;

crate::label_enum! {
    /// Why a request was refused. The value stands in the body as `code`, in the log line as
    /// `error_type` and in metrics as the label `error_type`.
    pub enum ErrorCode: "error_type" {
        /// 400: bad JSON, base64, multipart or parameter.
        InvalidRequest = "invalid_request",
        /// 422: well-formed, but not what the service takes.
        InvalidInput = "invalid_input",
        /// 415: a content type that the route does not take.
        UnsupportedMediaType = "unsupported_media_type",
        /// 413: more bytes, pixels or items than allowed.
        TooLarge = "too_large",
        /// 404: no such model or version.
        ModelNotFound = "model_not_found",
        /// 429: the queue is full.
        Overloaded = "overloaded",
        /// 503: loading, draining, or something needed is away.
        NotReady = "not_ready",
        /// 504: the request's deadline passed before its work was done.
        DeadlineExceeded = "deadline_exceeded",
        /// 499: the client went away; seen in metrics and logs only.
        Cancelled = "cancelled",
        /// 500: our fault.
        Internal = "internal",
        /// 401: no key, or not one that the service knows.
        Unauthorized = "unauthorized",
        /// 403: a write of a page that may not write here.
        Forbidden = "forbidden",
        /// 404: no such route or resource.
        NotFound = "not_found",
        /// 405: the route exists, but not with this method.
        MethodNotAllowed = "method_not_allowed",
    }
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::ModelNotFound | Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidInput => 422,
            Self::Overloaded => 429,
            Self::Cancelled => 499,
            Self::Internal => 500,
            Self::NotReady => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// What the code tells a client, as the services' description says it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The JSON, base64, form, query or a parameter cannot be read.",
            Self::InvalidInput => "Well-formed, but not what is taken here.",
            Self::UnsupportedMediaType => "The content type or coding is not taken here.",
            Self::TooLarge => "More bytes, pixels or items than are taken at once.",
            Self::ModelNotFound => "There is no such model or version.",
            Self::Overloaded => "The queue is full; try again after `Retry-After` seconds.",
            Self::NotReady => {
                "Loading, draining, or something that is needed is away; try again after `Retry-After` seconds."
            }
            Self::DeadlineExceeded => "The time of the request was over before its work was done.",
            Self::Cancelled => "The client went away before the answer.",
            Self::Internal => "The service failed; its log has the cause.",
            Self::NotFound => "There is nothing here.",
            Self::Unauthorized => "The request has no key that is known here; send one as `Authorization: Bearer`.",
            Self::Forbidden => "A browser asks for a page that may not write here.",
            Self::MethodNotAllowed => "The route does not take this method; `Allow` lists those that it takes.",
        }
    }

    /// Whether a prediction can end this way; the other codes are of requests that never become one.
    #[must_use]
    pub fn is_of_predictions(self) -> bool {
        !matches!(self, Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::MethodNotAllowed)
    }
}

/// Most bytes of a sentence, which may quote what the client sent.
const MAX_TEXT_BYTES: usize = 600;

/// A refusal: `{"error": "a sentence", "code": "…", "request_id": "…"}` and its status.
///
/// The request id is filled in by [`Instrumentation::around`](crate::http::Instrumentation::around), which also
/// logs the refusal unless the handler has done so.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What kind of refusal.
    pub code: ErrorCode,
    /// The HTTP status, where a protocol has another one for it than the code's.
    pub status: Option<u16>,
    /// A sentence for the client: what is wrong and what to do.
    pub message: String,
    /// Seconds after which trying again makes sense, sent as `Retry-After`.
    pub retry_after_seconds: Option<u64>,
    /// More members of the body.
    pub details: Vec<(&'static str, Value)>,
    /// What happened, for the log; clients never see it.
    pub cause: Option<String>,
    /// What the log says instead of the sentence, where that quotes values that a log may not have.
    pub log_message: Option<String>,
    /// The handler has written its own log line about this refusal.
    pub logged: bool,
}

impl ApiError {
    /// A refusal with a sentence for the client. A long one loses its middle.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self {
            code,
            status: None,
            message,
            retry_after_seconds: None,
            details: Vec::new(),
            cause: None,
            log_message: None,
            logged: false,
        }
    }

    /// A fault of the service: the cause goes to the log, the client gets a plain sentence.
    #[must_use]
    pub fn internal(cause: impl ToString) -> Self {
        let error = Self::new(ErrorCode::Internal, "The service failed; its log has the cause under this request_id.");
        error.caused_by(cause)
    }

    /// Adds `Retry-After`, in whole seconds and at least 1.
    #[must_use]
    pub fn retry_after(mut self, seconds: f64) -> Self {
        // The clamp keeps the cast exact.
        self.retry_after_seconds = Some(seconds.ceil().clamp(1.0, 3600.0) as u64);
        self
    }

    /// Answers with the status that a protocol has for it, instead of the code's.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// What the log says instead of the sentence, which quotes values that a log may not have.
    #[must_use]
    pub fn logged_as(mut self, message: impl Into<String>) -> Self {
        self.log_message = Some(shortened(message.into()));
        self
    }

    /// The sentence quotes no value of the request, and is what the log has wherever values may not be there.
    #[must_use]
    pub fn quoting_nothing(mut self) -> Self {
        self.log_message = Some(self.message.clone());
        self
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds a member to the body. A long text loses its middle.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = match value.into() {
            Value::String(text) => shortened(text).into(),
            other => other,
        };
        self.details.push((name, value));
        self
    }

    /// The whole response; the layer calls this when it knows the request's id.
    pub(super) fn render(&self, request_id: &str) -> Response {
        let mut response = (self.http_status(), axum::Json(self.body(request_id))).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The body of the response.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let mut body = Map::new();
        body.insert("error".to_owned(), self.message.clone().into());
        body.insert("code".to_owned(), self.code.as_str().into());
        body.insert("request_id".to_owned(), request_id.into());
        body.extend(self.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        body.into()
    }

    fn http_status(&self) -> StatusCode {
        StatusCode::from_u16(self.status.unwrap_or_else(|| self.code.status()))
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.http_status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Keeps both ends: what is wrong stands at the start, and where at the end.
fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let half = MAX_TEXT_BYTES / 2;
        let middle = text.floor_char_boundary(half)..text.ceil_char_boundary(text.len() - half);
        text.replace_range(middle, " … ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_keeps_its_ends() {
        let sentence = |quoted: &str| format!("The start {quoted} and the end.");
        for (quoted, whole) in [("short", true), (&"ä".repeat(280), true), (&"ä".repeat(5000), false)] {
            let refusal = ApiError::new(ErrorCode::InvalidRequest, sentence(quoted)).detail("quoted", sentence(quoted));
            for text in [refusal.message.as_str(), refusal.details[0].1.as_str().unwrap_or_default()] {
                assert_eq!(text == sentence(quoted), whole, "{text}");
                assert!(
                    text.starts_with("The start ") && text.ends_with(" and the end.") && text.len() <= 610,
                    "{text}"
                );
            }
        }
    }
}
