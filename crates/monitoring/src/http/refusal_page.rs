//! Refusals that people read in a browser.
//!
//! Rule of thumb: only under the folder of the pages, and only for who asks for a page, a refusal is one. It says the same.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::error::ApiError;

/// How a service shows a refusal of its pages.
#[derive(Clone, Copy)]
pub struct RefusalPage {
    /// The folder of the pages, such as `/ui`.
    pub folder: &'static str,
    /// Whether these headers ask for a page.
    pub prefers_page: fn(&HeaderMap) -> bool,
    /// Shows a refusal at this path; the last is the id of the request.
    pub show: fn(&ApiError, &str, &str) -> Response,
}

impl RefusalPage {
    /// Whether a refusal of this request is to be a page.
    pub(super) fn is_for(&self, request: &Request) -> bool {
        let below = request.uri().path().strip_prefix(self.folder);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) && (self.prefers_page)(request.headers())
    }

    /// The whole response.
    pub(super) fn render(&self, error: &ApiError, path: &str, request_id: &str) -> Response {
        let mut response = (self.show)(error, path, request_id);
        if let Some(seconds) = error.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
