//! CloudEvents that wait for their counterparts.
//!
//! Rule of thumb: an event leaves this table only after the predictions that were made of it are durable. A crash in
//! between makes duplicates, which are known by their ids, and never gaps.

use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::value::RowColumns;

/// An event on its way into the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WaitingEvent {
    /// What request and response have in common.
    pub(crate) pair_key: String,
    /// `request` or `response`.
    pub(crate) kind: &'static str,
    /// The event as JSON.
    pub(crate) event: String,
}

/// An event that has waited too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpiredEvent {
    /// What request and response have in common.
    pub(crate) pair_key: String,
    /// `request` or `response`.
    pub(crate) kind: String,
    /// The event as JSON.
    pub(crate) event: String,
}

/// What an event has met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EventMeeting {
    /// Its counterpart is there, as JSON.
    Counterpart(String),
    /// It waits from now on.
    Waits,
    /// The same event waits already.
    WaitedAlready,
}

const INSERT: &str = "
INSERT INTO events (pair_key, kind, event, recorded_at) VALUES ($1, $2, $3, $4) ON CONFLICT (pair_key, kind) DO NOTHING";

/// Gives the counterpart of an event, or lets the event wait for it. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn meet(
    transaction: &mut dyn WriteTransaction,
    event: &WaitingEvent,
    counterpart: &str,
    now: i64,
) -> Result<EventMeeting, DatabaseError> {
    transaction.lock(TransactionLock::Events)?;
    let sql = "SELECT event FROM events WHERE pair_key = $1 AND kind = $2";
    let found = first(transaction, sql, &[event.pair_key.as_str().into(), counterpart.into()], RowColumns::text)?;
    if let Some(found) = found {
        return Ok(EventMeeting::Counterpart(found));
    }
    let values = [event.pair_key.as_str().into(), event.kind.into(), event.event.as_str().into(), now.into()];
    let is_new = transaction.execute(INSERT, &values)? == 1;
    Ok(if is_new { EventMeeting::Waits } else { EventMeeting::WaitedAlready })
}

/// The events that have waited since before `until`, the oldest first.
///
/// # Errors
/// The database's.
pub(crate) fn expired(session: &mut dyn SqlSession, until: i64) -> Result<Vec<ExpiredEvent>, DatabaseError> {
    let sql = "SELECT pair_key, kind, event FROM events WHERE recorded_at < $1 ORDER BY recorded_at LIMIT 200";
    rows(session, sql, &[until.into()], |columns| {
        Ok(ExpiredEvent { pair_key: columns.text()?, kind: columns.text()?, event: columns.text()? })
    })
}

/// Forgets an event.
///
/// # Errors
/// The database's.
pub(crate) fn forget(transaction: &mut dyn WriteTransaction, pair_key: &str, kind: &str) -> Result<(), DatabaseError> {
    let sql = "DELETE FROM events WHERE pair_key = $1 AND kind = $2";
    transaction.execute(sql, &[pair_key.into(), kind.into()]).map(|_| ())
}

/// How many events wait.
///
/// # Errors
/// The database's.
pub(crate) fn waiting(session: &mut dyn SqlSession) -> Result<u64, DatabaseError> {
    Ok(first(session, "SELECT count(*) FROM events", &[], RowColumns::count)?.unwrap_or_default())
}
