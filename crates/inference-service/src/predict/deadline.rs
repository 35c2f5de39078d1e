//! How long a request may take.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use monitoring::{ApiError, ErrorCode};
use tokio::time::timeout_at;

/// Header with the milliseconds that the client will wait.
const TIMEOUT_HEADER: &str = "x-request-timeout-ms";
const MAX_TIMEOUT_MS: u64 = 600_000;
/// The longest wait that a client can ask for.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_millis(MAX_TIMEOUT_MS);

/// A request over HTTP whose body is not read yet, and the moment after which its answer is of no use to the client.
pub(crate) struct TimedRequest {
    pub(crate) head: Parts,
    pub(crate) body: Body,
    pub(crate) deadline: Instant,
}

impl TimedRequest {
    /// Checks the head. The body of a request that is refused here is read all the same, so that the client gets the answer.
    ///
    /// # Errors
    /// As [`deadline_of`].
    pub(crate) async fn check(request: Request<Body>, default_timeout: Duration) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        match deadline_of(&head.headers, default_timeout) {
            Ok(deadline) => Ok(Self { head, body, deadline }),
            Err(refusal) => {
                monitoring::discard_body(&head.headers, body).await;
                Err(refusal)
            }
        }
    }
}

/// The moment that the client's header names, or the one after the default time.
///
/// # Errors
/// `invalid_request` if the header is not a number of milliseconds from 1 to 600,000.
pub(crate) fn deadline_of(headers: &HeaderMap, default_timeout: Duration) -> Result<Instant, ApiError> {
    let timeout = match headers.get(TIMEOUT_HEADER) {
        None => default_timeout,
        Some(value) => {
            let milliseconds = value.to_str().ok().and_then(|text| text.parse().ok());
            let milliseconds = milliseconds.filter(|ms| (1..=MAX_TIMEOUT_MS).contains(ms)).ok_or_else(|| {
                let sentence =
                    format!("{TIMEOUT_HEADER} must be a whole number of milliseconds from 1 to {MAX_TIMEOUT_MS}.");
                ApiError::new(ErrorCode::InvalidRequest, sentence)
            })?;
            Duration::from_millis(milliseconds)
        }
    };
    Ok(Instant::now() + timeout)
}

/// Answers, or refuses once the deadline has passed.
///
/// # Errors
/// `deadline_exceeded`, or whatever `answering` is refused with.
pub(crate) async fn within<T>(
    deadline: Instant,
    answering: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let late = || ApiError::new(ErrorCode::DeadlineExceeded, "The request's time was over before it was answered.");
    timeout_at(deadline.into(), answering).await.unwrap_or_else(|_| Err(late()))
}
