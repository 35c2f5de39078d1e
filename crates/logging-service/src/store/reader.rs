//! Questions to the database, beside the writer.
//!
//! Rule of thumb: a query has a read-only connection, a place among a few, and a deadline. The
//! connection is opened for the query and closed behind it: that costs a fraction of a millisecond,
//! and no query can meet a file that is no longer the one at the path.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params_from_iter};
use serde::Serialize;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::filter::{Cursor, Filter};
use super::stats::{self, MAX_NAMES, Stats};
use super::{DatabasePath, StoreError, StoredPrediction, connection, row};

/// The most predictions of one page.
pub const MAX_PAGE: usize = 1000;
/// How long a query waits for a place before it is refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// Finds every model by jumping from one name to the next in the index, however many rows there are.
const MODELS: &str = "
WITH RECURSIVE names (model) AS (
    SELECT min(model) FROM predictions
    UNION ALL
    SELECT (SELECT min(model) FROM predictions WHERE model > names.model) FROM names WHERE names.model IS NOT NULL
)
SELECT model FROM names WHERE model IS NOT NULL LIMIT ?1";

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// The predictions, newest `occurred_at` first.
    pub predictions: Vec<StoredPrediction>,
    /// What to ask for the next page with; `None` at the end.
    pub next_cursor: Option<String>,
}

/// Runs queries, a bounded number at a time.
pub(super) struct Reader {
    path: DatabasePath,
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Reader {
    /// Lets `places` queries run at a time, each for up to `deadline`.
    pub(super) fn new(path: DatabasePath, places: usize, deadline: Duration) -> Self {
        Self { path, places: Arc::new(Semaphore::new(places)), deadline }
    }

    /// The prediction of this id.
    pub(super) async fn get(&self, event_id: Uuid) -> Result<Option<StoredPrediction>, StoreError> {
        let sql = "SELECT * FROM predictions WHERE event_id = ?1";
        self.query(move |connection| connection.query_row(sql, [event_id.as_bytes()], row::read).optional()).await
    }

    /// One page of what the filter lets through.
    pub(super) async fn list(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page, StoreError> {
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(StoreError::InvalidQuery(format!("limit must be between 1 and {MAX_PAGE}")));
        }
        let mut conditions = filter.conditions(cursor.map(Cursor::decode).transpose()?);
        let sql = format!("SELECT * FROM predictions {} ORDER BY occurred_at DESC, id DESC LIMIT ?", conditions.sql());
        // One more than asked for tells whether there is a next page.
        conditions.values.push(Value::Integer(limit as i64 + 1));
        self.query(move |connection| {
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(conditions.values), |row| {
                let cursor = Cursor { occurred_at: row.get("occurred_at")?, id: row.get("id")? };
                Ok((cursor, row::read(row)?))
            })?;
            let mut rows: Vec<(Cursor, StoredPrediction)> = rows.collect::<rusqlite::Result<_>>()?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next_cursor = rows.last().filter(|_| more).map(|(cursor, _)| cursor.encode());
            Ok(Page { predictions: rows.into_iter().map(|(_, prediction)| prediction).collect(), next_cursor })
        })
        .await
    }

    /// Counts and means of a window of time.
    pub(super) async fn stats(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Result<Stats, StoreError> {
        self.query(move |connection| stats::stats(connection, since, until)).await
    }

    /// The models that have predictions, in alphabetical order.
    pub(super) async fn models(&self) -> Result<Vec<String>, StoreError> {
        self.query(|connection| {
            connection
                .prepare(MODELS)?
                .query_map([MAX_NAMES as i64], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()
        })
        .await
    }

    /// How many predictions there are.
    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM predictions";
        self.query(move |connection| connection.query_row(sql, [], |row| row.get(0)).map(i64::cast_unsigned)).await
    }

    /// Runs a query on a thread that may block.
    async fn query<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let waiting = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let Ok(Ok(place)) = waiting.await else {
            // Within the deadline every query that runs now has given its place back.
            return Err(StoreError::Overloaded { retry_after_seconds: self.deadline.as_secs_f64() });
        };
        let (path, deadline) = (self.path.clone(), self.deadline);
        let work = tokio::task::spawn_blocking(move || {
            let outcome = connection::open_reader(&path, deadline).and_then(|connection| query(&connection));
            // Held until here, so that a caller who stops waiting does not make room for more queries than places.
            drop(place);
            outcome
        });
        match work.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Err(StoreError::Timeout { seconds: deadline.as_secs_f64() })
            }
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(StoreError::Unavailable(format!("a query did not finish: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::sync::mpsc;

    fn reader(directory: &tempfile::TempDir) -> Arc<Reader> {
        let path = directory.path().join("p.db");
        Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
        Arc::new(Reader::new(path.into(), 1, Duration::from_secs(5)))
    }

    #[tokio::test]
    async fn a_place_is_kept_until_the_query_ends_even_if_its_caller_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let reader = reader(&directory);
        let (began, begun) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let slow = Arc::clone(&reader);
        let caller = tokio::spawn(async move {
            slow.query(move |_| {
                let _ = began.send(());
                let _ = released.recv();
                Ok(())
            })
            .await
        });
        begun.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        let refused = reader.query(|_| Ok(())).await;
        assert_eq!(refused, Err(StoreError::Overloaded { retry_after_seconds: 5.0 }));
        release.send(()).unwrap();
        reader.query(|_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_query_cannot_write_and_a_panic_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let reader = reader(&directory);
        let written = reader.query(|connection| connection.execute("INSERT INTO t VALUES (1)", [])).await;
        assert!(matches!(written, Err(StoreError::Unavailable(cause)) if cause.contains("readonly")));
        let panicked = reader.query(|_| -> rusqlite::Result<()> { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        reader.query(|_| Ok(())).await.unwrap();
    }
}
