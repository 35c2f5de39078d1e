//! How to run a store.

use std::time::Duration;

use super::page::PATIENCE;
use super::url::DatabaseUrl;

/// How to run a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where the database is.
    pub database: DatabaseUrl,
    /// The most records that may wait for the writer; more are refused as
    /// [`StoreError::Overloaded`](super::StoreError::Overloaded).
    pub queue_limit: usize,
    /// The most queries that run at a time.
    pub readers: usize,
    /// How long a query may run.
    pub query_deadline: Duration,
    /// For how many days predictions are kept; `None`: for good. Deleting is up to the caller; an engine may arrange its
    /// rows so that it is cheap.
    pub retention_days: Option<u32>,
    /// How long a page looks for rows before it says how far it has looked; less than the deadline.
    pub page_patience: Duration,
}

impl StoreOptions {
    /// The usual limits: 10,000 records, 4 queries of 5 seconds, pages that look for a second.
    pub fn new(database: impl Into<DatabaseUrl>) -> Self {
        Self {
            database: database.into(),
            queue_limit: 10_000,
            readers: 4,
            query_deadline: Duration::from_secs(5),
            retention_days: None,
            page_patience: PATIENCE,
        }
    }
}
