//! True labels in the database and in the lake.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use serde_json::json;

use super::named;
use crate::store::Store;
use crate::store::labels::{self, TrueLabel};
use crate::store::retention::{LabelExpiry, delete_labels_and_counts};
use crate::store::time::floor_microseconds;

/// Labels of each round.
const LABELS: usize = 15;

/// Stores labels as if they had come on these days.
pub(super) async fn store_labels(store: &Store, round: usize) {
    for days_ago in [61, 60, 0] {
        let given: Vec<TrueLabel> = (0..LABELS)
            .map(|i| {
                let id = format!("r-{round}-{i}");
                serde_json::from_value(json!({ "request_id": id, "label": "x", "revision": days_ago })).unwrap()
            })
            .collect();
        let now = floor_microseconds(Timestamp::now() - SignedDuration::from_hours(24 * days_ago));
        store.write(0, move |transaction| labels::add(transaction, &given, now)).await.unwrap();
    }
}

/// How many labels there are after so many rounds.
pub(super) fn expected_labels(rounds: usize) -> usize {
    rounds * 3 * LABELS
}

/// Deletes the labels that are in the lake, as retention would.
pub(super) async fn delete_labels(store: &Store) {
    let until = floor_microseconds(Timestamp::now() - SignedDuration::from_hours(24));
    let expiry = LabelExpiry { until, counts_until: 0, is_for_lake: true };
    while store.write(0, move |transaction| delete_labels_and_counts(transaction, expiry)).await.unwrap() > 0 {}
}

/// Numbers of the labels in files of the lake that count, each in one of them.
fn labels_in_lake(folder: &Path) -> BTreeSet<i64> {
    let mut numbers = Vec::new();
    for path in named(folder, "label_files").into_keys() {
        let file = SerializedFileReader::new(File::open(folder.join("lake").join(path)).unwrap()).unwrap();
        let rows = file.get_row_iter(None).unwrap();
        numbers.extend(rows.map(|row| row.unwrap().get_long(0).unwrap()));
    }
    let found: BTreeSet<i64> = numbers.iter().copied().collect();
    assert_eq!(found.len(), numbers.len(), "a label is there twice");
    found
}

/// Numbers of all labels, in the database or in the lake.
pub(super) async fn known_labels(folder: &Path, store: &Store) -> BTreeSet<i64> {
    let in_database = store.read(|session| {
        let mut found = BTreeSet::new();
        session.query("SELECT id FROM labels", &[], &mut |mut columns| {
            found.insert(columns.integer()?);
            Ok(())
        })?;
        Ok(found)
    });
    in_database.await.unwrap().into_iter().chain(labels_in_lake(folder)).collect()
}

/// Whether every label of a closed day is in the lake, and no file of labels that does not count.
pub(super) fn assert_labels_complete(folder: &Path, rounds: usize) {
    assert_eq!(labels_in_lake(folder).len(), expected_labels(rounds) / 3 * 2);
    let found = super::files(&folder.join("lake/labels")).len();
    assert_eq!(found, named(folder, "label_files").len(), "what lies in the folder is what counts");
}
