//! What a transaction adds to the counts, and how it gets into the database: as a part of its own, so that a commit costs
//! what its own rows cost, however much its bucket holds.
//!
//! Rule of thumb: parts are merged when together they are several times as large as what they are merged into, and when
//! their bucket is over; so each count is rewritten a few times at most.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use prediction_record::PredictionRecord;

use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::row::NewRow;
use super::session::{first, rows};
use super::time::{BUCKET, begin_of_span, floor_microseconds};
use super::value::{RowColumns, SqlValue};
use super::window_stats::StatsParts;
use super::windows::{observation, readable};
use crate::analysis::WindowCounts;

/// The parts of a bucket that are merged whatever their size, because a reader has to read all of them.
const MOST_PARTS: u64 = 256;
/// Parts smaller than this together, in bytes, are not worth merging.
const SMALL_PARTS: u64 = 64 * 1024;
/// How much larger than what is merged the parts become before they are. A reader reads all of them, and a writer that
/// merges reads and writes what is merged.
const PARTS_TO_MERGED: u64 = 3;
/// Buckets of one transaction that are looked at whether their parts are worth merging.
const LOOKED_AT: usize = 8;
/// Counts the transactions, so that all buckets have their turn.
static TURN: AtomicUsize = AtomicUsize::new(0);
/// Buckets that are merged in one step of the upkeep.
const STEP: i64 = 20;

/// The predictions that a bucket counts, and when the bucket begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BucketKey {
    /// Name of the model.
    pub(super) model: String,
    /// SHA-256 of the model's file; empty where the sender gave none.
    pub(super) sha256: String,
    /// When the bucket begins, in microseconds since 1970.
    pub(super) bucket: i64,
    /// A tag and its value, `region=eu`; empty for all predictions.
    pub(super) segment: String,
}

impl BucketKey {
    /// The bucket of all predictions of a model's file at `time`, in microseconds since 1970.
    pub(super) fn new(model: &str, sha256: Option<&str>, time: i64) -> Self {
        let bucket = begin_of_span(time, BUCKET);
        Self { model: model.to_owned(), sha256: sha256.unwrap_or_default().to_owned(), bucket, segment: String::new() }
    }

    /// The bucket of a segment beside it.
    pub(super) fn of_segment(&self, segment: String) -> Self {
        Self { segment, ..self.clone() }
    }

    fn values(&self) -> [SqlValue; 4] {
        [self.model.as_str().into(), self.sha256.as_str().into(), self.bucket.into(), self.segment.as_str().into()]
    }
}

/// What a transaction adds to the counts.
#[derive(Debug, Default)]
pub(super) struct BucketCounts {
    windows: BTreeMap<BucketKey, WindowCounts>,
    /// The sums for `GET /stats`.
    stats: StatsParts,
}

impl BucketCounts {
    /// Counts rows, and those of each segment apart.
    pub(super) fn observe<'r>(&mut self, rows: impl Iterator<Item = &'r NewRow>) {
        let mut rows = rows.peekable();
        while let Some(row) = rows.next() {
            let first = &row.record;
            self.stats.observe(first);
            let time = |record: &PredictionRecord| record.occurred_at.map_or(0, floor_microseconds);
            let key = BucketKey::new(&first.model, first.model_sha256.as_deref(), time(first));
            let bucket = key.bucket..=key.bucket.saturating_add(BUCKET - 1);
            self.observe_segments(row, &key);
            let mut counts = std::mem::take(self.counts(key.clone()));
            counts.observe(&observation(first));
            // Most records come in runs of one bucket, and finding the bucket takes as long as counting.
            let goes_on = |next: &&NewRow| {
                let next = &next.record;
                next.model == first.model && next.model_sha256 == first.model_sha256 && bucket.contains(&time(next))
            };
            while let Some(next) = rows.next_if(goes_on) {
                counts.observe(&observation(&next.record));
                self.stats.observe(&next.record);
                self.observe_segments(next, &key);
            }
            *self.counts(key) = counts;
        }
    }

    /// Adds all counts of another.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, counts) in other.windows {
            self.counts(key).merge(&counts);
        }
        self.stats.merge(other.stats);
    }

    /// The counts that are to be added to a bucket.
    pub(super) fn counts(&mut self, key: BucketKey) -> &mut WindowCounts {
        self.windows.entry(key).or_default()
    }

    /// Adds the counts to those in the database.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn save(&self, transaction: &mut dyn WriteTransaction) -> Result<(), DatabaseError> {
        self.stats.save(transaction)?;
        // Where rows come in no order, a transaction adds to many buckets, and only some of them are looked at.
        let share = self.windows.len().div_ceil(LOOKED_AT);
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        for (place, (key, counts)) in self.windows.iter().filter(|(_, counts)| !counts.is_empty()).enumerate() {
            let [model, sha256, bucket, segment] = key.values();
            transaction.execute(INSERT_PART, &[model, sha256, bucket, segment, counts.to_json().into()])?;
            if (place + turn).is_multiple_of(share) && are_worth_merging(transaction, key)? {
                merge_parts(transaction, key)?;
            }
        }
        Ok(())
    }

    fn observe_segments(&mut self, row: &NewRow, key: &BucketKey) {
        for segment in &row.segments {
            self.counts(key.of_segment(segment.clone())).observe(&observation(&row.record));
        }
    }
}

const OF_KEY: &str = "model = $1 AND model_sha256 = $2 AND bucket = $3 AND segment = $4";
const INSERT_PART: &str =
    "INSERT INTO window_parts (model, model_sha256, bucket, segment, counts) VALUES ($1, $2, $3, $4, $5)";
const UPSERT: &str = "
INSERT INTO window_counts (model, model_sha256, bucket, segment, writer, counts) VALUES ($1, $2, $3, $4, '', $5)
ON CONFLICT (model, model_sha256, bucket, segment, writer) DO UPDATE SET counts = excluded.counts";

/// The lengths are counted in bytes, for which no part has to be read.
fn are_worth_merging(transaction: &mut dyn WriteTransaction, key: &BucketKey) -> Result<bool, DatabaseError> {
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(octet_length(counts)), 0) AS BIGINT) FROM window_parts WHERE {OF_KEY}"
    );
    let parts = first(transaction, &sql, &key.values(), |columns| Ok([columns.count()?, columns.count()?]))?;
    let [number, bytes] = parts.unwrap_or_default();
    if number >= MOST_PARTS {
        return Ok(true);
    }
    if bytes < SMALL_PARTS {
        return Ok(false);
    }
    let sql = format!("SELECT octet_length(counts) FROM window_counts WHERE {OF_KEY} AND writer = ''");
    let merged = first(transaction, &sql, &key.values(), RowColumns::count)?.unwrap_or_default();
    Ok(bytes >= PARTS_TO_MERGED * merged)
}

/// Merges the parts of a bucket into its counts.
///
/// Each part is deleted by the one statement that reads it, so none is merged twice. Programs that share a database merge
/// one after the other, because they rewrite the same row.
fn merge_parts(transaction: &mut dyn WriteTransaction, key: &BucketKey) -> Result<(), DatabaseError> {
    transaction.lock(TransactionLock::Windows)?;
    let sql = format!("DELETE FROM window_parts WHERE {OF_KEY} RETURNING counts");
    let parts = rows(transaction, &sql, &key.values(), RowColumns::text)?;
    let sql = format!("SELECT counts FROM window_counts WHERE {OF_KEY} AND writer = ''");
    let merged = first(transaction, &sql, &key.values(), RowColumns::text)?;
    let mut counts = WindowCounts::default();
    for part in merged.iter().chain(&parts) {
        counts.merge(&readable(part));
    }
    let [model, sha256, bucket, segment] = key.values();
    transaction.execute(UPSERT, &[model, sha256, bucket, segment, counts.to_json().into()]).map(|_| ())
}

/// Merges parts of buckets that are over at `now`, in microseconds since 1970; gives how many buckets it has merged.
///
/// # Errors
/// The database's.
pub(crate) fn merge_closed(transaction: &mut dyn WriteTransaction, now: i64) -> Result<usize, DatabaseError> {
    let sql = "SELECT DISTINCT model, model_sha256, bucket, segment FROM window_parts WHERE bucket < $1 LIMIT $2";
    let open = begin_of_span(now, BUCKET);
    let closed = rows(transaction, sql, &[open.into(), STEP.into()], |columns| {
        Ok(BucketKey {
            model: columns.text()?,
            sha256: columns.text()?,
            bucket: columns.integer()?,
            segment: columns.text()?,
        })
    })?;
    closed.iter().try_for_each(|key| merge_parts(transaction, key))?;
    Ok(closed.len())
}
