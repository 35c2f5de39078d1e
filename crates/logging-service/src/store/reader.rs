//! Questions to the database, beside the writer.
//!
//! Rule of thumb: a query has a read-only connection, a place among a few, and a deadline. The
//! connection is opened for the query and closed behind it: that costs a fraction of a millisecond,
//! and no query can meet a file that is no longer the one at the path.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use uuid::Uuid;

use super::engine::Engine;
use super::filter::{Cursor, Filter};
use super::session::{Columns, DatabaseError, Session, first, rows};
use super::stats::{self, MAX_NAMES, Stats};
use super::{StoreError, StoredPrediction, row};

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
SELECT model FROM names WHERE model IS NOT NULL LIMIT $1";

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page {
    /// The predictions, newest `occurred_at` first.
    pub predictions: Vec<StoredPrediction>,
    /// What to ask for the next page with; `None` at the end.
    pub next_cursor: Option<String>,
}

/// Runs queries, a bounded number at a time.
pub(super) struct Reader {
    engine: Arc<dyn Engine>,
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Reader {
    /// Lets `places` queries run at a time, each for up to `deadline`.
    pub(super) fn new(engine: Arc<dyn Engine>, places: usize, deadline: Duration) -> Self {
        Self { engine, places: Arc::new(Semaphore::new(places)), deadline }
    }

    /// The prediction of this id.
    pub(super) async fn get(&self, event_id: Uuid) -> Result<Option<StoredPrediction>, StoreError> {
        let sql = format!("SELECT {} FROM predictions WHERE event_id = $1", row::COLUMNS);
        self.query(move |session| {
            let found = first(session, &sql, &[event_id.as_bytes().as_slice().into()], row::read)?;
            Ok(found.map(|(_, prediction)| prediction))
        })
        .await
    }

    /// One page of what the filter lets through.
    pub(super) async fn list(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page, StoreError> {
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(StoreError::InvalidQuery(format!("limit must be between 1 and {MAX_PAGE}")));
        }
        let (filter, cursor) = (filter.clone(), cursor.map(Cursor::decode).transpose()?);
        self.query(move |session| page(session, &filter, limit, cursor)).await
    }

    /// Counts and means of a window of time.
    pub(super) async fn stats(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Result<Stats, StoreError> {
        self.query(move |session| stats::stats(session, since, until)).await
    }

    /// The models that have predictions, in alphabetical order.
    pub(super) async fn models(&self) -> Result<Vec<String>, StoreError> {
        self.query(|session| rows(session, MODELS, &[(MAX_NAMES as i64).into()], Columns::text)).await
    }

    /// How many predictions there are.
    pub(super) async fn count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM predictions";
        self.query(move |session| Ok(first(session, sql, &[], Columns::count)?.unwrap_or_default())).await
    }

    /// Runs a query on a thread that may block.
    pub(super) async fn query<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut dyn Session) -> Result<T, DatabaseError> + Send + 'static,
    {
        let waiting = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let Ok(Ok(place)) = waiting.await else {
            // Within the deadline every query that runs now has given its place back.
            return Err(StoreError::Overloaded { retry_after_seconds: self.deadline.as_secs_f64() });
        };
        let (engine, deadline) = (Arc::clone(&self.engine), self.deadline);
        let work = tokio::task::spawn_blocking(move || {
            let outcome = engine.open_reader(deadline).and_then(|mut session| query(session.as_mut()));
            // Held until here, so that a caller who stops waiting does not make room for more queries than places.
            drop(place);
            outcome
        });
        match work.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(DatabaseError::Interrupted)) => Err(StoreError::Timeout { seconds: deadline.as_secs_f64() }),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(StoreError::Unavailable(format!("a query did not finish: {error}"))),
        }
    }
}

/// One page of what the filter lets through, newest first, beginning after `cursor`.
pub(super) fn page(
    session: &mut dyn Session,
    filter: &Filter,
    limit: usize,
    cursor: Option<Cursor>,
) -> Result<Page, DatabaseError> {
    let mut conditions = filter.conditions(cursor, session);
    // One more than asked for tells whether there is a next page.
    let most = conditions.value(limit as i64 + 1);
    let (columns, conditions_sql) = (row::COLUMNS, conditions.sql());
    let sql =
        format!("SELECT {columns} FROM predictions {conditions_sql} ORDER BY occurred_at DESC, id DESC LIMIT {most}");
    let mut found = rows(session, &sql, &conditions.values, row::read)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|(id, prediction)| {
        let occurred_at = prediction.record.occurred_at.map_or(0, row::floor_microseconds);
        Cursor { occurred_at, id: *id }.encode()
    });
    Ok(Page { predictions: found.into_iter().map(|(_, prediction)| prediction).collect(), next_cursor })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::{DatabasePath, DatabaseUrl};
    use rusqlite::Connection;
    use std::sync::mpsc;

    fn reader(directory: &tempfile::TempDir) -> Arc<Reader> {
        let path = directory.path().join("p.db");
        Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
        let engine = DatabaseUrl::from(DatabasePath::from(path)).engine();
        Arc::new(Reader::new(engine, 1, Duration::from_secs(5)))
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
        let written = reader.query(|session| session.execute("INSERT INTO t VALUES (1)", &[])).await;
        assert!(matches!(written, Err(StoreError::Unavailable(cause)) if cause.contains("readonly")));
        let panicked = reader.query(|_| -> Result<(), DatabaseError> { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        reader.query(|_| Ok(())).await.unwrap();
    }
}
