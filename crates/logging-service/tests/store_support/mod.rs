//! What the tests of the store share: databases of both engines, a store with a witness, and records.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod callers;
mod fixture;
mod pooler;
mod replication;
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logging_service::store::{
    CommitSummary, DatabaseCaution, DatabasePath, DatabaseUrl, Store, StoreError, StoreObserver, StoreOptions,
};
use monitoring::LabelEnum as _;
use prediction_record::PredictionRecord;
use rusqlite::Connection;
use tokio::sync::watch;
use uuid::Uuid;

pub(crate) use callers::Callers;
pub(crate) use fixture::{Fixture, apart, assert_server_holds, on_each_engine};
pub(crate) use pooler::{Pooler, PoolingMode};
pub(crate) use server::{EncryptedServer, Server};

/// Everything that the store told its observer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) commits: Vec<CommitSummary>,
    pub(crate) availability: Vec<bool>,
    pub(crate) failures: Vec<StoreError>,
    /// Cautions about the database, as they were told last.
    pub(crate) cautions: Vec<&'static str>,
}

/// An observer that remembers, and lets tests wait for what they expect.
#[derive(Default)]
pub(crate) struct Witness(watch::Sender<Told>);

impl Witness {
    pub(crate) fn told(&self) -> Told {
        self.0.borrow().clone()
    }

    /// Waits until the condition holds; fails the test after a minute.
    pub(crate) async fn until(&self, condition: impl FnMut(&Told) -> bool) {
        let mut told = self.0.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(60), told.wait_for(condition)).await;
        assert!(matches!(waited, Ok(Ok(_))), "the expected never happened: {:?}", self.told());
    }

    /// Waits until so many more transactions are durable.
    pub(crate) async fn until_commits(&self, more: usize) {
        let commits = self.told().commits.len();
        self.until(|told| told.commits.len() > commits + more).await;
    }

    /// Waits until the availability changed so often: `[true, false, true]` is 3.
    pub(crate) async fn until_availability_told(&self, times: usize) {
        self.until(|told| told.availability.len() >= times).await;
    }
}

impl StoreObserver for Witness {
    fn committed(&self, summary: &CommitSummary) {
        self.0.send_modify(|told| told.commits.push(summary.clone()));
    }

    fn availability_changed(&self, available: bool) {
        self.0.send_modify(|told| told.availability.push(available));
    }

    fn cautions_changed(&self, cautions: &[DatabaseCaution]) {
        let words = cautions.iter().map(|caution| caution.as_str()).collect();
        self.0.send_modify(|told| told.cautions = words);
    }

    fn commit_failed(&self, error: &StoreError) {
        self.0.send_modify(|told| told.failures.push(error.clone()));
    }
}

/// A store, and what it told its observer.
pub(crate) struct StartedStore {
    pub(crate) store: Arc<Store>,
    pub(crate) witness: Arc<Witness>,
}

/// Starts a store with the usual limits.
pub(crate) fn start(database: impl Into<DatabaseUrl>) -> StartedStore {
    start_with(StoreOptions::new(database))
}

/// Starts a store on a file.
pub(crate) fn start_file(path: &Path) -> StartedStore {
    start(DatabasePath::from(PathBuf::from(path)))
}

pub(crate) fn start_with(options: StoreOptions) -> StartedStore {
    let witness = Arc::new(Witness::default());
    let observer: Arc<dyn StoreObserver> = Arc::clone(&witness) as _;
    StartedStore { store: Arc::new(Store::start(options, observer).unwrap()), witness }
}

/// Submits until the store accepts, as a client that retries does; gives how many records were new.
pub(crate) async fn submit_until_accepted(store: &Store, witness: &Witness, records: &[PredictionRecord]) -> u64 {
    loop {
        let changes = witness.told().availability.len();
        match store.submit(records.to_vec()).await {
            Ok(acknowledgement) => return acknowledgement.accepted,
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
        witness.until(|told| told.availability.last() == Some(&true) || told.availability.len() > changes).await;
    }
}

/// A small valid record with an id.
pub(crate) fn record(model: &str) -> PredictionRecord {
    PredictionRecord {
        event_id: Some(Uuid::now_v7()),
        model: model.to_owned(),
        label: Some("cat".to_owned()),
        confidence: Some(0.9),
        ..PredictionRecord::default()
    }
}

pub(crate) fn records(count: usize) -> Vec<PredictionRecord> {
    (0..count).map(|_| record("cifar10")).collect()
}

pub(crate) fn id(record: &PredictionRecord) -> Uuid {
    record.event_id.unwrap()
}

pub(crate) fn ids(records: &[PredictionRecord]) -> Vec<Uuid> {
    records.iter().map(id).collect()
}

pub(crate) fn is_unavailable<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

/// Looks into the database past the store: every id is there exactly once, and the file is sound.
pub(crate) fn assert_holds(path: &Path, ids: impl IntoIterator<Item = Uuid>) {
    let connection = Connection::open(path).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut statement = connection.prepare("SELECT count(*) FROM predictions WHERE event_id = ?1").unwrap();
    for id in ids {
        let count: i64 = statement.query_row([id.as_bytes()], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "{id}");
    }
}
