//! PostgreSQL: a server for many programs that write and read at once.
//!
//! Rule of thumb: durable means `synchronous_commit = on` and an answered `COMMIT`. On any doubt the connection is closed
//! and clients send again, which is harmless because event ids are unique.

mod advisory_lock;
mod cautions;
mod connection;
mod error;
mod host;
mod lake_schema;
mod measurements;
mod migration;
mod partitions;
mod pool;
mod predictions;
mod schema;
mod schema_of_sums;
mod tls;
mod transaction;
mod url;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::caution::DatabaseCaution;
use super::check;
use super::engine::{CheckFindings, DatabaseEngine, Expiry, TransactionBody, VerifiedBackup, WritableDatabase};
use super::error::DatabaseError;
use super::server_load::ServerLoad;
use super::session::SqlSession;

pub use url::ServerUrl;

use connection::{AnswerLimit, ConnectionUse, ServerConnection};
use measurements::{Measurements, ServerMeter};
use partitions::PartitionKeeper;
use pool::ConnectionPool;
use transaction::PostgresTransaction;

/// What begins a check's one transaction. It compares rows and counts as of one moment.
const CHECK_BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '1h'";
/// How long one answer to a check may take.
const CHECK_PATIENCE: Duration = Duration::from_secs(3610);
/// The time between two looks for cautions.
const LOOK_INTERVAL: Duration = Duration::from_secs(3600);
/// What begins the writer's transactions. If this program hangs, the server ends its transaction. Compiling a look-up, or
/// asking parallel workers, takes longer than all look-ups of a batch.
const WRITER_BEGIN: &str = "
BEGIN;
SET LOCAL synchronous_commit = on;
SET LOCAL statement_timeout = '60s';
SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL lock_timeout = '5s';
SET LOCAL idle_in_transaction_session_timeout = '60s'";
/// How long one answer to the writer may take. A server that says nothing at all is given up much sooner.
const WRITER_PATIENCE: Duration = Duration::from_secs(70);

/// A database on a server.
pub(super) struct PostgresEngine {
    url: ServerUrl,
    pool: Arc<ConnectionPool>,
    measurements: Measurements,
    /// The days for which predictions are kept; 0 for good.
    retention_days: AtomicU32,
}

impl PostgresEngine {
    pub(super) fn new(url: ServerUrl) -> Self {
        Self {
            pool: Arc::new(ConnectionPool::new(url.clone())),
            url,
            measurements: Measurements::default(),
            retention_days: AtomicU32::new(0),
        }
    }

    fn writing_connection(&self) -> Result<ServerConnection, DatabaseError> {
        let used = ConnectionUse { begin: WRITER_BEGIN.to_owned(), limit: AnswerLimit::Each(WRITER_PATIENCE) };
        ServerConnection::open(&self.url, used)
    }
}

impl DatabaseEngine for PostgresEngine {
    fn open_writer(&self) -> Result<Box<dyn WritableDatabase>, DatabaseError> {
        self.pool.clear();
        let mut connection = self.writing_connection()?;
        migration::migrate(&mut connection)?;
        let mut database = PostgresDatabase {
            connection,
            partitions: PartitionKeeper::new(self.retention_days.load(Ordering::Relaxed)),
            meter: ServerMeter::new(self.measurements.clone()),
            url: self.url.clone(),
            cautions: Vec::new(),
            looked: None,
        };
        if let Err(error) = database.maintain() {
            tracing::warn!(%error, "database_maintenance_failed");
        }
        Ok(Box::new(database))
    }

    fn expect_retention(&self, days: Option<u32>) {
        self.retention_days.store(days.unwrap_or_default(), Ordering::Relaxed);
    }

    fn open_reader(&self, deadline: Duration) -> Result<Box<dyn SqlSession>, DatabaseError> {
        Ok(Box::new(self.pool.take(deadline)?))
    }

    fn size_bytes(&self) -> u64 {
        self.measurements.last().size_bytes
    }

    fn server_load(&self) -> ServerLoad {
        self.measurements.last().load
    }

    fn content_sql(&self) -> &'static str {
        CONTENT_SQL
    }

    fn place(&self) -> String {
        self.url.to_string()
    }

    fn backup(&self, _: &Path) -> Result<VerifiedBackup, DatabaseError> {
        // A server holds the data of many programs, and has tools of its own that also restore to a point in time.
        Err(DatabaseError::Failed("a PostgreSQL server is backed up by its own tools, such as pg_dump".to_owned()))
    }

    fn drop_expired(&self, expiry: Expiry) -> Result<u64, DatabaseError> {
        let mut connection = self.writing_connection()?;
        partitions::drop_expired(&mut connection, expiry)
    }

    fn check(&self) -> Result<CheckFindings, DatabaseError> {
        let used = ConnectionUse { begin: CHECK_BEGIN.to_owned(), limit: AnswerLimit::Each(CHECK_PATIENCE) };
        let mut connection = ServerConnection::open(&self.url, used)?;
        connection.begin()?;
        check::compare(&mut connection)
    }
}

/// The writer's connection.
struct PostgresDatabase {
    connection: ServerConnection,
    partitions: PartitionKeeper,
    meter: ServerMeter,
    url: ServerUrl,
    /// As of the last look.
    cautions: Vec<DatabaseCaution>,
    looked: Option<Instant>,
}

impl PostgresDatabase {
    /// Looks for cautions, at the start and every hour, and whenever making partitions failed.
    fn look(&mut self, is_made: bool) -> Result<(), DatabaseError> {
        if is_made && self.looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        self.cautions = cautions::look(&mut self.connection, &self.url, self.partitions.has_tomorrow())?;
        Ok(())
    }
}

/// An estimate. The bytes of a row are the average of the newest ones, plus their entries in the seven indexes. The number
/// of rows is the smaller of two: the server's statistics are seconds late, so more would be deleted for rows that are
/// gone already; the span of the ids shrinks at once when the oldest rows are deleted. The table's size would not shrink.
const CONTENT_SQL: &str = "
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

impl WritableDatabase for PostgresDatabase {
    fn transaction(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError> {
        self.connection.begin()?;
        let mut transaction = PostgresTransaction::new(&mut self.connection, &mut self.partitions);
        let outcome = body(&mut transaction);
        transaction.end(outcome)
    }

    fn probe(&mut self) -> Result<(), DatabaseError> {
        // A server that was demoted to a standby goes on answering queries.
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
        if self.connection.integer(sql, &[])? == 1 {
            return Err(DatabaseError::Failed("the server cannot be written".to_owned()));
        }
        Ok(())
    }

    fn maintain(&mut self) -> Result<(), DatabaseError> {
        let made = self.partitions.maintain(&mut self.connection);
        self.look(made.is_ok())?;
        made?;
        self.meter.measure(&mut self.connection)
    }

    fn cautions(&self) -> &[DatabaseCaution] {
        &self.cautions
    }

    fn close(self: Box<Self>) -> Result<(), DatabaseError> {
        Ok(()) // What was committed is on the server's disk.
    }

    fn abandon(self: Box<Self>) {}
}
