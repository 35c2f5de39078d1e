//! To which days the rows and the labels belong that came since the lake looked last.
//!
//! Rule of thumb: rows are numbered as they are stored, so one number says how far this is known.

use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::time::DAY;
use super::value::RowColumns;

/// Rows that are looked through in one query for the days that they belong to.
const SCANNED_ROWS: i64 = 20_000;

/// A table whose rows go into the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LakeSource {
    /// Predictions, which belong to the day on which they were made.
    Predictions,
    /// True labels, which belong to the day on which they were recorded.
    Labels,
}

impl LakeSource {
    /// Every one.
    pub(crate) const ALL: [Self; 2] = [Self::Predictions, Self::Labels];

    /// The table, the column of a row's time, and the columns of the books: how far it is known, and of each day the
    /// newest row that is known.
    fn names(self) -> [&'static str; 4] {
        match self {
            Self::Predictions => ["predictions", "occurred_at", "scanned_id", "seen_id"],
            Self::Labels => ["labels", "recorded_at", "label_scanned_id", "label_seen_id"],
        }
    }
}

/// The numbers of the newest row and of the newest label that the lake may know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SettledIds {
    /// Of predictions.
    pub(crate) rows: i64,
    /// Of labels.
    pub(crate) labels: i64,
}

/// Number of the newest row. No row with a lower number can appear any more: programs that are storing rows are waited
/// for.
///
/// # Errors
/// The database's, also where another program stores for longer than the database lets this one wait.
pub(crate) fn settled_id(transaction: &mut dyn WriteTransaction, source: LakeSource) -> Result<i64, DatabaseError> {
    transaction.lock(match source {
        LakeSource::Predictions => TransactionLock::Storing,
        LakeSource::Labels => TransactionLock::Labels,
    })?;
    let [table, ..] = source.names();
    let sql = format!("SELECT coalesce(max(id), 0) FROM {table}");
    Ok(first(transaction, &sql, &[], RowColumns::integer)?.unwrap_or_default())
}

/// Rows that were looked through.
pub(crate) struct ScannedRows {
    source: LakeSource,
    /// Each day among them, and the number of its newest row.
    days: Vec<(i64, i64)>,
    /// Rows up to this number are known now.
    scanned_id: i64,
    /// Whether there are more.
    pub(crate) is_unfinished: bool,
}

/// Looks through rows that are not known yet, up to the row `settled`.
///
/// # Errors
/// The database's.
pub(crate) fn scan(
    session: &mut dyn SqlSession,
    source: LakeSource,
    settled: i64,
) -> Result<ScannedRows, DatabaseError> {
    let [table, time, progress, _] = source.names();
    let known = format!("SELECT {progress} FROM lake_progress");
    let known = first(session, &known, &[], RowColumns::integer)?.unwrap_or_default();
    // The remainder of a time before 1970 is negative in SQL.
    let sql = format!(
        "SELECT (time - ((time % $1) + $2) % $3) / $4 AS day, max(id), count(*)
         FROM (SELECT {time} AS time, id FROM {table} WHERE id > $5 AND id <= $6 ORDER BY id LIMIT $7) AS found
         GROUP BY 1"
    );
    let day = || DAY.into();
    let values = [day(), day(), day(), day(), known.into(), settled.into(), SCANNED_ROWS.into()];
    let mut count = 0;
    let days = rows(session, &sql, &values, |columns| {
        let found = (columns.integer()?, columns.integer()?);
        count += columns.integer()?;
        Ok(found)
    })?;
    let is_unfinished = count == SCANNED_ROWS;
    let newest = days.iter().map(|(_, id)| *id).max().unwrap_or(settled);
    let scanned_id = if is_unfinished { newest } else { settled.max(known) };
    Ok(ScannedRows { source, days, scanned_id, is_unfinished })
}

/// Enters the days of rows that were looked through.
///
/// # Errors
/// The database's.
pub(crate) fn enter_scanned(
    transaction: &mut dyn WriteTransaction,
    scanned: &ScannedRows,
) -> Result<(), DatabaseError> {
    let [_, _, progress, seen] = scanned.source.names();
    let new = "INSERT INTO lake_days (day, seen_id, last_id, revision, rows, is_cold, written_at)
               VALUES ($1, 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING";
    let newest = format!("UPDATE lake_days SET {seen} = $1 WHERE day = $2 AND {seen} < $3");
    for (day, id) in &scanned.days {
        transaction.execute(new, &[(*day).into()])?;
        transaction.execute(&newest, &[(*id).into(), (*day).into(), (*id).into()])?;
    }
    let known = format!("UPDATE lake_progress SET {progress} = $1 WHERE {progress} < $2");
    transaction.execute(&known, &[scanned.scanned_id.into(), scanned.scanned_id.into()]).map(|_| ())
}
