//! The heads of requests: how long they may be, and what is done where one cannot be read.
//!
//! Rule of thumb: how much of a head hyper takes depends on how its bytes arrive, up to about twice its bound. So the bound is
//! checked here again, and the same head always gets the same answer.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::cross_origin::AllowedOrigin;
use super::metrics::HttpMetrics;
use super::{ApiError, ErrorCode, discard_body};

/// Most bytes of the headers of a request, each with its name and its line's end.
const MOST_HEADER_BYTES: usize = 64_000;
/// What a client is told that sends more.
pub(crate) const LARGE_HEADERS: &str =
    "The headers are more than 100, or longer than 64 kB; send what is long in the body.";

/// What a client is told whose body has a coding that is not known.
pub(crate) const UNKNOWN_TRANSFER_CODING: &str =
    "The body has a transfer coding other than chunked; pack it with content-encoding instead.";
/// What a client is told that says twice how long its body is.
const TWO_LENGTHS: &str = "The request has both content-length and transfer-encoding; send one of them.";
/// What a client is told that does not name the host once.
const ONE_HOST: &str = "HTTP/1.1 wants exactly one Host header, with a name or an address and maybe a port.";

/// Stands at a request that came over a connection of HTTP/1, and says what its headers cannot.
#[derive(Clone, Copy)]
pub(crate) struct OverHttp1 {
    /// Its connection has no place: it came while all were taken, or its client has its share.
    pub(crate) has_no_place: bool,
    /// Two headers say how long its body is.
    pub(crate) has_two_lengths: bool,
}

/// Refuses a request that no handler is to see: its connection has no place, or its head is not as RFC 9112 wants it.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let over_http1 = request.extensions().get::<OverHttp1>().copied();
    if over_http1.is_some_and(|over| over.has_no_place) {
        let sentence =
            "All places for connections are taken, or this address has as many as one may have; try again later.";
        return ApiError::new(ErrorCode::Overloaded, sentence).retry_after(1.0).into_response();
    }
    let Some((status, sentence)) = mistake(&request, over_http1) else { return next.run(request).await };
    let (head, body) = request.into_parts();
    discard_body(&head.headers, body).await;
    let mut response = ApiError::new(ErrorCode::InvalidRequest, sentence).into_response();
    *response.status_mut() = status;
    // Where a head is wrong, where the next one begins may be wrong, too.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What is wrong about the head, and the status for it.
fn mistake(request: &Request, over_http1: Option<OverHttp1>) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > MOST_HEADER_BYTES {
        return Some((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, LARGE_HEADERS));
    }
    if over_http1.is_some_and(|over| over.has_two_lengths) {
        return Some((StatusCode::BAD_REQUEST, TWO_LENGTHS));
    }
    // Each line is a list, and all lines together are one.
    let codings =
        headers.get_all(header::TRANSFER_ENCODING).iter().flat_map(|line| line.as_bytes().split(|&b| b == b','));
    if !codings.enumerate().all(|(n, coding)| n == 0 && coding.trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        return Some((StatusCode::NOT_IMPLEMENTED, UNKNOWN_TRANSFER_CODING));
    }
    let is_host_wanted = over_http1.is_some() && request.version() == Version::HTTP_11;
    (is_host_wanted && !has_one_host(headers)).then_some((StatusCode::BAD_REQUEST, ONE_HOST))
}

/// Whether there is one `Host`, with a name or an address and maybe a port (RFC 9112, 3.2).
fn has_one_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = host.as_bytes();
    // An empty one is for targets that name no host.
    host.is_empty() || (!host.contains(&b'@') && Authority::try_from(host).is_ok())
}

/// What is done about requests whose heads cannot be read, beside refusing them; by default nothing.
#[derive(Clone, Default)]
pub struct HeadRefusals {
    metrics: Option<Arc<HttpMetrics>>,
    /// Whose pages may read the refusal.
    readers: Option<HeaderValue>,
}

impl HeadRefusals {
    pub(super) fn new(metrics: Arc<HttpMetrics>, origins: &[AllowedOrigin]) -> Self {
        // The origin of such a request is not known, so of several origins none can be named.
        let readers = match origins {
            _ if origins.contains(&AllowedOrigin::Any) => Some(HeaderValue::from_static("*")),
            [AllowedOrigin::Named(only)] => Some(only.clone()),
            _ => None,
        };
        Self { metrics: Some(metrics), readers }
    }

    /// Counts a refusal with this status.
    pub(crate) fn count(&self, status: u16) {
        if let Some(metrics) = &self.metrics {
            metrics.unread(status).inc();
        }
    }

    /// The origin whose pages may read refusals, `*` for all.
    pub(crate) fn readers(&self) -> Option<&str> {
        self.readers.as_ref().and_then(|origin| origin.to_str().ok())
    }
}
