//! Compares the counts of days with those of their five minutes.

use std::collections::BTreeMap;

use super::counted_span::{CountedRange, CountedSpan};
use super::error::DatabaseError;
use super::session::{SqlSession, rows};
use super::time::{DAY, TimeRange, from_microseconds};
use super::value::RowColumns;
use super::windows::{self, ModelWindow, SegmentScope};
use crate::analysis::WindowCounts;

/// Says which days are counted otherwise than their five minutes.
///
/// # Errors
/// The database's.
pub(super) fn compare(session: &mut dyn SqlSession) -> Result<Vec<String>, DatabaseError> {
    let mut problems = Vec::new();
    for begin in days(session)? {
        let range = TimeRange { since: begin, until: begin.saturating_add(DAY) };
        for scope in [SegmentScope::Whole, SegmentScope::Each] {
            let [buckets, days] = [CountedSpan::Bucket, CountedSpan::Day]
                .map(|span| windows::sums_of_spans(session, &[CountedRange { span, range }], &scope));
            let [buckets, days] = [counted(buckets?), counted(days?)];
            if buckets != days {
                let [a, b] =
                    [&days, &buckets].map(|found| found.values().map(|counts| counts.predictions).sum::<u64>());
                let day = from_microseconds(begin);
                problems.push(format!("{day}: {a} predictions are counted of this day, and {b} of its five minutes"));
            }
        }
    }
    Ok(problems)
}

/// The counts by model, file and segment. Of what was all taken back, a window without counts is left.
fn counted(windows: Vec<ModelWindow>) -> BTreeMap<(String, String, String), WindowCounts> {
    let counts = windows.into_iter().map(|window| ((window.model, window.model_sha256, window.segment), window.counts));
    counts.filter(|(_, counts)| !counts.is_empty()).collect()
}

/// When the days begin of which something is counted.
fn days(session: &mut dyn SqlSession) -> Result<Vec<i64>, DatabaseError> {
    let begins = |span: CountedSpan| {
        let day = format!("bucket - (bucket % {DAY} + {DAY}) % {DAY}");
        span.tables().map(|table| format!("SELECT {day} FROM {table}")).join(" UNION ")
    };
    rows(session, &CountedSpan::ALL.map(begins).join(" UNION "), &[], RowColumns::integer)
}
