//! The refusals of these dialects. Their clients know 400 for everything that is wrong with an input.

use std::collections::BTreeMap;

use monitoring::{ApiError, ErrorCode, refusals_by};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// The refusals of a prediction, for the description.
pub(crate) enum DialectRefusals {}

impl IntoResponses for DialectRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        use ErrorCode::{
            DeadlineExceeded, InvalidInput, InvalidRequest, ModelNotFound, NotFound, NotReady, Overloaded, TooLarge,
            UnsupportedMediaType,
        };
        let codes = [
            InvalidRequest,
            InvalidInput,
            UnsupportedMediaType,
            TooLarge,
            ModelNotFound,
            NotFound,
            Overloaded,
            NotReady,
            DeadlineExceeded,
        ];
        refusals_by(&codes, status)
    }
}

/// The same refusal with the status that the dialects have for it.
pub(super) fn in_dialect(refusal: ApiError) -> ApiError {
    let status = status(refusal.code);
    refusal.with_status(status)
}

fn status(code: ErrorCode) -> u16 {
    if code == ErrorCode::InvalidInput { 400 } else { code.status() }
}

/// The request is none of the dialect.
pub(super) fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}

/// The request is one of the dialect, and not one that this model takes.
pub(super) fn unfit(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence)
}
