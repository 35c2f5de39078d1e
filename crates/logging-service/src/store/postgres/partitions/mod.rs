//! One partition for each week of predictions, or each day where they are kept for a month at most, by the time with which
//! their event ids begin.
//!
//! Rule of thumb: a partition is there a week before its first row. Rows without one go to the default partition,
//! and move when theirs has been made; only speed depends on it.

mod creation;
mod expiry;
mod map;
mod span;

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::super::error::DatabaseError;
use super::super::time::{TimeRange, begin_of_span};
use super::connection::{ServerConnection, TypedValue};

pub(super) use expiry::drop_expired;
pub(super) use map::PartitionMap;

use map::{NO_TIMES, SLACK};
use span::{DAY, IdSpan, WEEK, is_timed, time_of, width};

/// Milliseconds until another attempt, after something was in the way, such as a long query.
const RETRY: i64 = 60_000;
/// Milliseconds between two looks where nothing was in the way.
const LOOK_EVERY: i64 = 3_600_000;
/// How far ahead of time there are partitions, in milliseconds.
const AHEAD: i64 = WEEK;
/// Partitions that are made in one turn, so that the writer is not kept from its rows.
const MOST_IN_ONE_TURN: usize = 4;

/// The partitions, and what there is to do for them.
pub(super) struct PartitionKeeper {
    /// How long a new partition is, in milliseconds.
    width: i64,
    map: PartitionMap,
    /// Times of rows that went to the default partition although they could have one of their own, by where theirs would
    /// begin.
    wanted: BTreeMap<i64, i64>,
    /// When to look next, in milliseconds since 1970.
    due: i64,
    /// No attempt before this, in milliseconds since 1970.
    patience: i64,
}

/// A row that was inserted.
pub(super) struct InsertedRow {
    pub(super) event_id: Uuid,
    /// In microseconds since 1970.
    pub(super) occurred_at: i64,
    /// The number of its partition.
    pub(super) partition: i64,
}

impl PartitionKeeper {
    /// For predictions that are kept for so many days; 0 for good.
    pub(super) fn new(retention_days: u32) -> Self {
        let retention = if retention_days == 0 { i64::MAX } else { i64::from(retention_days) * DAY };
        Self { width: width(retention), map: PartitionMap::default(), wanted: BTreeMap::new(), due: 0, patience: 0 }
    }

    /// Makes the partitions from now until in a week, and those of rows that had none.
    ///
    /// # Errors
    /// The server's. Another attempt follows after a minute.
    pub(super) fn maintain(&mut self, connection: &mut ServerConnection) -> Result<(), DatabaseError> {
        let now = Timestamp::now().as_millisecond();
        if now < self.patience || (now < self.due && self.wanted.is_empty()) {
            return Ok(());
        }
        self.patience = now + RETRY;
        self.map = PartitionMap::load(connection)?;
        self.make_ahead(connection, now)?;
        for _ in 0..MOST_IN_ONE_TURN {
            let Some((begin, time)) = self.wanted.first_key_value().map(|(begin, time)| (*begin, *time)) else { break };
            self.make(connection, time)?;
            self.wanted.remove(&begin);
        }
        (self.due, self.patience) = (now + LOOK_EVERY, 0);
        Ok(())
    }

    /// Whether there are partitions for all of the next day.
    pub(super) fn has_tomorrow(&self) -> bool {
        let now = Timestamp::now().as_millisecond();
        self.ready_until(now) > now + DAY
    }

    /// Until when there are partitions without a gap, in milliseconds since 1970; `now` where there is none.
    fn ready_until(&self, now: i64) -> i64 {
        let mut ready = now;
        while let Some(span) = self.map.at(ready).and_then(|partition| partition.span) {
            ready = span.until;
        }
        ready
    }

    fn make_ahead(&mut self, connection: &mut ServerConnection, now: i64) -> Result<(), DatabaseError> {
        loop {
            let ready = self.ready_until(now);
            if ready > now + AHEAD {
                return Ok(());
            }
            self.make(connection, ready)?;
        }
    }

    /// Makes the partition of a time, unless there is one.
    fn make(&mut self, connection: &mut ServerConnection, time: i64) -> Result<(), DatabaseError> {
        if self.map.at(time).is_none() {
            connection.transaction(|connection| creation::create(connection, time, self.width))?;
            self.map = PartitionMap::load(connection)?;
        }
        Ok(())
    }

    /// Notes where rows lie, in the transaction that inserts them: a partition whose rows were made at other times than
    /// their ids say has to tell, or questions about those times would pass it over.
    ///
    /// # Errors
    /// The server's.
    pub(super) fn note(
        &mut self,
        connection: &mut ServerConnection,
        rows: &[InsertedRow],
    ) -> Result<(), DatabaseError> {
        if rows.iter().any(|row| self.map.of_oid(row.partition).is_none()) {
            self.map = PartitionMap::load(connection)?;
        }
        let latest = Timestamp::now().as_millisecond() + AHEAD + DAY;
        let mut wider: BTreeMap<&str, TimeRange> = BTreeMap::new();
        for row in rows {
            // A partition of which nothing is known is asked whatever the question.
            let Some(partition) = self.map.of_oid(row.partition) else { continue };
            if partition.span.is_none() && is_timed(row.event_id, latest) {
                let time = time_of(row.event_id);
                self.wanted.insert(IdSpan::of(time, self.width).from, time);
            }
            if !(partition.times.since..partition.times.until).contains(&row.occurred_at) {
                let times = wider.entry(partition.name.as_str()).or_insert(NO_TIMES);
                times.since = times.since.min(row.occurred_at);
                times.until = times.until.max(row.occurred_at);
            }
        }
        if wider.is_empty() { Ok(()) } else { widen(connection, wider) }
    }
}

/// Writes down that partitions have rows of these times. They are widened to whole hours and by one more, so that where the
/// times of rows go on, only one row of an hour changes anything.
fn widen(connection: &mut ServerConnection, wider: BTreeMap<&str, TimeRange>) -> Result<(), DatabaseError> {
    let names: Vec<&str> = wider.keys().copied().collect();
    let hour = |time: i64| begin_of_span(time, SLACK);
    let since: Vec<i64> = wider.values().map(|times| hour(times.since).saturating_sub(SLACK)).collect();
    let until: Vec<i64> = wider.values().map(|times| hour(times.until).saturating_add(2 * SLACK)).collect();
    let sql = "UPDATE prediction_partitions p
               SET since = least(p.since, wider.since), until = greatest(p.until, wider.until)
               FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS wider (name, since, until)
               WHERE p.name = wider.name AND (wider.since < p.since OR wider.until > p.until)
               RETURNING p.name";
    let values: [TypedValue<'_>; 3] =
        [(&names, Type::TEXT_ARRAY), (&since, Type::INT8_ARRAY), (&until, Type::INT8_ARRAY)];
    connection.rows(sql, &values).map(|_| ())
}
