//! CloudEvents that wait for their counterparts.
//!
//! Rule of thumb: an event leaves this table only after the predictions that were made of it are durable, so a crash in
//! between makes duplicates, which are known by their ids, and never gaps.

use super::engine::{Lock, Transaction};
use super::session::{Columns, DatabaseError, Session, first, rows};

/// An event that waits, and what it waits under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// What request and response have in common.
    pub(crate) pair_key: String,
    /// `request` or `response`.
    pub(crate) kind: &'static str,
    /// The event as JSON.
    pub(crate) event: String,
}

const INSERT: &str = "
INSERT INTO events (pair_key, kind, event, recorded_at) VALUES ($1, $2, $3, $4) ON CONFLICT (pair_key, kind) DO NOTHING";

/// Gives the counterpart of an event, or lets the event wait for it. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn meet(
    tx: &mut dyn Transaction,
    event: &Waiting,
    counterpart: &str,
    now: i64,
) -> Result<Meeting, DatabaseError> {
    tx.lock(Lock::Events)?;
    let sql = "SELECT event FROM events WHERE pair_key = $1 AND kind = $2";
    let found = first(tx, sql, &[event.pair_key.as_str().into(), counterpart.into()], Columns::text)?;
    if let Some(found) = found {
        return Ok(Meeting::Counterpart(found));
    }
    let values = [event.pair_key.as_str().into(), event.kind.into(), event.event.as_str().into(), now.into()];
    let new = tx.execute(INSERT, &values)? == 1;
    Ok(if new { Meeting::Waits } else { Meeting::WaitedAlready })
}

/// How an event was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// Its counterpart is there, as JSON.
    Counterpart(String),
    /// It waits from now on.
    Waits,
    /// The same event waits already.
    WaitedAlready,
}

/// The events that have waited since before `until`, the oldest first.
///
/// # Errors
/// The database's.
pub(crate) fn expired(session: &mut dyn Session, until: i64) -> Result<Vec<(String, String, String)>, DatabaseError> {
    let sql = "SELECT pair_key, kind, event FROM events WHERE recorded_at < $1 ORDER BY recorded_at LIMIT 200";
    rows(session, sql, &[until.into()], |columns| Ok((columns.text()?, columns.text()?, columns.text()?)))
}

/// Forgets an event.
///
/// # Errors
/// The database's.
pub(crate) fn forget(tx: &mut dyn Transaction, pair_key: &str, kind: &str) -> Result<(), DatabaseError> {
    tx.execute("DELETE FROM events WHERE pair_key = $1 AND kind = $2", &[pair_key.into(), kind.into()])?;
    Ok(())
}

/// How many events wait.
///
/// # Errors
/// The database's.
pub(crate) fn waiting(session: &mut dyn Session) -> Result<u64, DatabaseError> {
    Ok(first(session, "SELECT count(*) FROM events", &[], Columns::count)?.unwrap_or_default())
}
