//! The connections of queries, kept open between the queries.
//!
//! Rule of thumb: a connection that was idle is tried before it is used, because its server may be gone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::error::DatabaseError;
use super::super::session::{RequestCondition, RowPlaces, SqlSession};
use super::super::value::{RowColumns, SqlValue};
use super::connection::{AnswerLimit, ConnectionUse, OF_TAG, ServerConnection, request_condition};
use super::url::ServerUrl;

/// The most connections that wait for the next query.
const IDLE: usize = 8;

/// How long a query may overrun its deadline, for the server's own answer to arrive.
const GRACE: Duration = Duration::from_millis(500);
/// A connection that was idle for no longer is used without being tried.
const FRESH: Duration = Duration::from_millis(100);

/// A connection, and since when it is idle.
type IdleConnection = (ServerConnection, Instant);

/// The connections of queries.
pub(super) struct ConnectionPool {
    url: ServerUrl,
    idle: Mutex<Vec<IdleConnection>>,
}

impl ConnectionPool {
    pub(super) fn new(url: ServerUrl) -> Self {
        Self { url, idle: Mutex::new(Vec::new()) }
    }

    /// A connection whose queries end at `deadline`, measured from now.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] where no server can be reached.
    pub(super) fn take(self: &Arc<Self>, deadline: Duration) -> Result<PooledReader, DatabaseError> {
        // 0 would mean no limit; a deadline of 0 is checked before the server is asked.
        let milliseconds = deadline.as_millis().clamp(1, i32::MAX as u128);
        let started = Instant::now();
        // Compiling a query takes 280 ms, and a parallel worker first learns of all partitions; the server decides on either by
        // costs that many partitions make look high.
        let used = ConnectionUse {
            begin: format!(
                "BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL jit = off;
                 SET LOCAL max_parallel_workers_per_gather = 0"
            ),
            // The server ends a query at the deadline, if it still can.
            limit: AnswerLimit::Until(started + deadline + GRACE),
        };
        loop {
            let waiting = self.lock().pop();
            let connection = match waiting {
                Some((mut connection, since)) => {
                    connection.used = used.clone();
                    if since.elapsed() > FRESH && connection.batch("SELECT 1").is_err() {
                        continue;
                    }
                    connection
                }
                None => ServerConnection::open(&self.url, used)?,
            };
            return Ok(PooledReader {
                connection: Some(connection),
                pool: Arc::clone(self),
                started,
                deadline,
                places: None,
            });
        }
    }

    /// Takes a connection back.
    fn put(&self, connection: ServerConnection) {
        let mut idle = self.lock();
        if idle.len() < IDLE && !connection.is_closed() {
            idle.push((connection, Instant::now()));
        }
    }

    /// Closes the idle connections: the server may be another one now.
    pub(super) fn clear(&self) {
        drop(std::mem::take(&mut *self.lock()));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<IdleConnection>> {
        // A poisoned lock is fine: no change to the list is ever half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPool {
    /// Closes the connections on a thread of their own: closing blocks, and the store may be dropped in a task.
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.lock());
        if !idle.is_empty() {
            let _ = std::thread::Builder::new().name("store-closing".to_owned()).spawn(|| drop(idle));
        }
    }
}

/// A connection for one query. It goes back to the pool unless a statement failed on it.
pub(super) struct PooledReader {
    connection: Option<ServerConnection>,
    pool: Arc<ConnectionPool>,
    started: Instant,
    deadline: Duration,
    /// Read once for a question, however many queries it takes.
    places: Option<Arc<dyn RowPlaces>>,
}

impl PooledReader {
    fn run<T>(
        &mut self,
        work: impl FnOnce(&mut ServerConnection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let broken = || DatabaseError::Failed("the connection failed before".to_owned());
        let mut connection = self.connection.take().ok_or_else(broken)?;
        let found = work(&mut connection)?;
        self.connection = Some(connection);
        Ok(found)
    }
}

impl SqlSession for PooledReader {
    fn query(
        &mut self,
        sql: &str,
        values: &[SqlValue],
        each: &mut dyn FnMut(RowColumns) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let (started, deadline) = (self.started, self.deadline);
        let in_time = || if started.elapsed() < deadline { Ok(()) } else { Err(DatabaseError::Interrupted) };
        in_time()?;
        self.run(|connection| {
            connection.query_alone(sql, values, &mut |columns| {
                in_time()?;
                each(columns)
            })
        })
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue]) -> Result<u64, DatabaseError> {
        self.run(|connection| {
            connection.query_alone(sql, values, &mut |_| Ok(()))?;
            Ok(0) // A reader changes nothing.
        })
    }

    fn places(&mut self) -> Result<Arc<dyn RowPlaces>, DatabaseError> {
        let places = match self.places.take() {
            Some(places) => places,
            None => self.run(SqlSession::places)?,
        };
        Ok(Arc::clone(self.places.insert(places)))
    }

    fn of_tag(&self) -> &'static str {
        OF_TAG
    }

    fn of_request(&self, request_id: &str) -> RequestCondition {
        request_condition(request_id)
    }
}

impl Drop for PooledReader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put(connection);
        }
    }
}
