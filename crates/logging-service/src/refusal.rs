//! The store's errors as clients see them.

use monitoring::{ApiError, ErrorCode};

use crate::store::StoreError;

/// Seconds after which an unavailable database may be back.
const UNAVAILABLE_RETRY_SECONDS: f64 = 2.0;

/// The refusal for an error of the store.
pub(crate) fn refusal(error: StoreError) -> ApiError {
    let sentence = error.to_string();
    match error {
        StoreError::Overloaded { retry_after_seconds } => {
            ApiError::new(ErrorCode::Overloaded, "The prediction log is overloaded; try again later.")
                .retry_after(retry_after_seconds)
        }
        StoreError::BatchTooLarge { limit, .. } => ApiError::new(
            ErrorCode::TooLarge,
            format!("At most {limit} records are taken at once; send them in parts."),
        ),
        StoreError::Unavailable(_) | StoreError::NewerSchema { .. } => {
            ApiError::new(ErrorCode::NotReady, "The prediction database is unavailable; try again later.")
                .retry_after(UNAVAILABLE_RETRY_SECONDS)
                .caused_by(sentence)
        }
        // The database's message may quote stored data, so only the log shows it.
        StoreError::Refused(cause) => {
            ApiError::new(ErrorCode::InvalidInput, "The database refused a record; nothing was stored.")
                .caused_by(cause)
        }
        StoreError::Timeout { seconds } => ApiError::new(
            ErrorCode::DeadlineExceeded,
            format!("The query took longer than {seconds} s; ask for a shorter time or fewer predictions."),
        ),
        StoreError::InvalidQuery(problem) => {
            ApiError::new(ErrorCode::InvalidRequest, format!("The query cannot be read: {problem}."))
        }
        StoreError::InvalidUrl(_) | StoreError::SqliteTooOld { .. } => ApiError::internal(sentence),
    }
}
