//! The two refusals of the protocol's requests.

use monitoring::{ApiError, ErrorCode};

/// The request is none of the protocol.
pub(super) fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}

/// The request is one of the protocol, and not one that this model takes.
pub(super) fn unfit(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence)
}
