//! SQLite: one file, one writer, any number of readers beside it.
//!
//! Rule of thumb: durable means `synchronous=FULL`, a commit that succeeded, and files that are still at their path.

mod backup;
mod connection;
mod damage_report;
mod error;
mod log_damage;
mod migration;
mod path;
mod request_merges;
mod requests;
mod salvage;
mod salvaged_rows;
mod schema;
mod schema_of_counts;
mod session;
mod transaction;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::TransactionBehavior;

use super::check;
use super::engine::{CheckFindings, DatabaseEngine, TransactionBody, VerifiedBackup, WritableDatabase};
use super::error::DatabaseError;
use super::session::SqlSession;

pub(super) use connection::require_sqlite_version;
pub(crate) use damage_report::DamageReport;
pub use path::DatabasePath;

use connection::DatabaseFiles;
use error::failed;
use requests::UnsealedRequests;
use session::SqliteSession;

/// Ids rise by one and the oldest rows are deleted first, so the span of the ids is the number of rows.
const CONTENT_SQL: &str = "
SELECT (pages.page_count - free.freelist_count) * size.page_size,
       (SELECT coalesce(max(id) - min(id) + 1, 0) FROM predictions)
FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size";

/// A database file.
pub(super) struct SqliteEngine {
    path: DatabasePath,
    /// Shared with the writer, so that readers find the requests that are not in the index yet.
    unsealed: Arc<Mutex<UnsealedRequests>>,
    /// Whether the log was looked into. Later, readers of this process may have it open.
    is_inspected: AtomicBool,
}

impl SqliteEngine {
    pub(super) fn new(path: DatabasePath) -> Self {
        Self { path, unsealed: Arc::default(), is_inspected: AtomicBool::new(false) }
    }

    /// Looks into the write-ahead log, and mends it.
    fn inspect_log(&self) -> Result<(), DatabaseError> {
        if self.is_inspected.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(report) = log_damage::mend(&self.path)? {
            let kept_at = report.log.display();
            let (lost_predictions, restored_frames) = (report.lost_predictions, report.restored_frames);
            let lost_frames = report.lost_frames;
            tracing::error!(
                %kept_at, lost_predictions, lost_frames, restored_frames,
                "write_ahead_log_damaged: {}", report.sentence()
            );
        }
        self.is_inspected.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl DatabaseEngine for SqliteEngine {
    fn open_writer(&self) -> Result<Box<dyn WritableDatabase>, DatabaseError> {
        self.inspect_log()?;
        let mut files = DatabaseFiles::open(&self.path)?;
        requests::recover(&mut files.connection, &self.unsealed)?;
        let mut database = SqliteDatabase { files, unsealed: Arc::clone(&self.unsealed) };
        salvaged_rows::import(&self.path, &mut database)?;
        Ok(Box::new(database))
    }

    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn SqlSession>, DatabaseError> {
        let connection = connection::open_reader(&self.path, deadline).map_err(failed)?;
        Ok(Box::new(SqliteSession { connection, unsealed: Arc::clone(&self.unsealed) }))
    }

    fn size_bytes(&self) -> u64 {
        self.path.size_bytes()
    }

    fn content_sql(&self) -> &'static str {
        CONTENT_SQL
    }

    fn place(&self) -> String {
        self.path.to_string()
    }

    fn backup(&self, to: &Path) -> Result<VerifiedBackup, DatabaseError> {
        backup::backup(&self.path, to)
    }

    fn damage_reports(&self) -> Vec<DamageReport> {
        damage_report::all(&self.path)
    }

    fn check(&self) -> Result<CheckFindings, DatabaseError> {
        let mut problems = log_damage::problems(&self.path)?;
        let connection = backup::open(self.path.database())?;
        // In one transaction, so that rows and counts are compared as of one moment.
        connection.execute_batch("BEGIN").map_err(failed)?;
        problems.append(&mut backup::problems(&connection)?);
        let mut findings = check::compare(&mut SqliteSession { connection, unsealed: Arc::clone(&self.unsealed) })?;
        problems.append(&mut findings.problems);
        Ok(CheckFindings { problems, ..findings })
    }
}

/// The open file, and the requests that are not yet in its index.
struct SqliteDatabase {
    files: DatabaseFiles,
    unsealed: Arc<Mutex<UnsealedRequests>>,
}

impl WritableDatabase for SqliteDatabase {
    fn transaction(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError> {
        let begun = requests::lock(&self.unsealed).len();
        let transaction =
            self.files.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let outcome = body(&mut SqliteSession { connection: &*transaction, unsealed: Arc::clone(&self.unsealed) })
            .and_then(|()| requests::lock(&self.unsealed).seal_full(&transaction))
            .and_then(|()| transaction.commit().map_err(failed));
        match outcome {
            Ok(()) => requests::lock(&self.unsealed).committed(),
            Err(_) => requests::lock(&self.unsealed).rolled_back(begun),
        }
        outcome?;
        self.files.check_in_place()
    }

    fn probe(&mut self) -> Result<(), DatabaseError> {
        self.files.probe()?;
        // Nothing was written for a while. What the cache holds is in the system's as well, as long as that has room for it.
        self.files.connection.release_memory().map_err(failed)
    }

    fn maintain(&mut self) -> Result<(), DatabaseError> {
        // Gives the pages of deleted rows back, a few at a time, so that no submission waits for it.
        self.files.connection.execute_batch("PRAGMA incremental_vacuum(1024)").map_err(failed)?;
        request_merges::step(&mut self.files.connection).map(|_| ())
    }

    fn close(self: Box<Self>) -> Result<(), DatabaseError> {
        self.files.checkpoint()
    }

    fn abandon(self: Box<Self>) {
        self.files.abandon();
    }
}
