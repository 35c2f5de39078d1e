//! Refusals as statuses of gRPC.

use monitoring::{ApiError, ErrorCode, LabelEnum as _, REQUEST_ID};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Metadata with the refusal's code, because gRPC has fewer codes.
pub(super) const CODE: &str = "code";
/// Metadata that clients with a retry policy obey.
const PUSHBACK: &str = "grpc-retry-pushback-ms";
const RETRY_AFTER: &str = "retry-after";

/// The status of a refused call.
pub(super) fn status(refusal: &ApiError, request_id: &str) -> Status {
    let mut status = plain(refusal);
    identify(status.metadata_mut(), request_id);
    status
}

/// The same without the id of a request.
pub(super) fn plain(refusal: &ApiError) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert(CODE, MetadataValue::from_static(refusal.code.as_str()));
    if let Some(seconds) = refusal.retry_after_seconds {
        metadata.insert(RETRY_AFTER, MetadataValue::from(seconds));
        metadata.insert(PUSHBACK, MetadataValue::from(seconds.saturating_mul(1000)));
    }
    Status::with_metadata(code(refusal.code), &refusal.message, metadata)
}

/// Adds the id of the request that is answered.
pub(super) fn identify(metadata: &mut MetadataMap, request_id: &str) {
    if let Ok(id) = MetadataValue::try_from(request_id) {
        metadata.insert(REQUEST_ID, id);
    }
}

/// `RESOURCE_EXHAUSTED` always means that the same call may succeed later, so a message that is too large gets another code.
fn code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidRequest | ErrorCode::InvalidInput | ErrorCode::UnsupportedMediaType | ErrorCode::TooLarge => {
            Code::InvalidArgument
        }
        ErrorCode::ModelNotFound | ErrorCode::NotFound => Code::NotFound,
        ErrorCode::Unauthorized => Code::Unauthenticated,
        ErrorCode::Forbidden => Code::PermissionDenied,
        ErrorCode::MethodNotAllowed => Code::Unimplemented,
        ErrorCode::Overloaded => Code::ResourceExhausted,
        ErrorCode::NotReady => Code::Unavailable,
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::Cancelled => Code::Cancelled,
        ErrorCode::Internal => Code::Internal,
    }
}

/// The refusal of a message that could not be read.
pub(super) fn unreadable(problem: &Status, max_bytes: usize) -> ApiError {
    // A refusal of our own, such as one for want of memory, that the library hands through.
    let own = problem.metadata().get(CODE).and_then(|code| code.to_str().ok());
    if let Some(code) = own.and_then(|own| ErrorCode::ALL.iter().find(|code| code.as_str() == own)) {
        let refusal = ApiError::new(*code, problem.message());
        return if *code == ErrorCode::Overloaded { refusal.retry_after(1.0) } else { refusal };
    }
    match problem.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            ApiError::new(ErrorCode::TooLarge, format!("The message has more than {max_bytes} bytes."))
        }
        Code::InvalidArgument => ApiError::new(ErrorCode::InvalidRequest, problem.message()),
        _ => ApiError::new(
            ErrorCode::InvalidRequest,
            "The message cannot be read: it is cut off or not packed as stated.",
        )
        .caused_by(problem.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_what_and_when_to_try_again() {
        let refusal = ApiError::new(ErrorCode::Overloaded, "Too much.").retry_after(2.0);
        let status = status(&refusal, "order-17");
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "Too much."));
        for (name, expected) in [(CODE, "overloaded"), (REQUEST_ID, "order-17"), (RETRY_AFTER, "2"), (PUSHBACK, "2000")]
        {
            assert_eq!(status.metadata().get(name).map(MetadataValue::as_bytes), Some(expected.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_refusal_of_our_own_stays_what_it_is() {
        for code in ErrorCode::ALL {
            let refusal = unreadable(&plain(&ApiError::new(*code, "Our own sentence.")), 7);
            assert_eq!((refusal.code, &*refusal.message), (*code, "Our own sentence."));
        }
        let of_the_library = unreadable(&Status::out_of_range("long"), 7);
        assert_eq!(of_the_library.code, ErrorCode::TooLarge);
        assert_eq!(unreadable(&Status::internal("cut off"), 7).code, ErrorCode::InvalidRequest);
    }

    #[test]
    fn only_what_may_succeed_later_says_so() {
        for found in ErrorCode::ALL.iter().filter(|found| code(**found) == Code::ResourceExhausted) {
            assert_eq!(*found, ErrorCode::Overloaded);
        }
        assert!(ErrorCode::ALL.iter().all(|found| code(*found) != Code::Ok));
    }
}
