//! Writes that a browser sends for a page.
//!
//! Rule of thumb: a program sends no `Origin`, and a browser sends one with every write. So a write that has one must come from a
//! page of this service, under a name that is its own, or from an origin that is allowed.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::cross_origin::AllowedOrigin;
use super::{ApiError, ErrorCode, discard_body};

const ANOTHER_WEBSITE: &str =
    "A page of another website may not write here; --cors-origins names the origins whose pages may.";
/// A website can give its own name the address of this service. Then its page has the service's origin, and only the name tells.
const ANOTHER_NAME: &str = "The page was opened under a name that is not known here; open it by address or as localhost, or name it in --page-hosts.";

/// Whose pages may write.
pub(super) struct PageWriters {
    /// The origins of other websites.
    pub(super) origins: Vec<AllowedOrigin>,
    /// Names of this service, beside its addresses and the names without a dot, which no website can have.
    pub(super) hosts: Vec<String>,
}

/// Lets a write through that no browser sends, or that comes from a page which may write.
pub(super) async fn guard(State(writers): State<Arc<PageWriters>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let Some(sentence) = writers.objection(request.headers(), request.uri()) else { return next.run(request).await };
    let (head, body) = request.into_parts();
    discard_body(&head.headers, body).await;
    ApiError::new(ErrorCode::Forbidden, sentence).into_response()
}

impl PageWriters {
    fn objection(&self, headers: &HeaderMap, uri: &Uri) -> Option<&'static str> {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let Some(origin) = headers.get(header::ORIGIN) else {
            return matches!(site, Some(b"cross-site" | b"same-site")).then_some(ANOTHER_WEBSITE);
        };
        let is_allowed = |allowed: &AllowedOrigin| match allowed {
            AllowedOrigin::Any => true,
            AllowedOrigin::Named(named) => named.as_bytes().eq_ignore_ascii_case(origin.as_bytes()),
        };
        if self.origins.iter().any(is_allowed) {
            return None;
        }
        let Some(page) = authority(origin) else { return Some(ANOTHER_WEBSITE) };
        let asked =
            headers.get(header::HOST).and_then(|host| host.to_str().ok()).or(uri.authority().map(Authority::as_str));
        // A proxy may have another name for the service than the page has; then the browser says whose page it is.
        let is_own =
            asked.is_some_and(|asked| asked.eq_ignore_ascii_case(page.as_str())) || site == Some(b"same-origin");
        match (is_own, self.is_own_name(page.host())) {
            (true, true) => None,
            (true, false) => Some(ANOTHER_NAME),
            (false, _) => Some(ANOTHER_WEBSITE),
        }
    }

    fn is_own_name(&self, host: &str) -> bool {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        !host.contains('.')
            || address.parse::<IpAddr>().is_ok()
            || host.ends_with(".localhost")
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

/// Host and port of an origin; nothing for `null`.
fn authority(origin: &HeaderValue) -> Option<Authority> {
    let origin: Uri = origin.to_str().ok()?.parse().ok()?;
    origin.scheme()?;
    origin.into_parts().authority
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::http::HeaderName;

    use super::*;

    fn objection(writers: &PageWriters, headers: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let named = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        writers.objection(&headers.iter().map(named).collect(), &Uri::from_static("/feedback"))
    }

    #[test]
    fn a_write_of_a_program_or_of_an_own_page_is_let_through() {
        let origins = vec!["https://labels.example.org".parse().unwrap()];
        let writers = PageWriters { origins, hosts: vec!["logs.example.org".to_owned()] };
        for headers in [
            &[("host", "a.example:8001")][..],
            &[("host", "localhost:8001"), ("origin", "http://localhost:8001")],
            &[("host", "LOCALHOST:8001"), ("origin", "http://localhost:8001"), ("sec-fetch-site", "same-origin")],
            &[("host", "127.0.0.1:8001"), ("origin", "http://127.0.0.1:8001")],
            &[("host", "[::1]:8001"), ("origin", "http://[::1]:8001")],
            &[("host", "logging-service:8001"), ("origin", "http://logging-service:8001")],
            &[("host", "logs.example.org"), ("origin", "https://logs.example.org")],
            &[("host", "10.0.0.7:8001"), ("origin", "https://logs.example.org"), ("sec-fetch-site", "same-origin")],
            &[("host", "10.0.0.7:8001"), ("origin", "https://labels.example.org"), ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(objection(&writers, headers), None, "{headers:?}");
        }
    }

    #[test]
    fn a_write_of_a_page_of_another_website_is_refused() {
        let writers = PageWriters { origins: Vec::new(), hosts: Vec::new() };
        for headers in [
            &[("host", "localhost:8001"), ("origin", "https://evil.example")][..],
            &[("host", "localhost:8001"), ("origin", "http://localhost:3000")],
            &[("host", "localhost:8001"), ("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")],
            &[("host", "localhost:8001"), ("origin", "null")],
            &[("host", "localhost:8001"), ("origin", "null"), ("sec-fetch-site", "same-origin")],
            &[("host", "localhost:8001"), ("origin", "")],
            &[("host", "localhost:8001"), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://localhost:8001")],
        ] {
            assert_eq!(objection(&writers, headers), Some(ANOTHER_WEBSITE), "{headers:?}");
        }
        // The name of a website that has the service's address.
        let rebound = [("host", "evil.example:8001"), ("origin", "http://evil.example:8001")];
        assert_eq!(objection(&writers, &rebound), Some(ANOTHER_NAME));
        let rebound = [("host", "127.0.0.1.evil.example"), ("origin", "http://127.0.0.1.evil.example")];
        assert_eq!(objection(&writers, &rebound), Some(ANOTHER_NAME));
    }
}
