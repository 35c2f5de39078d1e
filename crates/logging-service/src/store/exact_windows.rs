//! The counts of any range of time, though buckets count five minutes each.
//!
//! The buckets inside of the range are added up, and the parts of buckets at its ends are counted anew from their rows. Where
//! retention has deleted some of those rows, or where something is counted that no row has, the whole bucket is taken and the
//! range says so.
//!
//! Rule of thumb: what is answered is never about less than what was asked, and the range that stands beside it is the range
//! that was counted.

use std::collections::BTreeMap;

use super::chosen_files::LeftOutFiles;
use super::counted_labels;
use super::error::DatabaseError;
use super::recent_use::RecentUse;
use super::session::{SqlSession, first};
use super::time::{TimeRange, begin_of_span};
use super::value::RowColumns;
use super::windows::{self, BUCKET, ModelWindow, SegmentScope};
use crate::analysis::WindowCounts;

/// The counts of a model's file in a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExactWindow {
    /// The model's file and its counts.
    pub(crate) window: ModelWindow,
    /// The range that they count.
    pub(crate) range: TimeRange,
}

/// The counts of files in a range.
#[derive(Debug, Default)]
pub(crate) struct ExactWindows {
    /// The chosen files.
    pub(crate) files: Vec<ExactWindow>,
    /// What there is beside them.
    pub(crate) left_out: LeftOutFiles,
}

/// A bucket of which only a part lies in the range.
#[derive(Clone, Copy)]
struct RaggedBucket {
    whole: TimeRange,
    part: TimeRange,
}

/// The counts of the range, by model and file; where `model` is given, of that model only.
///
/// # Errors
/// The database's.
pub(crate) fn of_range(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
) -> Result<ExactWindows, DatabaseError> {
    let (inner, ragged) = split(range);
    let mut found = BTreeMap::<(String, String), ExactWindow>::new();
    let whole = ragged.iter().map(|bucket| bucket.whole).fold(inner, |all, bucket| TimeRange {
        since: all.since.min(bucket.since),
        until: all.until.max(bucket.until),
    });
    let chosen = windows::choose(session, model, whole)?;
    let sums = |session: &mut dyn SqlSession, range| {
        windows::sums_of_chosen(session, model, range, &SegmentScope::Whole, &chosen)
    };
    if inner.since < inner.until {
        for window in sums(session, inner)? {
            add(&mut found, window, range, range);
        }
    }
    for RaggedBucket { whole, part } in ragged {
        for mut window in sums(session, whole)? {
            let counted = match recount(session, &window, whole, part)? {
                Some(counts) if counts == WindowCounts::default() => continue,
                Some(counts) => {
                    window.counts = counts;
                    range
                }
                // The range grows to the end of the bucket at which the range ends.
                None => TimeRange {
                    since: if part.since == range.since { whole.since } else { range.since },
                    until: if part.until == range.until { whole.until } else { range.until },
                },
            };
            add(&mut found, window, range, counted);
        }
    }
    Ok(ExactWindows { files: found.into_values().collect(), left_out: chosen.left_out })
}

fn add(found: &mut BTreeMap<(String, String), ExactWindow>, window: ModelWindow, asked: TimeRange, counted: TimeRange) {
    let key = (window.model.clone(), window.model_sha256.clone());
    let known = found.entry(key).or_insert_with(|| ExactWindow {
        window: ModelWindow { counts: WindowCounts::default(), usage: RecentUse::default(), ..window.clone() },
        range: asked,
    });
    known.window.usage.merge(window.usage);
    known.window.counts.merge(&window.counts);
    known.range.since = known.range.since.min(counted.since);
    known.range.until = known.range.until.max(counted.until);
}

/// Counts a part of a bucket from its rows; `None` where the rows do not say all that the bucket counts.
fn recount(
    session: &mut dyn SqlSession,
    window: &ModelWindow,
    whole: TimeRange,
    part: TimeRange,
) -> Result<Option<WindowCounts>, DatabaseError> {
    let ModelWindow { model, model_sha256, counts, .. } = window;
    let place = session.places()?.condition(whole).unwrap_or_else(|| "1 = 1".to_owned());
    let sql = format!(
        "SELECT CAST(coalesce(sum(coalesce(items, 1)), 0) AS BIGINT) FROM predictions
         WHERE model = $1 AND coalesce(model_sha256, '') = $2 AND occurred_at >= $3 AND occurred_at < $4 AND {place}"
    );
    let values = [model.as_str().into(), model_sha256.as_str().into(), whole.since.into(), whole.until.into()];
    // The rows are counted after the bucket was read, so rows that came in between are no reason to distrust them.
    let rows = first(session, &sql, &values, RowColumns::count)?.unwrap_or_default();
    if rows < counts.predictions.saturating_add(counts.errors) || !counts.unkept.is_empty() {
        return Ok(None);
    }
    let mut counts = windows::recount(session, model, model_sha256, part)?;
    counts.labels = counted_labels::recount(session, model, model_sha256, part)?;
    Ok(Some(counts))
}

/// The whole buckets inside of a range, and those of which it has a part.
fn split(range: TimeRange) -> (TimeRange, Vec<RaggedBucket>) {
    let begin = |time: i64| begin_of_span(time, BUCKET);
    let whole = |time: i64| TimeRange { since: begin(time), until: begin(time).saturating_add(BUCKET) };
    let [first, last] = [range.since, range.until].map(whole);
    if range.since >= range.until {
        return (TimeRange { since: range.since, until: range.since }, Vec::new());
    }
    let is_ragged = |time: i64| begin(time) != time;
    if first == last && (is_ragged(range.since) || is_ragged(range.until)) {
        let empty = TimeRange { since: range.until, until: range.until };
        return (empty, vec![RaggedBucket { whole: first, part: range }]);
    }
    let mut ragged = Vec::new();
    let mut inner = range;
    if is_ragged(range.since) {
        inner.since = first.until;
        ragged.push(RaggedBucket { whole: first, part: TimeRange { since: range.since, until: first.until } });
    }
    if is_ragged(range.until) {
        inner.until = last.since;
        ragged.push(RaggedBucket { whole: last, part: TimeRange { since: last.since, until: range.until } });
    }
    (inner, ragged)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_a_range_follow_each_other_without_gaps(
            since in -5 * BUCKET..5 * BUCKET, length in 0..4 * BUCKET, aligned in any::<[bool; 2]>(),
        ) {
            let align = |time: i64, to: bool| if to { begin_of_span(time, BUCKET) } else { time };
            let since = align(since, aligned[0]);
            let range = TimeRange { since, until: align(since + length, aligned[1]).max(since) };
            let (inner, ragged) = split(range);
            let mut parts: Vec<TimeRange> = ragged.iter().map(|bucket| bucket.part).collect();
            parts.push(inner);
            prop_assert!(range.is_made_of(parts), "{:?} {:?}", range, inner);
            prop_assert!(inner.since >= inner.until || (inner.since % BUCKET == 0 && inner.until % BUCKET == 0));
            for RaggedBucket { whole, part } in ragged {
                prop_assert!(whole.since % BUCKET == 0 && whole.until - whole.since == BUCKET);
                prop_assert!(whole.since <= part.since && part.until <= whole.until && part != whole);
            }
        }
    }
}
