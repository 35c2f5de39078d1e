//! Deleting what is too old, or too much, in steps so small that no submission waits for them.
//!
//! Rule of thumb: counts of windows stay when their rows go. The newest row always stays, because the next row is
//! numbered after it.

use super::counted_span::CountedSpan;
use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::lake_books::{self, LakeDay};
use super::session::{SqlSession, first};
use super::time::{DAY, TimeRange, begin_of_span};
use super::value::RowColumns;
use super::window_stats;

/// Rows of one step. Records that come meanwhile wait for it.
const STEP: i64 = 1_000;

/// Deletes up to `most` predictions from before `until`, the oldest first and at most [`STEP`] of them, apart from those
/// that go with the place where they lie; gives how many were deleted. All times are in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn delete_predictions(
    transaction: &mut dyn WriteTransaction,
    until: i64,
    most: u64,
) -> Result<u64, DatabaseError> {
    transaction.lock(TransactionLock::Retention)?;
    let place = transaction.places()?.deletable(until);
    let sql = format!(
        "DELETE FROM predictions WHERE {place} AND id IN (
             SELECT id FROM predictions WHERE occurred_at < $1 AND {place} ORDER BY occurred_at LIMIT $2)"
    );
    let most = i64::try_from(most).map_or(STEP, |most| most.min(STEP));
    transaction.execute(&sql, &[until.into(), most.into()])
}

/// Deletes up to `most` predictions of a day that are in the lake, at most [`STEP`] of them; gives how many were deleted.
/// From now on the day is to be read in the lake.
///
/// # Errors
/// The database's.
pub(crate) fn delete_of_day(
    transaction: &mut dyn WriteTransaction,
    day: &LakeDay,
    most: u64,
) -> Result<u64, DatabaseError> {
    transaction.lock(TransactionLock::Retention)?;
    // Before the first row goes, or a reader that knows the day from before would miss it.
    lake_books::set_cold(transaction, day.day)?;
    let places = transaction.places()?;
    let range = TimeRange { since: day.begin(), until: day.end() };
    // Places are dropped as a whole only when all of their days have gone, so here each row goes by itself.
    let place = places.condition(range).unwrap_or_else(|| places.deletable(day.end()));
    let sql = format!(
        "DELETE FROM predictions WHERE {place} AND id IN (
             SELECT id FROM predictions
             WHERE occurred_at >= $1 AND occurred_at < $2 AND id <= $3 AND {place} ORDER BY occurred_at LIMIT $4)"
    );
    let most = i64::try_from(most).map_or(STEP, |most| most.min(STEP));
    let values = [day.begin().into(), day.end().into(), day.last_id.into(), most.into()];
    let deleted = transaction.execute(&sql, &values)?;
    if deleted == 0 {
        lake_books::set_dropped(transaction, day)?;
    }
    Ok(deleted)
}

/// Which labels and counts are expired; times are in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelExpiry {
    /// The labels that came before this time.
    pub(crate) until: i64,
    /// The counts of windows before this time.
    pub(crate) counts_until: i64,
    /// No label that is not in the lake.
    pub(crate) is_for_lake: bool,
}

/// Labels of which the lake has a copy.
const IN_LAKE: &str = "id <= (SELECT max(d.label_last_id) FROM lake_days d WHERE d.day = recorded_at / 86400000000)";

/// Deletes up to [`STEP`] labels that are expired, as many notes of what was counted of them, and the counts of
/// windows; gives 0 when there are no more labels and notes. The newest label stays, because the next one is numbered after
/// it.
///
/// # Errors
/// The database's.
pub(crate) fn delete_labels_and_counts(
    transaction: &mut dyn WriteTransaction,
    expiry: LabelExpiry,
) -> Result<u64, DatabaseError> {
    transaction.lock(TransactionLock::Retention)?;
    let LabelExpiry { until, counts_until, is_for_lake } = expiry;
    let condition = if is_for_lake { IN_LAKE } else { "1 = 1" };
    let labels = format!(
        "DELETE FROM labels WHERE id IN (
             SELECT id FROM labels WHERE recorded_at < $1 AND id < (SELECT max(id) FROM labels) AND {condition}
             ORDER BY recorded_at LIMIT $2)"
    );
    let deleted = transaction.execute(&labels, &[until.into(), STEP.into()])?;
    // While its prediction is there, a new label would otherwise be counted beside the former one.
    let counted = "DELETE FROM counted_labels WHERE event_id IN (
                       SELECT c.event_id FROM counted_labels c
                       WHERE c.recorded_at < $1 AND NOT EXISTS (SELECT 1 FROM predictions p WHERE p.event_id = c.event_id)
                       ORDER BY c.recorded_at LIMIT $2)";
    let counted = transaction.execute(counted, &[until.into(), STEP.into()])?;
    // Whole days, so that the counts of a day and of its five minutes go together.
    let counts_until = begin_of_span(counts_until, DAY);
    CountedSpan::ALL.into_iter().try_for_each(|span| span.delete(transaction, counts_until))?;
    window_stats::delete(transaction, counts_until)?;
    Ok(deleted.max(counted))
}

/// About how many predictions have to go for the content to take no more than `limit` bytes, if all take the same.
/// `content_sql` is [`super::engine::DatabaseEngine::content_sql`].
///
/// # Errors
/// The database's.
pub(super) fn excess(session: &mut dyn SqlSession, content_sql: &str, limit: u64) -> Result<u64, DatabaseError> {
    let excess = first(session, content_sql, &[], |columns| {
        let (bytes, predictions) = (columns.count()?, columns.count()?);
        let share = bytes.saturating_sub(limit) as f64 / bytes.max(1) as f64;
        Ok((predictions as f64 * share).ceil() as u64)
    })?;
    Ok(excess.unwrap_or_default())
}

/// When the oldest prediction was made, in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn oldest(session: &mut dyn SqlSession) -> Result<Option<i64>, DatabaseError> {
    Ok(first(session, "SELECT min(occurred_at) FROM predictions", &[], RowColumns::opt_integer)?.flatten())
}
