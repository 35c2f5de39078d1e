//! PostgreSQL: a server for many programs that write and read at once.
//!
//! Rule of thumb: durable means `synchronous_commit = on` and an answered `COMMIT`; on any doubt the connection is
//! closed, and what was sent is sent again, which the unique event ids make harmless.

mod connection;
mod partitions;
mod pool;
mod predictions;
mod schema;
mod session;
mod tls;
mod url;
mod values;

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::check::{self, Findings};
use super::engine::{Backup, Database, Engine, Work};
use super::session::{DatabaseError, Session};

pub use url::ServerUrl;

use connection::Connection;
use partitions::Partitions;
use pool::Pool;
use session::Writing;

/// The settings of a check's connection: rows and counts are compared as of one moment, whatever is written meanwhile.
const CHECK_SETTINGS: &str = "
SET statement_timeout = '1h';
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// How often the database's size is asked for.
const SIZE_INTERVAL: Duration = Duration::from_secs(10);
/// The settings of the writer's connection. Where this program hangs, the server ends its transaction.
const WRITER_SETTINGS: &str = "
SET synchronous_commit = on;
SET statement_timeout = '60s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '60s'";

/// A database on a server.
pub(super) struct Postgres {
    url: ServerUrl,
    pool: Arc<Pool>,
    size_bytes: Arc<AtomicU64>,
}

impl Postgres {
    pub(super) fn new(url: ServerUrl) -> Self {
        Self { pool: Arc::new(Pool::new(url.clone())), url, size_bytes: Arc::default() }
    }
}

impl Engine for Postgres {
    fn open_writer(&self) -> Result<Box<dyn Database>, DatabaseError> {
        self.pool.clear();
        let mut connection = Connection::open(&self.url, WRITER_SETTINGS)?;
        schema::migrate(&mut connection)?;
        if connection.integer("SELECT current_setting('fsync') = 'on'", &[])? == 0 {
            tracing::warn!(database = %self.url, "database_may_lose_rows: the server runs with fsync = off");
        }
        let mut database = PostgresDatabase {
            connection,
            writer: Uuid::now_v7().to_string(),
            partitions: Partitions::default(),
            size_bytes: Arc::clone(&self.size_bytes),
            measured: None,
        };
        if let Err(error) = database.maintain() {
            tracing::warn!(%error, "database_maintenance_failed");
        }
        Ok(Box::new(database))
    }

    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn Session>, DatabaseError> {
        Ok(Box::new(self.pool.take(deadline)?))
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Relaxed)
    }

    fn content(&self) -> &'static str {
        CONTENT
    }

    fn place(&self) -> String {
        self.url.to_string()
    }

    fn backup(&self, _: &Path) -> Result<Backup, DatabaseError> {
        // A server has many programs' data and tools of its own, which also restore to a point in time.
        Err(DatabaseError::Failed("a PostgreSQL server is backed up by its own tools, such as pg_dump".to_owned()))
    }

    fn check(&self) -> Result<Findings, DatabaseError> {
        check::compare(&mut Connection::open(&self.url, CHECK_SETTINGS)?)
    }
}

/// The writer's connection.
struct PostgresDatabase {
    connection: Connection,
    /// Another one for each connection: the transaction of a connection that was lost may still be under way, and must
    /// not meet the next one at a row of counts.
    writer: String,
    partitions: Partitions,
    size_bytes: Arc<AtomicU64>,
    measured: Option<Instant>,
}

impl PostgresDatabase {
    fn measure(&mut self) -> Result<(), DatabaseError> {
        if self.measured.is_some_and(|measured| measured.elapsed() < SIZE_INTERVAL) {
            return Ok(());
        }
        self.measured = Some(Instant::now());
        let size = self.connection.integer(SIZE, &[])?;
        self.size_bytes.store(size.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }
}

/// An estimate: the newest rows stand for all, with what their entries in the seven indexes take; the server's statistics
/// know how many there are, but seconds late, so that rows which were just deleted would be deleted for again; the
/// span of the ids, which shrinks as the oldest go, is at once as it is. A table's size would stay when rows are deleted.
const CONTENT: &str = "
WITH rows (number) AS (
    SELECT least(
        (SELECT CAST(coalesce(sum(n_live_tup), 0) AS BIGINT) FROM pg_stat_user_tables
            WHERE relid IN (SELECT relid FROM pg_partition_tree('predictions'))),
        (SELECT coalesce(max(id) - min(id) + 1, 0) FROM predictions)
    )
), newest (bytes) AS (
    SELECT coalesce(avg(pg_column_size(newest.*)), 0) + 300
    FROM (SELECT * FROM predictions ORDER BY id DESC LIMIT 100) AS newest
)
SELECT CAST(number * bytes AS BIGINT), number FROM rows, newest";

const SIZE: &str = "
SELECT CAST(coalesce(sum(pg_total_relation_size(relation)), 0) AS BIGINT) FROM (
    SELECT CAST(relid AS oid) FROM pg_partition_tree('predictions')
    UNION ALL
    SELECT CAST(to_regclass(name) AS oid) FROM unnest(ARRAY['window_counts', 'labels', 'reference_profiles', 'events']) AS name
) AS relations (relation)";

impl Database for PostgresDatabase {
    fn transaction(&mut self, work: &mut Work<'_>) -> Result<(), DatabaseError> {
        self.connection.batch("BEGIN")?;
        let mut writing = Writing::new(&mut self.connection, &self.writer);
        let outcome = work(&mut writing);
        writing.end(outcome)
    }

    fn probe(&mut self) -> Result<(), DatabaseError> {
        // A server that was demoted goes on answering queries.
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
        if self.connection.integer(sql, &[])? == 1 {
            return Err(DatabaseError::Failed("the server cannot be written".to_owned()));
        }
        Ok(())
    }

    fn maintain(&mut self) -> Result<(), DatabaseError> {
        self.partitions.maintain(&mut self.connection)?;
        self.measure()
    }

    fn close(self: Box<Self>) -> Result<(), DatabaseError> {
        Ok(()) // What was committed is on the server's disk.
    }

    fn abandon(self: Box<Self>) {}
}

/// What programs that share a database do one after the other. The numbers are the same in every version.
#[derive(Clone, Copy)]
enum AdvisoryLock {
    Schema = 1,
    Partitions = 2,
    Labels = 3,
    Events = 4,
    Retention = 5,
}

impl AdvisoryLock {
    /// Holds the lock until the transaction ends.
    fn take(self, connection: &mut Connection) -> Result<(), DatabaseError> {
        // The first number is "glas", for other programs may lock in the same database.
        connection.batch(&format!("SELECT pg_advisory_xact_lock({}, {})", 0x676c_6173, self as i32))
    }
}

/// Tells apart whose fault it is. The details that a server adds hold values of rows, and are left out.
fn failed(error: postgres::Error) -> DatabaseError {
    let Some(problem) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return DatabaseError::Failed(format!("{error}{cause}"));
    };
    let (code, message) = (problem.code().code(), problem.message().to_owned());
    match code {
        // Serialization failure, deadlock.
        "40001" | "40P01" => DatabaseError::Conflict(message),
        // Cancelled by a timeout.
        "57014" => DatabaseError::Interrupted,
        // Recursion too deep: no row's fault, other than the rest of its class.
        "54001" => DatabaseError::Failed(message),
        // Data exception, integrity constraint violation, program limit exceeded.
        _ if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => DatabaseError::Refused(message),
        _ => DatabaseError::Failed(message),
    }
}
