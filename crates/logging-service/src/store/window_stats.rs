//! What `GET /stats` says of five minutes and of days, kept beside the rows.
//!
//! Sums are written in the transaction of the rows that they are about, and stay when retention deletes the rows. A range is
//! made of whole days, of whole five minutes at their ends, and of rows at the ends of these; so it takes a few
//! milliseconds, however long it is.
//!
//! Rule of thumb: sums only ever add up, so a statement adds to them without reading them first.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prediction_record::{PredictionRecord, Status};
use uuid::Uuid;

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::session::SqlSession;
use super::time::{BUCKET, DAY, TimeRange, begin_of_span, floor_microseconds};

/// Programs that share a database each add to rows of their own, so that none waits for the other's transaction.
static WRITER: LazyLock<String> = LazyLock::new(|| Uuid::now_v7().simple().to_string().split_off(24));

const ADD: &str = "
INSERT INTO window_stats (length, begins, model, failed, label, error_type, writer, predictions, defects, confidences,
    confidence_sum, latencies, latency_sum, latency_max, first_at, last_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (length, begins, model, failed, label, error_type, writer) DO UPDATE SET
    predictions = window_stats.predictions + excluded.predictions,
    defects = window_stats.defects + excluded.defects,
    confidences = window_stats.confidences + excluded.confidences,
    confidence_sum = window_stats.confidence_sum + excluded.confidence_sum,
    latencies = window_stats.latencies + excluded.latencies,
    latency_sum = window_stats.latency_sum + excluded.latency_sum,
    latency_max = CASE WHEN excluded.latency_max > window_stats.latency_max THEN excluded.latency_max
        ELSE window_stats.latency_max END,
    first_at = CASE WHEN excluded.first_at < window_stats.first_at THEN excluded.first_at ELSE window_stats.first_at END,
    last_at = CASE WHEN excluded.last_at > window_stats.last_at THEN excluded.last_at ELSE window_stats.last_at END";

/// Predictions of one span of time that agree in model, status, label and error type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StatsKey {
    length: i64,
    begins: i64,
    model: String,
    failed: bool,
    /// Empty where there is none, like the next.
    label: String,
    error_type: String,
}

/// Their sums.
#[derive(Clone, Copy, Debug)]
struct StatsSums {
    predictions: i64,
    defects: i64,
    confidences: i64,
    confidence_sum: f64,
    latencies: i64,
    latency_sum: f64,
    /// Negative where none has a latency.
    latency_max: f64,
    first_at: i64,
    last_at: i64,
}

/// What a transaction adds to the sums.
#[derive(Debug, Default)]
pub(super) struct StatsParts(BTreeMap<StatsKey, StatsSums>);

impl StatsParts {
    /// Counts a new row.
    pub(super) fn observe(&mut self, record: &PredictionRecord) {
        let time = record.occurred_at.map_or(0, floor_microseconds);
        let key = StatsKey {
            length: BUCKET,
            begins: begin_of_span(time, BUCKET),
            model: record.model.clone(),
            failed: record.status == Status::Error,
            label: record.label.clone().unwrap_or_default(),
            error_type: record.error_type.clone().unwrap_or_default(),
        };
        let sums = StatsSums::of(record, time);
        self.add(key, sums);
    }

    /// Adds all of another.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, sums) in other.0 {
            self.add(key, sums);
        }
    }

    /// Adds them to those in the database.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn save(&self, transaction: &mut dyn WriteTransaction) -> Result<(), DatabaseError> {
        let mut days = Self::default();
        for (key, sums) in &self.0 {
            days.add(StatsKey { length: DAY, begins: begin_of_span(key.begins, DAY), ..key.clone() }, *sums);
        }
        self.0.iter().chain(&days.0).try_for_each(|(key, sums)| {
            let values = [
                key.length.into(),
                key.begins.into(),
                key.model.as_str().into(),
                key.failed.into(),
                key.label.as_str().into(),
                key.error_type.as_str().into(),
                WRITER.as_str().into(),
                sums.predictions.into(),
                sums.defects.into(),
                sums.confidences.into(),
                sums.confidence_sum.into(),
                sums.latencies.into(),
                sums.latency_sum.into(),
                sums.latency_max.into(),
                sums.first_at.into(),
                sums.last_at.into(),
            ];
            transaction.execute(ADD, &values).map(|_| ())
        })
    }

    fn add(&mut self, key: StatsKey, sums: StatsSums) {
        self.0.entry(key).and_modify(|known| known.add(&sums)).or_insert(sums);
    }
}

impl StatsSums {
    fn of(record: &PredictionRecord, time: i64) -> Self {
        Self {
            predictions: record.counts_as().cast_signed(),
            defects: record.defect.into(),
            confidences: record.confidence.is_some().into(),
            confidence_sum: record.confidence.unwrap_or_default(),
            latencies: record.latency_seconds.is_some().into(),
            latency_sum: record.latency_seconds.unwrap_or_default(),
            latency_max: record.latency_seconds.unwrap_or(-1.0),
            first_at: time,
            last_at: time,
        }
    }

    fn add(&mut self, other: &Self) {
        self.predictions += other.predictions;
        self.defects += other.defects;
        self.confidences += other.confidences;
        self.confidence_sum += other.confidence_sum;
        self.latencies += other.latencies;
        self.latency_sum += other.latency_sum;
        self.latency_max = self.latency_max.max(other.latency_max);
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
    }
}

/// Whole spans of one length, and the range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WholeSpans {
    pub(super) length: i64,
    pub(super) range: TimeRange,
}

/// The parts of a range: whole days and five minutes, and what is left at its ends. The ends of time are the least and the
/// greatest number.
pub(super) fn parts_of(range: TimeRange) -> (Vec<WholeSpans>, Vec<TimeRange>) {
    let buckets = inside(range, BUCKET);
    if buckets.since >= buckets.until {
        return (Vec::new(), vec![range]);
    }
    let is_left = |part: &TimeRange| part.since < part.until;
    let around = |whole: TimeRange, part: TimeRange| {
        [TimeRange { until: part.since, ..whole }, TimeRange { since: part.until, ..whole }]
    };
    let days = inside(range, DAY);
    let mut spans = Vec::new();
    if is_left(&days) {
        spans.push(WholeSpans { length: DAY, range: days });
        let shorter = around(buckets, days).into_iter().filter(is_left);
        spans.extend(shorter.map(|range| WholeSpans { length: BUCKET, range }));
    } else {
        spans.push(WholeSpans { length: BUCKET, range: buckets });
    }
    (spans, around(range, buckets).into_iter().filter(is_left).collect())
}

/// The whole spans inside of a range.
fn inside(range: TimeRange, length: i64) -> TimeRange {
    let since = match range.since {
        i64::MIN => i64::MIN,
        since => begin_of_span(since.saturating_add(length - 1), length),
    };
    let until = if range.until == i64::MAX { i64::MAX } else { begin_of_span(range.until, length) };
    TimeRange { since, until }
}

/// Deletes the sums of spans before `until`.
///
/// # Errors
/// The database's.
pub(super) fn delete(transaction: &mut dyn WriteTransaction, until: i64) -> Result<(), DatabaseError> {
    [BUCKET, DAY].into_iter().try_for_each(|length| {
        let sql = "DELETE FROM window_stats WHERE length = $1 AND begins < $2";
        transaction.execute(sql, &[length.into(), (until - length).into()]).map(|_| ())
    })
}

/// Says which models' sums differ from their rows, in whole five minutes of a range.
///
/// # Errors
/// The database's.
pub(super) fn compare(session: &mut dyn SqlSession, range: TimeRange) -> Result<Vec<String>, DatabaseError> {
    let sql = "
        SELECT model, CAST(sum(counted) AS BIGINT), CAST(sum(stored) AS BIGINT) FROM (
            SELECT model, predictions AS counted, 0 AS stored FROM window_stats WHERE length = $1 AND begins >= $2 AND begins < $3
            UNION ALL
            SELECT model, 0, coalesce(items, 1) FROM predictions WHERE occurred_at >= $2 AND occurred_at < $3
        ) AS both_counts GROUP BY model HAVING sum(counted) <> sum(stored)";
    super::session::rows(session, sql, &[BUCKET.into(), range.since.into(), range.until.into()], |columns| {
        let (model, counted, stored) = (columns.text()?, columns.integer()?, columns.integer()?);
        Ok(format!("{model}: the sums for /stats count {counted} predictions since yesterday, the rows are {stored}"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_a_range_follow_each_other_without_gaps(
            since in -3 * DAY..3 * DAY, length in 0..4 * DAY, aligned in any::<[bool; 2]>(), open in any::<[bool; 2]>(),
        ) {
            let align = |time: i64, to: bool| if to { begin_of_span(time, DAY) } else { time };
            let since = align(since, aligned[0]);
            let until = align(since + length, aligned[1]).max(since);
            let range = TimeRange {
                since: if open[0] { i64::MIN } else { since },
                until: if open[1] { i64::MAX } else { until },
            };
            let (spans, rows) = parts_of(range);
            for WholeSpans { length, range } in &spans {
                for end in [range.since, range.until] {
                    prop_assert!(end % length == 0 || end == i64::MIN || end == i64::MAX);
                }
            }
            let parts = spans.iter().map(|spans| spans.range).chain(rows).collect();
            prop_assert!(range.is_made_of(parts), "{:?} {:?}", range, spans);
        }
    }
}
