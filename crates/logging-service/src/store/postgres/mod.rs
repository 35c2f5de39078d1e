//! PostgreSQL: a server for many programs that write and read at once.
//!
//! Rule of thumb: durable means `synchronous_commit = on` and an answered `COMMIT`. On any doubt the connection is closed
//! and clients send again, which is harmless because event ids are unique.

mod advisory_lock;
mod connection;
mod error;
mod migration;
mod partitions;
mod pool;
mod predictions;
mod schema;
mod tls;
mod transaction;
mod url;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::check;
use super::engine::{CheckFindings, DatabaseEngine, Expiry, TransactionBody, VerifiedBackup, WritableDatabase};
use super::error::DatabaseError;
use super::session::SqlSession;

pub use url::ServerUrl;

use connection::ServerConnection;
use partitions::PartitionKeeper;
use pool::ConnectionPool;
use transaction::PostgresTransaction;

/// The settings of a check's connection. Its one transaction compares rows and counts as of one moment.
const CHECK_SETTINGS: &str = "
SET statement_timeout = '1h';
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The time between two measurements of the database's size.
const SIZE_INTERVAL: Duration = Duration::from_secs(10);
/// The settings of the writer's connection. If this program hangs, the server ends its transaction.
const WRITER_SETTINGS: &str = "
SET synchronous_commit = on;
SET statement_timeout = '60s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '60s'";

/// A database on a server.
pub(super) struct PostgresEngine {
    url: ServerUrl,
    pool: Arc<ConnectionPool>,
    size_bytes: Arc<AtomicU64>,
    /// The days for which predictions are kept; 0 for good.
    retention_days: AtomicU32,
}

impl PostgresEngine {
    pub(super) fn new(url: ServerUrl) -> Self {
        Self {
            pool: Arc::new(ConnectionPool::new(url.clone())),
            url,
            size_bytes: Arc::default(),
            retention_days: AtomicU32::new(0),
        }
    }
}

impl DatabaseEngine for PostgresEngine {
    fn open_writer(&self) -> Result<Box<dyn WritableDatabase>, DatabaseError> {
        self.pool.clear();
        let mut connection = ServerConnection::open(&self.url, WRITER_SETTINGS)?;
        migration::migrate(&mut connection)?;
        if connection.integer("SELECT current_setting('fsync') = 'on'", &[])? == 0 {
            tracing::warn!(database = %self.url, "database_may_lose_rows: the server runs with fsync = off");
        }
        let mut database = PostgresDatabase {
            connection,
            partitions: PartitionKeeper::new(self.retention_days.load(Ordering::Relaxed)),
            size_bytes: Arc::clone(&self.size_bytes),
            measured: None,
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
        self.size_bytes.load(Ordering::Relaxed)
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
        let mut connection = ServerConnection::open(&self.url, WRITER_SETTINGS)?;
        partitions::drop_expired(&mut connection, expiry)
    }

    fn check(&self) -> Result<CheckFindings, DatabaseError> {
        check::compare(&mut ServerConnection::open(&self.url, CHECK_SETTINGS)?)
    }
}

/// The writer's connection.
struct PostgresDatabase {
    connection: ServerConnection,
    partitions: PartitionKeeper,
    size_bytes: Arc<AtomicU64>,
    measured: Option<Instant>,
}

impl PostgresDatabase {
    fn measure(&mut self) -> Result<(), DatabaseError> {
        if self.measured.is_some_and(|measured| measured.elapsed() < SIZE_INTERVAL) {
            return Ok(());
        }
        self.measured = Some(Instant::now());
        let size = self.connection.integer(SIZE_SQL, &[])?;
        self.size_bytes.store(size.unsigned_abs(), Ordering::Relaxed);
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

const SIZE_SQL: &str = "
SELECT CAST(coalesce(sum(pg_total_relation_size(relation)), 0) AS BIGINT) FROM (
    SELECT CAST(relid AS oid) FROM pg_partition_tree('predictions')
    UNION ALL
    SELECT CAST(to_regclass(name) AS oid) FROM unnest(ARRAY['window_counts', 'labels', 'reference_profiles', 'events']) AS name
) AS relations (relation)";

impl WritableDatabase for PostgresDatabase {
    fn transaction(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError> {
        self.connection.batch("BEGIN")?;
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
        self.partitions.maintain(&mut self.connection)?;
        self.measure()
    }

    fn close(self: Box<Self>) -> Result<(), DatabaseError> {
        Ok(()) // What was committed is on the server's disk.
    }

    fn abandon(self: Box<Self>) {}
}
