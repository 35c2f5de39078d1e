//! Why the store, or the database below it, did not do what it was asked.

use std::fmt;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The URL of the database is not one that this store understands.
    #[error("invalid database URL {0}")]
    InvalidUrl(String),
    /// The SQLite in this program is one that can lose commits.
    #[error("SQLite 3.51.3 or newer is needed (older ones can lose commits: the WAL-reset bug), this is {found}")]
    SqliteTooOld {
        /// Its version.
        found: String,
    },
    /// The database was written by a newer version of this program.
    #[error("the database has schema version {found}, this program knows versions up to {known}: it needs an update")]
    NewerSchema {
        /// The database's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// No room now; nothing was stored or read.
    #[error("the prediction log is overloaded; try again in {retry_after_seconds:.1} s")]
    Overloaded {
        /// When there should be room again, from now.
        retry_after_seconds: f64,
    },
    /// The batch could never fit.
    #[error("a batch of {records} records is larger than the queue, which holds {limit}")]
    BatchTooLarge {
        /// Its records.
        records: usize,
        /// The most records that may wait.
        limit: usize,
    },
    /// The database cannot be read or written; carries the cause, which is not for clients. Whether
    /// the rows of a submission were stored is open; sent again with the same event ids, they are stored once.
    #[error("the prediction database is unavailable: {0}")]
    Unavailable(String),
    /// The database refused a record of the batch, and nothing of the batch was stored.
    #[error("the database refused a record: {0}")]
    Refused(String),
    /// The query took too long and was ended.
    #[error("the query took longer than {seconds} s")]
    Timeout {
        /// The time it had.
        seconds: f64,
    },
    /// A parameter of the query is out of bounds.
    #[error("{0}")]
    InvalidQuery(String),
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Refused(cause) => Self::Refused(cause),
            DatabaseError::NewerSchema { found, known } => Self::NewerSchema { found, known },
            DatabaseError::Conflict(_) | DatabaseError::Interrupted | DatabaseError::Failed(_) => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

/// Why a statement failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// The values are at fault: they break a constraint, or do not fit into a row.
    #[error("{0}")]
    Refused(String),
    /// Other transactions were in the way; nothing was stored, and it can be tried again at once.
    #[error("{0}")]
    Conflict(String),
    /// The deadline of the query is over.
    #[error("the deadline is over")]
    Interrupted,
    /// A newer version of this program wrote the database.
    #[error("schema version {found} is newer than {known}")]
    NewerSchema {
        /// The database's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The database is at fault, or cannot be reached.
    #[error("{0}")]
    Failed(String),
}

impl DatabaseError {
    /// A row holds something else than it should.
    pub(crate) fn unreadable(problem: impl fmt::Display) -> Self {
        Self::Failed(format!("a row cannot be read: {problem}"))
    }
}
