//! SQLite: one file, one writer, any number of readers beside it.
//!
//! Rule of thumb: durable means `synchronous=FULL`, a commit that succeeded, and files that are still at their path.

mod connection;
mod path;
mod predictions;
mod requests;
mod schema;
mod session;

use std::time::Duration;

use rusqlite::{ErrorCode, TransactionBehavior};

use super::engine::{Database, Engine, Work};
use super::session::{DatabaseError, Session};

pub(super) use connection::require_sqlite_version;
pub use path::DatabasePath;

use connection::Files;
use session::{Reading, Writing};

/// A database file.
pub(super) struct Sqlite {
    path: DatabasePath,
}

impl Sqlite {
    pub(super) fn new(path: DatabasePath) -> Self {
        Self { path }
    }
}

impl Engine for Sqlite {
    fn open_writer(&self) -> Result<Box<dyn Database>, DatabaseError> {
        Ok(Box::new(SqliteDatabase::open(&self.path)?))
    }

    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn Session>, DatabaseError> {
        let connection = connection::open_reader(&self.path, deadline).map_err(failed)?;
        Ok(Box::new(Reading { connection }))
    }

    fn size_bytes(&self) -> u64 {
        self.path.size_bytes()
    }

    fn place(&self) -> String {
        self.path.to_string()
    }
}

/// The open file, and the requests that are not yet in its index.
struct SqliteDatabase {
    files: Files,
    tail: requests::Tail,
}

impl SqliteDatabase {
    fn open(path: &DatabasePath) -> Result<Self, DatabaseError> {
        let mut files = Files::open(path)?;
        let tail = requests::Tail::recover(&mut files.connection)?;
        Ok(Self { files, tail })
    }
}

impl Database for SqliteDatabase {
    fn transaction(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError> {
        let begun = self.tail.len();
        let transaction =
            self.files.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut writing = Writing { connection: &transaction, tail: &mut self.tail };
        let outcome = work(&mut writing)
            .and_then(|()| writing.tail.seal_full(&transaction))
            .and_then(|()| transaction.commit().map_err(failed));
        match outcome {
            Ok(()) => self.tail.committed(),
            Err(_) => self.tail.rolled_back(begun),
        }
        outcome?;
        self.files.check_in_place()
    }

    fn probe(&mut self) -> Result<(), DatabaseError> {
        self.files.probe()
    }

    fn maintain(&mut self) -> Result<(), DatabaseError> {
        // Gives the pages of deleted rows back, a few at a time, so that nobody waits for it.
        self.files.connection.execute_batch("PRAGMA incremental_vacuum(256)").map_err(failed)
    }

    fn close(self: Box<Self>) -> Result<(), DatabaseError> {
        self.files.checkpoint()
    }

    fn abandon(self: Box<Self>) {
        self.files.abandon();
    }
}

/// Tells apart whose fault it is.
fn failed(error: rusqlite::Error) -> DatabaseError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => DatabaseError::Refused(error.to_string()),
        Some(ErrorCode::OperationInterrupted) => DatabaseError::Interrupted,
        _ if matches!(error, rusqlite::Error::ToSqlConversionFailure(_)) => DatabaseError::Refused(error.to_string()),
        _ => DatabaseError::Failed(error.to_string()),
    }
}
