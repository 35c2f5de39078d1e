//! The writer's transaction.

use std::sync::Arc;

use super::super::engine::{LocatedRequests, TransactionBody, TransactionLock, WriteTransaction};
use super::super::error::DatabaseError;
use super::super::row::NewRow;
use super::super::session::{RequestCondition, RowPlaces, SqlSession};
use super::super::value::{RowColumns, SqlValue};
use super::advisory_lock::AdvisoryLock;
use super::connection::{OF_TAG, ServerConnection, request_condition};
use super::partitions::PartitionKeeper;
use super::predictions::{self, Insertion};

/// The writer's transaction, or a savepoint in it.
pub(super) struct PostgresTransaction<'a> {
    connection: &'a mut ServerConnection,
    partitions: &'a mut PartitionKeeper,
    savepoints: usize,
    /// A statement failed, and no savepoint undid it. The server would answer `COMMIT` by rolling back.
    has_failed: bool,
}

impl<'a> PostgresTransaction<'a> {
    pub(super) fn new(connection: &'a mut ServerConnection, partitions: &'a mut PartitionKeeper) -> Self {
        Self { connection, partitions, savepoints: 0, has_failed: false }
    }

    /// Commits where the outcome of the transaction's body is good, else rolls back.
    ///
    /// # Errors
    /// The error of the body, or the server's.
    pub(super) fn end(self, outcome: Result<(), DatabaseError>) -> Result<(), DatabaseError> {
        let outcome = match outcome {
            Ok(()) if self.has_failed => {
                Err(DatabaseError::Failed("a statement failed, and was passed over".to_owned()))
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => self.connection.commit(),
            Err(error) => {
                self.connection.roll_back();
                Err(error)
            }
        }
    }

    /// Notes whether a statement failed.
    fn noted<T>(&mut self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        self.has_failed |= outcome.is_err();
        outcome
    }
}

impl SqlSession for PostgresTransaction<'_> {
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let outcome = self.connection.query(sql, values, each);
        self.noted(outcome)
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, DatabaseError> {
        let outcome = self.connection.execute(sql, values);
        self.noted(outcome)
    }

    fn places(&mut self) -> Result<Arc<dyn RowPlaces>, DatabaseError> {
        self.connection.places()
    }

    fn of_tag(&self) -> &'static str {
        OF_TAG
    }

    fn of_request(&self, request_id: &str) -> RequestCondition {
        request_condition(request_id)
    }
}

impl WriteTransaction for PostgresTransaction<'_> {
    fn savepoint(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError> {
        let name = format!("part_{}", self.savepoints);
        let begun = self.connection.batch(&format!("SAVEPOINT {name}"));
        self.noted(begun)?;
        self.savepoints += 1;
        let outcome = body(self);
        self.savepoints -= 1;
        let end = match &outcome {
            Ok(()) => format!("RELEASE {name}"),
            Err(_) => format!("ROLLBACK TO {name}; RELEASE {name}"),
        };
        // Where even this fails, there is no transaction any more.
        let ended = self.connection.batch(&end);
        self.has_failed = ended.is_err();
        ended.and(outcome)
    }

    fn insert(&mut self, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError> {
        let outcome =
            predictions::insert(self.connection, rows, recorded_at).and_then(|Insertion { new, inserted }| {
                self.partitions.note(self.connection, &inserted)?;
                Ok(new)
            });
        self.noted(outcome)
    }

    fn locate(&mut self, request_ids: &[&str]) -> Result<LocatedRequests, DatabaseError> {
        let outcome = predictions::locate(self.connection, request_ids);
        self.noted(outcome)
    }

    fn lock(&mut self, lock: TransactionLock) -> Result<(), DatabaseError> {
        let lock = match lock {
            TransactionLock::Labels => AdvisoryLock::Labels,
            TransactionLock::Events => AdvisoryLock::Events,
            TransactionLock::Retention => AdvisoryLock::Retention,
            TransactionLock::Windows => AdvisoryLock::Windows,
            TransactionLock::Storing => {
                // Inserting locks the table until the commit, in a mode that this one waits for. The partitions need no
                // lock, because every row is inserted through the table.
                // The wait is short, for who stores waits as well, and a failure is this caller's alone.
                let outcome = self.connection.batch(
                    "SET LOCAL lock_timeout = '200ms'; LOCK TABLE ONLY predictions IN SHARE MODE;
                     SET LOCAL lock_timeout = '5s'",
                );
                return self.noted(outcome.map_err(|error| DatabaseError::Refused(error.to_string())));
            }
        };
        let outcome = lock.take(self.connection);
        self.noted(outcome)
    }
}
