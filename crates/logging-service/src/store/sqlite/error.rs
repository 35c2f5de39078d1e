//! What SQLite's errors mean to the store.

use rusqlite::ErrorCode;

use super::super::error::DatabaseError;

/// Tells the record's fault from the database's.
pub(super) fn failed(error: rusqlite::Error) -> DatabaseError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => DatabaseError::Refused(error.to_string()),
        Some(ErrorCode::OperationInterrupted) => DatabaseError::Interrupted,
        _ if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => DatabaseError::Refused(error.to_string()),
        _ => DatabaseError::Failed(error.to_string()),
    }
}
