//! Pages of other origins, which a browser lets ask only where the service allows it.
//!
//! Rule of thumb: nobody is allowed unless a flag names them. Cookies are never allowed: a session is for the service's own
//! pages, and other pages send a key in a header that they write themselves.

use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember the answer.
const REMEMBERED: Duration = Duration::from_secs(600);
/// What pages may send beside what they always may.
const SENT: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    HeaderName::from_static("inference-header-content-length"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-request-timeout-ms"),
    HeaderName::from_static("x-tags"),
];
/// What pages may read beside what they always may.
const READ: [HeaderName; 5] = [
    header::ALLOW,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("inference-header-content-length"),
    HeaderName::from_static("x-request-id"),
];

/// An origin whose pages may ask, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// `*`
    Any,
    /// `https://example.org`, as a browser writes it.
    Named(HeaderValue),
}

impl FromStr for AllowedOrigin {
    type Err = String;

    /// Reads `*`, or the scheme, the host and perhaps the port of pages.
    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || "expected *, or an origin such as https://example.org or http://localhost:3000".to_owned();
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        // A browser sends no slash at the end; people copy one from the address bar.
        let origin = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let uri: Uri = origin.parse().map_err(|_| problem())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(problem()) };
        if format!("{scheme}://{authority}") != origin || authority.as_str().contains('@') {
            return Err(problem());
        }
        HeaderValue::from_str(&origin).map(Self::Named).map_err(|_| problem())
    }
}

/// Answers what browsers ask beforehand, and tells them whose pages may read the answers; `None` if nobody's may.
pub(super) fn layer(origins: &[AllowedOrigin]) -> Option<CorsLayer> {
    let named = origins.iter().filter_map(|origin| match origin {
        AllowedOrigin::Any => None,
        AllowedOrigin::Named(origin) => Some(origin.clone()),
    });
    let allowed = match origins {
        [] => return None,
        _ if origins.contains(&AllowedOrigin::Any) => AllowOrigin::any(),
        _ => AllowOrigin::list(named),
    };
    let layer =
        CorsLayer::new().allow_origin(allowed).allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE]);
    Some(layer.allow_headers(SENT).expose_headers(READ).max_age(REMEMBERED))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        let named = |text: &'static str| Ok(AllowedOrigin::Named(HeaderValue::from_static(text)));
        assert_eq!("*".parse(), Ok(AllowedOrigin::Any));
        assert_eq!(" https://Example.org/".parse(), named("https://example.org"));
        assert_eq!("http://localhost:3000".parse(), named("http://localhost:3000"));
        assert_eq!("http://[::1]:3000".parse(), named("http://[::1]:3000"));
        for wrong in ["", "example.org", "https://", "https://example.org/page", "https://me@example.org", "null"] {
            assert!(wrong.parse::<AllowedOrigin>().is_err(), "{wrong}");
        }
    }
}
