//! The heads of requests: how long they may be, and what is done where one cannot be read.
//!
//! Rule of thumb: how much of a head hyper takes depends on how its bytes arrive, up to about twice its bound. So the bound is
//! checked here again, and the same head always gets the same answer.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::cross_origin::AllowedOrigin;
use super::metrics::HttpMetrics;
use super::{ApiError, ErrorCode, discard_body};

/// Most bytes of the headers of a request, each with its name and its line's end.
const MOST_HEADER_BYTES: usize = 400_000;
/// What a client is told that sends more.
pub(crate) const LARGE_HEADERS: &str =
    "The headers are more than 100, or longer than 400 kB; send what is long in the body.";

/// Stands at a request whose connection has no place of its own: it came while all were taken, or its client has its share.
#[derive(Clone, Copy)]
pub(crate) struct NoPlace;

/// Refuses a request that no handler is to see: its connection has no place, or its headers are too long.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    if request.extensions().get::<NoPlace>().is_some() {
        let sentence =
            "All places for connections are taken, or this address has as many as one may have; try again later.";
        return ApiError::new(ErrorCode::Overloaded, sentence).retry_after(1.0).into_response();
    }
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes <= MOST_HEADER_BYTES {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    discard_body(&head.headers, body).await;
    let mut response = ApiError::new(ErrorCode::InvalidRequest, LARGE_HEADERS).into_response();
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response
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
