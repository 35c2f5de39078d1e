//! Which partitions there are, and which of them the rows of a range of time lie in.
//!
//! Rule of thumb: a question names ranges of ids, never partitions. While it is asked, rows may move into a partition that
//! has just been made; their ids stay where they are.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::super::error::DatabaseError;
use super::super::super::session::{RowPlaces, SqlSession, rows};
use super::super::super::time::TimeRange;
use super::super::super::value::RowColumns;
use super::span::{DAY, END, IdSpan, width};

/// The partition of the rows that belong to no other.
pub(super) const DEFAULT: &str = "predictions_default";
/// How far the time of a row may be from the time in its id before its partition has to say so, in microseconds: an hour.
pub(super) const SLACK: i64 = 3_600_000_000;
/// Partitions of the first part of a range; each further part has twice as many, up to [`MOST_AT_ONCE`].
const FIRST_PART: usize = 2;
/// The most partitions of one part. Each is locked with its eight indexes.
const MOST_AT_ONCE: usize = 16;

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) name: String,
    /// The server's number of it.
    pub(super) oid: i64,
    /// The ids that it holds; `None` for the default one, which holds those of no other.
    pub(super) span: Option<IdSpan>,
    /// Within this range are the times at which its predictions were made.
    pub(super) times: TimeRange,
}

impl Partition {
    /// Whether no id and no row of it is from `until`, in microseconds since 1970, or later.
    pub(super) fn is_expired(&self, until: i64) -> bool {
        // The times that are written down reach beyond the rows, at least by the slack.
        let last = self.times.until.saturating_sub(SLACK);
        self.span.is_some_and(|span| span.until.saturating_mul(1000) <= until) && last <= until
    }
}

/// The times of no row.
pub(super) const NO_TIMES: TimeRange = TimeRange { since: i64::MAX, until: i64::MIN };

/// The partitions of the predictions, in order of their ids; the default one comes first.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct PartitionMap {
    partitions: Vec<Partition>,
    /// Whether somebody made a partition of which nothing is known. Questions look everywhere then.
    has_strangers: bool,
}

const LOAD: &str = "
SELECT CAST(c.relname AS TEXT), CAST(c.oid AS BIGINT), p.from_ms, p.until_ms, p.since, p.until
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN prediction_partitions p ON p.name = CAST(c.relname AS TEXT)
WHERE i.inhparent = to_regclass('predictions')";

impl PartitionMap {
    /// Reads what there is.
    ///
    /// # Errors
    /// The server's.
    pub(in super::super) fn load(session: &mut dyn SqlSession) -> Result<Self, DatabaseError> {
        let found = rows(session, LOAD, &[], read)?;
        let has_strangers = found.iter().any(Option::is_none);
        let mut partitions: Vec<Partition> = found.into_iter().flatten().collect();
        partitions.sort_by_key(|partition| partition.span.map_or(i64::MIN, |span| span.from));
        Ok(Self { partitions, has_strangers })
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Partition] {
        &self.partitions
    }

    /// The partition of this number.
    pub(super) fn of_oid(&self, oid: i64) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.oid == oid)
    }

    /// The partition that holds the ids of a time, unless it is the default one.
    pub(super) fn at(&self, time: i64) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.span.is_some_and(|span| span.has(time)))
    }

    /// As much of the day or the week of a time as no partition holds. The time is in none.
    pub(super) fn free_span(&self, time: i64, width: i64) -> IdSpan {
        let mut free = IdSpan::of(time, width);
        for span in self.partitions.iter().filter_map(|partition| partition.span) {
            if span.until <= time {
                free.from = free.from.max(span.until);
            } else {
                free.until = free.until.min(span.from);
            }
        }
        free
    }

    /// The condition that an id is in one of some partitions; `None` where that says nothing.
    pub(super) fn condition_of(&self, is_chosen: impl Fn(&Partition) -> bool) -> Option<String> {
        if self.has_strangers {
            return None;
        }
        let chosen = self.chosen_spans(is_chosen);
        match chosen.as_slice() {
            [IdSpan { from: 0, until: END }] => None,
            [] => Some("1 = 0".to_owned()),
            spans => Some(format!("({})", spans.iter().map(|span| span.condition()).collect::<Vec<_>>().join(" OR "))),
        }
    }

    /// The ranges of ids of some partitions; what lies between partitions is in the default one.
    fn chosen_spans(&self, is_chosen: impl Fn(&Partition) -> bool) -> Vec<IdSpan> {
        let default = self.partitions.iter().filter(|partition| partition.span.is_none()).any(&is_chosen);
        let mut chosen: Vec<IdSpan> = Vec::new();
        let mut add = |span: IdSpan, is_chosen: bool| match chosen.last_mut() {
            _ if !is_chosen || span.from >= span.until => {}
            Some(last) if last.until == span.from => last.until = span.until,
            _ => chosen.push(span),
        };
        let mut reached = 0;
        for partition in &self.partitions {
            let Some(span) = partition.span else { continue };
            add(IdSpan { from: reached, until: span.from }, default);
            add(span, is_chosen(partition));
            reached = span.until;
        }
        add(IdSpan { from: reached, until: END }, default);
        chosen
    }

    /// The partitions that have the oldest rows: two weeks', and those that have rows of any time.
    fn oldest(&self) -> Vec<i64> {
        let timed = self.partitions.iter().filter(|partition| partition.span.is_some_and(|span| span.until < END));
        let rest = self.partitions.iter().filter(|partition| partition.span.is_none_or(|span| span.until == END));
        timed.take(2).chain(rest).map(|partition| partition.oid).collect()
    }
}

impl RowPlaces for PartitionMap {
    fn condition(&self, range: TimeRange) -> Option<String> {
        self.condition_of(|partition| partition.times.since < range.until && range.since < partition.times.until)
    }

    fn parts(&self, range: TimeRange) -> Vec<TimeRange> {
        // A row is up to the slack away from its id's time, so a part that ends there leaves the next partition alone.
        let begins = |partition: &Partition| partition.span.map(|span| span.from.saturating_mul(1000) + SLACK);
        let begins: Vec<i64> = self.partitions.iter().rev().filter_map(begins).collect();
        let (mut parts, mut until, mut size, mut passed) = (Vec::new(), range.until, FIRST_PART, 0);
        for begin in begins.into_iter().filter(|begin| (range.since + 1..range.until).contains(begin)) {
            passed += 1;
            if passed == size {
                parts.push(TimeRange { since: begin, until });
                (until, size, passed) = (begin, (size * 2).min(MOST_AT_ONCE), 0);
            }
        }
        parts.push(TimeRange { since: range.since, until });
        parts
    }

    fn deletable(&self, until: i64) -> String {
        // The others are dropped as a whole, now or when their last row has expired. That is within a week, or a day where
        // predictions are kept for a month at most.
        let longest_wait = width(Timestamp::now().as_millisecond() - until.div_euclid(1000)) * 1000;
        let is_dropped = |partition: &Partition| {
            let begins = partition.span.map_or(i64::MAX, |span| span.from.saturating_mul(1000));
            let ends = partition.span.map_or(i64::MAX, |span| span.until.saturating_mul(1000));
            begins < until && (ends - begins <= longest_wait && ends > until || partition.is_expired(until))
        };
        let condition = if until == i64::MAX {
            let oldest = self.oldest();
            self.condition_of(|partition| oldest.contains(&partition.oid))
        } else {
            self.condition_of(|partition| partition.times.since < until && !is_dropped(partition))
        };
        condition.unwrap_or_else(|| "1 = 1".to_owned())
    }
}

/// The times of rows that were made when their ids say.
pub(super) fn times_of(span: IdSpan) -> TimeRange {
    TimeRange {
        since: span.from.saturating_mul(1000).saturating_sub(SLACK),
        until: span.until.saturating_mul(1000).saturating_add(SLACK),
    }
}

/// Reads a partition; `None` for one that this program did not make.
fn read(columns: &mut RowColumns) -> Result<Option<Partition>, DatabaseError> {
    let (name, oid) = (columns.text()?, columns.integer()?);
    let (from, until) = (columns.opt_integer()?, columns.opt_integer()?);
    let (since, times_until) = (columns.opt_integer()?, columns.opt_integer()?);
    let times = match (since, times_until) {
        (Some(since), Some(until)) => TimeRange { since, until },
        // A program of an earlier version made it, and wrote nothing down.
        _ => TimeRange::ALL,
    };
    let span = from.zip(until).map(|(from, until)| IdSpan { from, until }).or_else(|| day_of(&name));
    let is_known = span.is_some() || name == DEFAULT;
    Ok(is_known.then_some(Partition { name, oid, span, times }))
}

/// The day of a partition that an earlier version named `predictions_pYYYYMMDD`.
fn day_of(name: &str) -> Option<IdSpan> {
    let date = Date::strptime("%Y%m%d", name.strip_prefix("predictions_p")?).ok()?;
    let from = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond();
    Some(IdSpan { from, until: from + DAY })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::span::WEEK;
    use super::*;
    use proptest::prelude::*;

    /// Weeks with a gap after the third, and a default partition that has rows of these times.
    fn map(weeks: i64, default: TimeRange) -> PartitionMap {
        let week = |number: i64| {
            let first = IdSpan::of(1_700_000_000_000, WEEK).from;
            let from = first + (number + i64::from(number > 2)) * WEEK;
            let span = IdSpan { from, until: from + WEEK };
            Partition { name: span.name(), oid: number, span: Some(span), times: times_of(span) }
        };
        let rest = Partition { name: DEFAULT.to_owned(), oid: -1, span: None, times: default };
        let partitions = std::iter::once(rest).chain((0..weeks).map(week)).collect();
        PartitionMap { partitions, has_strangers: false }
    }

    #[test]
    fn a_range_asks_its_own_partitions_alone() {
        let map = map(6, NO_TIMES);
        let second = map.all()[2].span.unwrap();
        let inside = TimeRange { since: second.from * 1000 + SLACK, until: second.until * 1000 - SLACK };
        assert_eq!(map.condition(inside), Some(format!("({})", second.condition())));
        assert_eq!(map.condition(TimeRange { since: 0, until: 1 }), Some("1 = 0".to_owned()));
        assert_eq!(map.chosen_spans(|_| true), [IdSpan { from: 0, until: END }]);
        assert_eq!(map.chosen_spans(|partition| partition.span.is_some()).len(), 2, "the gap is the default one's");
        let wide = self::map(6, TimeRange::ALL);
        assert_eq!(wide.condition(TimeRange::ALL), None);
        assert_eq!(wide.condition(inside).unwrap().matches("OR").count(), 3, "all but the weeks beside it");
    }

    #[test]
    fn a_new_partition_takes_what_is_free_of_its_week() {
        let map = map(4, NO_TIMES);
        let last = map.all().last().unwrap().span.unwrap();
        assert_eq!(map.free_span(last.until, WEEK), IdSpan::of(last.until, WEEK));
        let gap = last.from - 1;
        assert!(map.at(gap).is_none());
        assert_eq!(map.free_span(gap, WEEK), IdSpan::of(gap, WEEK));
        let mut days = map.clone();
        days.partitions[4].span = Some(IdSpan { from: last.from, until: last.from + DAY });
        assert_eq!(days.free_span(last.until - 1, WEEK), IdSpan { from: last.from + DAY, until: last.until });
    }

    proptest! {
        #[test]
        fn parts_cover_a_range_once_and_ask_few_partitions(weeks in 1..200i64, since: i64, until: i64) {
            let map = map(weeks, NO_TIMES);
            let parts = map.parts(TimeRange { since, until: until.max(since) });
            prop_assert_eq!(parts.last().unwrap().since, since);
            prop_assert_eq!(parts[0].until, until.max(since));
            prop_assert!(parts.windows(2).all(|two| two[0].since == two[1].until));
            for part in parts.iter().filter(|part| part.since < part.until) {
                let asked = map.all().iter().filter(|one| one.times.since < part.until && part.since < one.times.until);
                prop_assert!(asked.count() <= MOST_AT_ONCE + 2);
            }
        }
    }
}
