//! Statements on a connection: those of a query, and those of the writer's transaction.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::engine::{Lock, Transaction, Work};
use super::super::row::NewRow;
use super::super::session::{Columns, Condition, DatabaseError, Session, Value};
use super::connection::Connection;
use super::pool::Pool;
use super::{AdvisoryLock, predictions};

/// An ordinary index finds them.
fn of_request(request_id: &str) -> Condition {
    Condition { sql: "request_id = ?".into(), values: vec![request_id.into()] }
}

/// A connection that only reads. It goes back to the pool unless something went wrong on it.
pub(super) struct Reading {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    started: Instant,
    deadline: Duration,
}

impl Reading {
    pub(super) fn new(connection: Connection, pool: Arc<Pool>, deadline: Duration) -> Self {
        Self { connection: Some(connection), pool, started: Instant::now(), deadline }
    }

    fn run<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        let broken = || DatabaseError::Failed("the connection failed before".to_owned());
        let mut connection = self.connection.take().ok_or_else(broken)?;
        let found = work(&mut connection)?;
        self.connection = Some(connection);
        Ok(found)
    }
}

impl Session for Reading {
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let (started, deadline) = (self.started, self.deadline);
        let in_time = || if started.elapsed() < deadline { Ok(()) } else { Err(DatabaseError::Interrupted) };
        in_time()?;
        self.run(|connection| {
            connection.query(sql, values, &mut |columns| {
                in_time()?;
                each(columns)
            })
        })
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        self.run(|connection| connection.execute(sql, values))
    }

    fn of_request(&self, request_id: &str) -> Condition {
        of_request(request_id)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put(connection);
        }
    }
}

/// The setting up of a connection asks before there is a transaction.
impl Session for Connection {
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        Self::query(self, sql, values, each)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        Self::execute(self, sql, values)
    }

    fn of_request(&self, request_id: &str) -> Condition {
        of_request(request_id)
    }
}

/// The writer's transaction, or a savepoint in it.
pub(super) struct Writing<'a> {
    connection: &'a mut Connection,
    writer: &'a str,
    savepoints: usize,
    /// A statement failed, and no savepoint undid it: the server would answer `COMMIT` by rolling back.
    failed: bool,
}

impl<'a> Writing<'a> {
    pub(super) fn new(connection: &'a mut Connection, writer: &'a str) -> Self {
        Self { connection, writer, savepoints: 0, failed: false }
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// That of the work, or the server's.
    pub(super) fn end(self, outcome: Result<(), DatabaseError>) -> Result<(), DatabaseError> {
        let passed_over = || DatabaseError::Failed("a statement failed, and was passed over".to_owned());
        match outcome.and_then(|()| if self.failed { Err(passed_over()) } else { Ok(()) }) {
            Ok(()) => self.connection.commit(),
            Err(error) => {
                self.connection.roll_back();
                Err(error)
            }
        }
    }

    fn noted<T>(&mut self, outcome: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
        self.failed |= outcome.is_err();
        outcome
    }
}

impl Session for Writing<'_> {
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        each: &mut dyn FnMut(Columns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let outcome = self.connection.query(sql, values, each);
        self.noted(outcome)
    }

    fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, DatabaseError> {
        let outcome = self.connection.execute(sql, values);
        self.noted(outcome)
    }

    fn of_request(&self, request_id: &str) -> Condition {
        of_request(request_id)
    }
}

impl Transaction for Writing<'_> {
    fn savepoint(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError> {
        let name = format!("part_{}", self.savepoints);
        let begun = self.connection.batch(&format!("SAVEPOINT {name}"));
        self.noted(begun)?;
        self.savepoints += 1;
        let outcome = work(self);
        self.savepoints -= 1;
        let end = match &outcome {
            Ok(()) => format!("RELEASE {name}"),
            Err(_) => format!("ROLLBACK TO {name}; RELEASE {name}"),
        };
        // Where even this fails, there is no transaction any more.
        let ended = self.connection.batch(&end);
        self.failed = ended.is_err();
        ended.and(outcome)
    }

    fn insert(&mut self, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError> {
        let outcome = predictions::insert(self.connection, rows, recorded_at);
        self.noted(outcome)
    }

    fn lock(&mut self, lock: Lock) -> Result<(), DatabaseError> {
        let lock = match lock {
            Lock::Labels => AdvisoryLock::Labels,
            Lock::Events => AdvisoryLock::Events,
            Lock::Retention => AdvisoryLock::Retention,
        };
        let outcome = lock.take(self.connection);
        self.noted(outcome)
    }

    fn writer(&self) -> &str {
        self.writer
    }
}
