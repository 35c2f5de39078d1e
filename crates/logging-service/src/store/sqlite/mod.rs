//! SQLite: one file, one writer, any number of readers beside it.
//!
//! Rule of thumb: durable means `synchronous=FULL`, a commit that succeeded, and files that are still at their path.

mod backup;
mod connection;
mod path;
mod predictions;
mod requests;
mod schema;
mod session;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{ErrorCode, TransactionBehavior};

use super::check::{self, Findings};
use super::engine::{Backup, Database, Engine, Work};
use super::session::{DatabaseError, Session};

pub(super) use connection::require_sqlite_version;
pub use path::DatabasePath;

use connection::Files;
use requests::Tail;
use session::{Reading, Writing};

/// Ids rise by one, and the oldest go first.
const CONTENT: &str = "
SELECT (pages.page_count - free.freelist_count) * size.page_size,
       (SELECT coalesce(max(id) - min(id) + 1, 0) FROM predictions)
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size";

/// A database file.
pub(super) struct Sqlite {
    path: DatabasePath,
    /// Shared with the writer, so that readers find what it has not put into the index yet.
    tail: Arc<Mutex<Tail>>,
}

impl Sqlite {
    pub(super) fn new(path: DatabasePath) -> Self {
        Self { path, tail: Arc::default() }
    }
}

impl Engine for Sqlite {
    fn open_writer(&self) -> Result<Box<dyn Database>, DatabaseError> {
        let mut files = Files::open(&self.path)?;
        requests::recover(&mut files.connection, &self.tail)?;
        Ok(Box::new(SqliteDatabase { files, tail: Arc::clone(&self.tail) }))
    }

    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn Session>, DatabaseError> {
        let connection = connection::open_reader(&self.path, deadline).map_err(failed)?;
        Ok(Box::new(Reading { connection, tail: Arc::clone(&self.tail) }))
    }

    fn size_bytes(&self) -> u64 {
        self.path.size_bytes()
    }

    fn content(&self) -> &'static str {
        CONTENT
    }

    fn place(&self) -> String {
        self.path.to_string()
    }

    fn backup(&self, to: &Path) -> Result<Backup, DatabaseError> {
        backup::backup(&self.path, to)
    }

    fn check(&self) -> Result<Findings, DatabaseError> {
        let connection = backup::open(self.path.database())?;
        // Rows and counts are compared as of one moment, whatever is written meanwhile.
        connection.execute_batch("BEGIN").map_err(failed)?;
        let mut problems = backup::problems(&connection)?;
        let mut findings = check::compare(&mut Reading { connection, tail: Arc::clone(&self.tail) })?;
        problems.append(&mut findings.problems);
        Ok(Findings { problems, ..findings })
    }
}

/// The open file, and the requests that are not yet in its index.
struct SqliteDatabase {
    files: Files,
    tail: Arc<Mutex<Tail>>,
}

impl Database for SqliteDatabase {
    fn transaction(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError> {
        let begun = requests::lock(&self.tail).len();
        let transaction =
            self.files.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let outcome = work(&mut Writing { connection: &transaction, tail: &self.tail })
            .and_then(|()| requests::lock(&self.tail).seal_full(&transaction))
            .and_then(|()| transaction.commit().map_err(failed));
        match outcome {
            Ok(()) => requests::lock(&self.tail).committed(),
            Err(_) => requests::lock(&self.tail).rolled_back(begun),
        }
        outcome?;
        self.files.check_in_place()
    }

    fn probe(&mut self) -> Result<(), DatabaseError> {
        self.files.probe()
    }

    fn maintain(&mut self) -> Result<(), DatabaseError> {
        // Gives the pages of deleted rows back, a few at a time, so that nobody waits for it.
        self.files.connection.execute_batch("PRAGMA incremental_vacuum(1024)").map_err(failed)
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
