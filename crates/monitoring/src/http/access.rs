//! Which clients are let in.
//!
//! Rule of thumb: where a service has keys, every path needs one, even a path without a route. Only the health of the
//! process can be asked for without a key.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::{Instrument as _, Span, error_span};

use super::{ApiError, ErrorCode, discard_body};
use crate::keys::ApiKeys;

/// Which clients a service lets in; by default all of them. Clones share the keys.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The keys, one of which a client must show; `None`: no client needs a key.
    pub keys: Option<ApiKeys>,
    /// Whether `GET /metrics` needs a key as well.
    pub metrics_need_key: bool,
}

impl Access {
    /// Checks the key in these headers. Returns a span for the work that is done for the client; it has the key's name.
    ///
    /// # Errors
    /// `unauthorized`, if there is no key or it is not known.
    pub fn admit(&self, headers: &HeaderMap) -> Result<Span, ApiError> {
        let Some(keys) = &self.keys else { return Ok(Span::none()) };
        let refused = |sentence: &str| ApiError::new(ErrorCode::Unauthorized, sentence);
        let shown = bearer(headers).ok_or_else(|| refused("A key is needed here: Authorization: Bearer KEY."))?;
        let name: Arc<str> = keys.name_of(shown).ok_or_else(|| refused("The key is not one that is known here."))?;
        Ok(error_span!("client", key_name = &*name))
    }

    fn is_open(&self, route: Option<&MatchedPath>) -> bool {
        match route.map(MatchedPath::as_str) {
            Some("/health" | "/health/live" | "/health/ready") => true,
            Some("/metrics") => !self.metrics_need_key,
            _ => false,
        }
    }
}

/// The key that follows `Bearer`; `None` if the header is missing or there twice.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii())
}

/// Lets a request through to its handler, or refuses it.
pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.is_open(request.extensions().get()) {
        return next.run(request).await;
    }
    match access.admit(request.headers()) {
        Ok(span) => next.run(request).instrument(span).await,
        Err(refusal) => {
            let (head, body) = request.into_parts();
            discard_body(&head.headers, body).await;
            let mut response = refusal.into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        }
    }
}
