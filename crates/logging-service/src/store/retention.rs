//! Deleting what is too old, or too much, in steps so small that nobody waits for them.
//!
//! Rule of thumb: counts of windows stay when their rows go. The newest row always stays, for its id says where the
//! next one goes.

use super::engine::{Lock, Transaction};
use super::session::{Columns, DatabaseError, Session, first};

/// Rows of one step.
const STEP: i64 = 2_000;

/// Deletes up to `most` predictions and no more than [`STEP`], the oldest first, that are from before `until`; all
/// times are in microseconds since 1970. Gives how many.
///
/// # Errors
/// The database's.
pub(crate) fn predictions(tx: &mut dyn Transaction, until: i64, most: u64) -> Result<u64, DatabaseError> {
    tx.lock(Lock::Retention)?;
    let sql = "DELETE FROM predictions WHERE id IN (
                   SELECT id FROM predictions
                   WHERE occurred_at < $1 AND id < (SELECT max(id) FROM predictions)
                   ORDER BY occurred_at LIMIT $2)";
    let most = i64::try_from(most).map_or(STEP, |most| most.min(STEP));
    tx.execute(sql, &[until.into(), most.into()])
}

/// About how many predictions are too many for the content to take no more than `limit` bytes, if all take the same.
/// `content` is the engine's question for bytes and predictions.
///
/// # Errors
/// The database's.
pub(super) fn excess(session: &mut dyn Session, content: &str, limit: u64) -> Result<u64, DatabaseError> {
    let content = first(session, content, &[], |columns| Ok((columns.count()?, columns.count()?)))?;
    let (bytes, predictions) = content.unwrap_or_default();
    let share = bytes.saturating_sub(limit) as f64 / bytes.max(1) as f64;
    Ok((predictions as f64 * share).ceil() as u64)
}

/// Deletes up to [`STEP`] labels that came before `until`, and the counts of windows before `counts_until`.
///
/// # Errors
/// The database's.
pub(crate) fn rest(tx: &mut dyn Transaction, until: i64, counts_until: i64) -> Result<u64, DatabaseError> {
    tx.lock(Lock::Retention)?;
    let labels =
        "DELETE FROM labels WHERE id IN (SELECT id FROM labels WHERE recorded_at < $1 ORDER BY recorded_at LIMIT $2)";
    let deleted = tx.execute(labels, &[until.into(), STEP.into()])?;
    tx.execute("DELETE FROM window_counts WHERE bucket < $1", &[counts_until.into()])?;
    Ok(deleted)
}

/// When the oldest prediction was, in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn oldest(session: &mut dyn Session) -> Result<Option<i64>, DatabaseError> {
    Ok(first(session, "SELECT min(occurred_at) FROM predictions", &[], Columns::opt_integer)?.flatten())
}
