//! Reading a request's body within a bound.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{ApiError, ErrorCode};

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// `too_large`, before anything is read where the length was announced; `invalid_request` if the
/// client stopped sending.
pub async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::new(ErrorCode::TooLarge, format!("The body has more than {limit} bytes."));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(problem) if problem.is::<LengthLimitError>() => Err(too_large()),
        Err(problem) => {
            let sentence = "The body ended before it was complete.";
            Err(ApiError::new(ErrorCode::InvalidRequest, sentence).caused_by(problem))
        }
    }
}

/// The `Content-Type` without its parameters, in lower case; empty if there is none.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
