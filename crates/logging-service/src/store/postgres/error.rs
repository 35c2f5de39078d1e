//! What the server's errors mean to the store.

use std::error::Error as _;

use super::super::error::DatabaseError;

/// Tells the record's fault from the database's. The details that a server adds hold values of rows, and are left out.
pub(super) fn failed(error: tokio_postgres::Error) -> DatabaseError {
    let Some(problem) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return DatabaseError::Failed(format!("{error}{cause}"));
    };
    let (code, message) = (problem.code().code(), problem.message().to_owned());
    match code {
        // Serialization failure, deadlock.
        "40001" | "40P01" => DatabaseError::Conflict(message),
        // Another program made a partition meanwhile, and the row belongs there.
        "23514" if problem.constraint().is_none() => DatabaseError::Conflict(message),
        // Cancelled by a timeout.
        "57014" => DatabaseError::Interrupted,
        // Recursion too deep: unlike the rest of its class, this is no row's fault.
        "54001" => DatabaseError::Failed(message),
        // Data exception, integrity constraint violation, program limit exceeded.
        _ if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => DatabaseError::Refused(message),
        _ => DatabaseError::Failed(message),
    }
}
