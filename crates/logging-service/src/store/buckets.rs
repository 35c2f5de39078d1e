//! What a transaction adds to the counts of five minutes and of days.
//!
//! Rule of thumb: counts only ever add up, so a transaction's own are summed in memory, and written once.

use std::collections::BTreeMap;

use prediction_record::PredictionRecord;

use super::bucket_key::BucketKey;
use super::counted_span::{CountedSpan, SpanCounts};
use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::row::NewRow;
use super::time::{BUCKET, floor_microseconds};
use super::window_stats::StatsParts;
use super::windows::observation;
use crate::analysis::WindowCounts;

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
    pub(super) fn save(self, transaction: &mut dyn WriteTransaction) -> Result<(), DatabaseError> {
        self.stats.save(transaction)?;
        let added = self.windows.into_iter().filter(|(_, counts)| !counts.is_empty());
        let buckets: BTreeMap<BucketKey, SpanCounts> = added
            .map(|(key, counts)| {
                let begin = key.bucket;
                (key, SpanCounts::of_bucket(begin, counts))
            })
            .collect();
        let mut days = BTreeMap::<BucketKey, SpanCounts>::new();
        for (key, counts) in &buckets {
            days.entry(key.of_day()).or_default().merge(counts);
        }
        CountedSpan::Bucket.save(transaction, &buckets)?;
        CountedSpan::Day.save(transaction, &days)
    }

    fn observe_segments(&mut self, row: &NewRow, key: &BucketKey) {
        for segment in &row.segments {
            self.counts(key.of_segment(segment.clone())).observe(&observation(&row.record));
        }
    }
}

/// Merges parts of five minutes and of days that are over at `now`, in microseconds since 1970; gives how many it has
/// merged.
///
/// # Errors
/// The database's.
pub(crate) fn merge_closed(transaction: &mut dyn WriteTransaction, now: i64) -> Result<usize, DatabaseError> {
    let mut merged = 0;
    for span in CountedSpan::ALL {
        merged += span.merge_closed(transaction, now)?;
    }
    Ok(merged)
}
