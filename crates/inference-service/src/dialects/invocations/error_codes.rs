//! Refusals as MLflow has them, beside the members that every refusal has here.

use monitoring::{ApiError, ErrorCode};

use crate::dialects::refusal::in_dialect;

/// The refusal with MLflow's `error_code` and `message`.
pub(super) fn as_mlflow(refusal: ApiError) -> ApiError {
    let (code, message) = (name(refusal.code), refusal.message.clone());
    in_dialect(refusal).detail("error_code", code).detail("message", message)
}

/// What MLflow calls a code.
fn name(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidRequest
        | ErrorCode::TooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::MethodNotAllowed => "BAD_REQUEST",
        ErrorCode::InvalidInput => "INVALID_PARAMETER_VALUE",
        ErrorCode::ModelNotFound | ErrorCode::NotFound => "RESOURCE_DOES_NOT_EXIST",
        ErrorCode::Overloaded => "REQUEST_LIMIT_EXCEEDED",
        ErrorCode::NotReady => "TEMPORARILY_UNAVAILABLE",
        ErrorCode::DeadlineExceeded => "DEADLINE_EXCEEDED",
        ErrorCode::Cancelled => "CANCELLED",
        ErrorCode::Unauthorized => "UNAUTHENTICATED",
        ErrorCode::Forbidden => "PERMISSION_DENIED",
        ErrorCode::Internal => "INTERNAL_ERROR",
    }
}
