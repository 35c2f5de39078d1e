//! Refusals that people read in a browser.
//!
//! Rule of thumb: only under the folder of the pages, and only for who asks for a page, a refusal is one. It says the same.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;

use super::error::ApiError;

/// How a service shows a refusal of its pages.
#[derive(Clone, Copy)]
pub struct RefusalPage {
    /// The folder of the pages, such as `/ui`.
    pub folder: &'static str,
    /// Whether there is a page below the folder at which people show a key.
    pub has_login: bool,
    /// Whether these headers ask for a page.
    pub prefers_page: fn(&HeaderMap) -> bool,
    /// Shows a refusal at this path; the last is the id of the request.
    pub show: fn(&ApiError, &str, &str) -> Response,
}

impl RefusalPage {
    /// Whether a refusal of this request is to be a page.
    pub(super) fn is_for(&self, request: &Request) -> bool {
        let path = request.uri().path();
        let is_below = path.strip_prefix(self.folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        // At the root, a browser expects the pages.
        (is_below || path == "/") && (self.prefers_page)(request.headers())
    }

    /// Where a key is shown, and who asked for this address goes on afterwards. The way is relative, for a proxy may have put
    /// something before it.
    pub(super) fn login(&self, asked: &Uri) -> HeaderValue {
        let path = asked.path();
        let ups = path.matches('/').count() - 1;
        let next = path
            .trim_start_matches('/')
            .bytes()
            .chain(asked.query().into_iter().flat_map(|query| ["?", query].concat().into_bytes()));
        let escape = |byte: u8| match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let next: String = next.map(escape).collect();
        let place = format!("{}{}/login?next={next}", "../".repeat(ups), self.folder.trim_start_matches('/'));
        HeaderValue::try_from(place).unwrap_or_else(|_| HeaderValue::from_static("/ui/login"))
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
