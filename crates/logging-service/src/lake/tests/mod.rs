//! What a lake is after kills and failures: each row is read once, whatever has happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod erasures;
mod faults;
mod faulty_store;
mod filters;
mod kills;
mod stored_labels;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use monitoring::{HeldKind, Hold, MemoryRoom, MetricsRegistry};
use object_store::ObjectStore;
use prediction_record::PredictionRecord;
use serde_json::Value;
use uuid::Uuid;

use super::log_pages::LogPages;
use super::{Lake, LakeError, LakeOptions, LakeTurn};
use crate::past::own_store;
use crate::store::time::floor_microseconds;
use crate::store::{DatabasePath, PredictionFilter, Store, lake_books, retention};

/// Rows of each day and model.
const ROWS: u128 = 20;
/// The days, as days ago, with the beginnings of the ids of their rows.
const DAYS: [(i64, u128); 2] = [(60, 1), (61, 2)];
/// Rows that come after their day was written.
const LATE: u128 = 3;

/// Opens the database in a folder.
fn open(folder: &Path) -> Arc<Store> {
    Arc::new(own_store::start(&DatabasePath::from(folder.join("p.db")).into()).unwrap())
}

/// The folder of the lake, as a store without faults.
fn plain(folder: &Path) -> Arc<dyn ObjectStore> {
    let url = format!("file://{}", folder.join("lake").display());
    url.parse::<super::LakeUrl>().unwrap().open(None).unwrap()
}

fn lake(store: Arc<dyn ObjectStore>) -> Arc<Lake> {
    let options = LakeOptions { pause: Duration::ZERO, ..LakeOptions::new(1, Duration::ZERO, "test") };
    Arc::new(Lake::new(store, options))
}

fn record(days_ago: i64, id: u128) -> PredictionRecord {
    let time = Timestamp::now() - SignedDuration::from_hours(24 * days_ago);
    PredictionRecord {
        event_id: Some(Uuid::from_u128(id)),
        model: if id.is_multiple_of(2) { "even" } else { "odd number" }.to_owned(),
        label: Some("x".to_owned()),
        occurred_at: Some(time),
        ..PredictionRecord::default()
    }
}

/// Rows of the past, and one of now, which stays the newest.
fn rows() -> Vec<PredictionRecord> {
    let old = DAYS.iter().flat_map(|(days, first)| (0..ROWS * 2).map(move |i| record(*days, (first << 64) + i)));
    old.chain([record(0, 9)]).collect()
}

/// Rows of a day that may be written already.
fn late_rows() -> Vec<PredictionRecord> {
    (0..LATE).map(|i| record(DAYS[0].0, (3 << 64) + i)).chain([record(0, 10)]).collect()
}

fn ids(rows: &[PredictionRecord]) -> BTreeSet<Uuid> {
    rows.iter().map(|row| row.event_id.unwrap()).collect()
}

/// One turn at this moment.
async fn turn(lake: &Lake, store: &Store) -> Result<LakeTurn, LakeError> {
    lake.take_turn(store, floor_microseconds(Timestamp::now())).await
}

/// Deletes all that is in the lake, as retention would.
async fn delete_cold(store: &Store) {
    stored_labels::delete_labels(store).await;
    while let Some(day) = store.read(|session| lake_books::oldest_doubled(session, i64::MAX)).await.unwrap() {
        store.write(0, move |transaction| retention::delete_of_day(transaction, &day, 7)).await.unwrap();
    }
}

/// All that an export can hold, in a room of so many bytes.
fn hold_in(bytes: u64) -> Hold {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    MemoryRoom::register(bytes, &registry).unwrap().hold(HeldKind::Export)
}

/// The ids of all rows that an export gives, each once and in order.
async fn exported(folder: &Path, store: &Arc<Store>) -> BTreeSet<Uuid> {
    let mut pages = LogPages::new(Arc::clone(store), Some(lake(plain(folder))), PredictionFilter::default());
    let (mut found, mut hold) = (Vec::new(), hold_in(64 << 20));
    while let Some(rows) = pages.next(&mut hold).await.unwrap() {
        found.extend(rows);
    }
    assert!(found.is_sorted_by(|a, b| a.record.occurred_at >= b.record.occurred_at), "in order");
    let ids: BTreeSet<Uuid> = found.iter().map(|row| row.record.event_id.unwrap()).collect();
    assert_eq!(ids.len(), found.len(), "a row is there twice");
    ids
}

/// The paths that the newest manifests name as these files, each with its rows.
fn named(folder: &Path, files_of: &str) -> BTreeMap<String, u64> {
    let manifests = files(&folder.join("lake/manifests"));
    let newest: BTreeMap<_, _> = manifests.iter().map(|path| (path.parent().unwrap().to_owned(), path)).collect();
    let mut named = BTreeMap::new();
    for path in newest.values() {
        let manifest: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for file in manifest[files_of].as_array().unwrap() {
            named.insert(file["path"].as_str().unwrap().to_owned(), file["rows"].as_u64().unwrap());
        }
    }
    named
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}

/// Whether the lake is what it should be when all is done: every old row, and no other file than those that count.
fn assert_complete(folder: &Path) {
    let named = named(folder, "files");
    assert_eq!(u128::from(named.values().sum::<u64>()), ROWS * 2 * DAYS.len() as u128 + LATE);
    let root = folder.join("lake");
    let found: BTreeSet<String> = files(&root.join("predictions"))
        .iter()
        .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(found, named.into_keys().collect(), "what lies in the folder is what counts");
}
