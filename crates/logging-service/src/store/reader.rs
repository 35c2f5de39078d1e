//! The few queries that run at a time, beside the writer.
//!
//! Rule of thumb: a query has a read-only connection, a place among a few, and a deadline. SQLite's connection is opened
//! for the query and closed after it: that costs a fraction of a millisecond, and no query can read a file that is no
//! longer the one at the path. Half of the places are for questions that are quick alone, so that those that look through many rows
//! keep them from nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::engine::DatabaseEngine;
use super::error::{DatabaseError, StoreError};
use super::session::SqlSession;

/// How long a query waits for a place before it is refused.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryLength {
    /// It reads entries of an index, or sums.
    Quick,
    /// It may look through many rows.
    Long,
}

/// Runs queries, a bounded number at a time.
pub(super) struct StoreReader {
    engine: Arc<dyn DatabaseEngine>,
    places: Arc<Semaphore>,
    /// The part of them that long questions may have.
    long_places: Arc<Semaphore>,
    deadline: Duration,
}

impl StoreReader {
    /// Lets `places` queries run at a time, each for up to `deadline`.
    pub(super) fn new(engine: Arc<dyn DatabaseEngine>, places: usize, deadline: Duration) -> Self {
        let long_places = Arc::new(Semaphore::new(places.div_ceil(2)));
        Self { engine, places: Arc::new(Semaphore::new(places)), long_places, deadline }
    }

    /// A place, and one of those for long questions where it is one.
    async fn place(&self, length: QueryLength) -> Result<QueryPlace, AcquireError> {
        let long = match length {
            QueryLength::Quick => None,
            QueryLength::Long => Some(Arc::clone(&self.long_places).acquire_owned().await?),
        };
        Ok(QueryPlace { _place: Arc::clone(&self.places).acquire_owned().await?, _long: long })
    }

    /// Runs a query on a thread that may block.
    ///
    /// # Errors
    /// [`StoreError::Overloaded`] where there is no place, [`StoreError::Timeout`] past the deadline,
    /// [`StoreError::Unavailable`] where the database cannot be read.
    pub(super) async fn read<T, Q>(&self, length: QueryLength, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&mut dyn SqlSession) -> Result<T, DatabaseError> + Send + 'static,
    {
        let Ok(Ok(place)) = tokio::time::timeout(PATIENCE, self.place(length)).await else {
            // Within the deadline every query that runs now has given its place back.
            return Err(StoreError::Overloaded { retry_after_seconds: self.deadline.as_secs_f64() });
        };
        let (engine, deadline) = (Arc::clone(&self.engine), self.deadline);
        let work = tokio::task::spawn_blocking(move || {
            let outcome = engine.open_reader(deadline).and_then(|mut session| query(session.as_mut()));
            // Held until here: a caller that stops waiting does not make room for another query while its own still runs.
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

/// Given back when it is dropped.
struct QueryPlace {
    _place: OwnedSemaphorePermit,
    _long: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::sqlite::DatabasePath;
    use super::super::url::DatabaseUrl;
    use super::*;
    use rusqlite::Connection;
    use std::sync::mpsc;

    fn reader(directory: &tempfile::TempDir, places: usize) -> Arc<StoreReader> {
        let path = directory.path().join("p.db");
        Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
        let engine = DatabaseUrl::from(DatabasePath::from(path)).engine();
        Arc::new(StoreReader::new(engine, places, Duration::from_secs(5)))
    }

    #[tokio::test]
    async fn a_place_is_kept_until_the_query_ends_even_if_its_caller_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let reader = reader(&directory, 1);
        let (began, begun) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let slow = Arc::clone(&reader);
        let caller = tokio::spawn(async move {
            slow.read(QueryLength::Quick, move |_| {
                let _ = began.send(());
                let _ = released.recv();
                Ok(())
            })
            .await
        });
        begun.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        let refused = reader.read(QueryLength::Quick, |_| Ok(())).await;
        assert_eq!(refused, Err(StoreError::Overloaded { retry_after_seconds: 5.0 }));
        release.send(()).unwrap();
        reader.read(QueryLength::Quick, |_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_query_cannot_write_and_a_panic_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let reader = reader(&directory, 1);
        let written = reader.read(QueryLength::Quick, |session| session.execute("INSERT INTO t VALUES (1)", &[])).await;
        assert!(matches!(written, Err(StoreError::Unavailable(cause)) if cause.contains("readonly")));
        let panicked = reader.read(QueryLength::Quick, |_| -> Result<(), DatabaseError> { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
        reader.read(QueryLength::Quick, |_| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn long_questions_leave_places_to_quick_ones() {
        let directory = tempfile::tempdir().unwrap();
        let reader = reader(&directory, 2);
        let (began, begun) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let long = Arc::clone(&reader);
        let running = tokio::spawn(async move {
            long.read(QueryLength::Long, move |_| {
                let _ = began.send(());
                let _ = released.recv();
                Ok(())
            })
            .await
        });
        begun.await.unwrap();
        let second = reader.read(QueryLength::Long, |_| Ok(())).await;
        assert!(matches!(second, Err(StoreError::Overloaded { .. })), "{second:?}");
        reader.read(QueryLength::Quick, |_| Ok(())).await.unwrap();
        release.send(()).unwrap();
        running.await.unwrap().unwrap();
        reader.read(QueryLength::Long, |_| Ok(())).await.unwrap();
    }
}
