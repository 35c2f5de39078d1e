//! Which rows are in the lake, by days; `lake_files.rs` has the files that count.
//!
//! A day is known here from its first row on. Rows are numbered as they are stored, so one number says of each day how
//! far it is in the lake: every row of the day up to `last_id`, and none after it.
//!
//! Rule of thumb: what stands here may be deleted from the database, and nothing else may.

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::time::{DAY, TimeRange};
use super::value::RowColumns;

/// A day, and how far it is in the lake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeDay {
    /// Days since 1970.
    pub(crate) day: i64,
    /// Number of the newest row that is known of it.
    pub(crate) seen_id: i64,
    /// Its rows up to this number are in the lake.
    pub(crate) last_id: i64,
    /// Number of the manifest that counts; 0 before the first.
    pub(crate) revision: i64,
    /// Rows in the lake.
    pub(crate) rows: u64,
    /// Whether retention has begun to delete its rows here, so that they are to be read in the lake.
    pub(crate) is_cold: bool,
    /// When it was last written, in microseconds since 1970; 0 for never.
    pub(crate) written_at: i64,
    /// Number of the newest label that was recorded on it, as far as is known.
    pub(crate) label_seen_id: i64,
    /// Its labels up to this number are in the lake.
    pub(crate) label_last_id: i64,
    /// Labels in the lake.
    pub(crate) labels: u64,
}

impl LakeDay {
    /// Its first microsecond since 1970.
    pub(crate) fn begin(&self) -> i64 {
        self.day.saturating_mul(DAY)
    }

    /// Whether rows or labels of it are outside of the lake.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.seen_id > self.last_id || self.label_seen_id > self.label_last_id
    }

    /// The first microsecond after it.
    pub(crate) fn end(&self) -> i64 {
        self.begin().saturating_add(DAY)
    }
}

/// The day that holds this time, in days since 1970.
pub(crate) fn day_of(microseconds: i64) -> i64 {
    microseconds.div_euclid(DAY)
}

const COLUMNS: &str =
    "day, seen_id, last_id, revision, rows, is_cold, written_at, label_seen_id, label_last_id, labels";

fn read_day(columns: &mut RowColumns) -> Result<LakeDay, DatabaseError> {
    Ok(LakeDay {
        day: columns.integer()?,
        seen_id: columns.integer()?,
        last_id: columns.integer()?,
        revision: columns.integer()?,
        rows: columns.count()?,
        is_cold: columns.integer()? != 0,
        written_at: columns.integer()?,
        label_seen_id: columns.integer()?,
        label_last_id: columns.integer()?,
        labels: columns.count()?,
    })
}

/// The days before `day` that have rows or labels outside of the lake, the oldest first.
///
/// # Errors
/// The database's.
pub(crate) fn unwritten(session: &mut dyn SqlSession, day: i64) -> Result<Vec<LakeDay>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM lake_days WHERE (seen_id > last_id OR label_seen_id > label_last_id) AND day < $1 ORDER BY day"
    );
    rows(session, &sql, &[day.into()], read_day)
}

/// The days that are in the lake, the newest first.
///
/// # Errors
/// The database's.
pub(crate) fn written(session: &mut dyn SqlSession) -> Result<Vec<LakeDay>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM lake_days WHERE revision > 0 AND rows + labels > 0 ORDER BY day DESC");
    rows(session, &sql, &[], read_day)
}

/// The newest day that begins before `time`, in microseconds since 1970, among those that are to be read in the lake.
///
/// # Errors
/// The database's.
pub(crate) fn newest_cold(session: &mut dyn SqlSession, time: i64) -> Result<Option<LakeDay>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM lake_days WHERE is_cold = 1 AND day < $1 ORDER BY day DESC LIMIT 1");
    // The first day that begins at `time` or after it.
    let before = day_of(time.saturating_sub(1)) + 1;
    first(session, &sql, &[before.into()], read_day)
}

/// One day.
///
/// # Errors
/// The database's.
pub(crate) fn day(session: &mut dyn SqlSession, day: i64) -> Result<Option<LakeDay>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM lake_days WHERE day = $1");
    first(session, &sql, &[day.into()], read_day)
}

/// The models of a day that have rows which are not in the lake, up to the row `settled`.
///
/// # Errors
/// The database's.
pub(crate) fn models(session: &mut dyn SqlSession, day: &LakeDay, settled: i64) -> Result<Vec<String>, DatabaseError> {
    let place = session.places()?.condition(TimeRange { since: day.begin(), until: day.end() });
    let sql = format!(
        "SELECT DISTINCT model FROM predictions
         WHERE occurred_at >= $1 AND occurred_at < $2 AND id > $3 AND id <= $4 AND {} ORDER BY model",
        place.as_deref().unwrap_or("1 = 1")
    );
    let values = [day.begin().into(), day.end().into(), day.last_id.into(), settled.into()];
    rows(session, &sql, &values, RowColumns::text)
}

/// The oldest day that ends before `until`, in microseconds since 1970, and has rows here that are in the lake as well.
///
/// # Errors
/// The database's.
pub(crate) fn oldest_doubled(session: &mut dyn SqlSession, until: i64) -> Result<Option<LakeDay>, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM lake_days WHERE last_id > dropped_id AND rows > 0 AND day < $1 ORDER BY day LIMIT 1"
    );
    first(session, &sql, &[day_of(until).into()], read_day)
}

/// Lets the rows of a table with predictions go, which nobody stores rows into meanwhile: the days that they may belong to are
/// to be read in the lake from now on. False, and nothing has changed, where a row may be outside of the lake.
///
/// # Errors
/// The database's.
pub(crate) fn let_go(session: &mut (impl SqlSession + ?Sized), table: &str) -> Result<bool, DatabaseError> {
    let ends = format!("SELECT min(occurred_at), max(occurred_at), coalesce(max(id), 0) FROM {table}");
    let ends =
        first(session, &ends, &[], |columns| Ok((columns.opt_integer()?, columns.opt_integer()?, columns.integer()?)))?;
    // An empty table has nothing to lose.
    let Some((Some(oldest), Some(newest), last_id)) = ends else { return Ok(true) };
    let unknown = "SELECT (SELECT count(*) FROM lake_progress WHERE scanned_id < $1)
                        + (SELECT count(*) FROM lake_days WHERE seen_id > last_id AND day >= $2 AND day <= $3)";
    let days = [last_id.into(), day_of(oldest).into(), day_of(newest).into()];
    if first(session, unknown, &days, RowColumns::integer)? != Some(0) {
        return Ok(false);
    }
    session.execute("UPDATE lake_days SET is_cold = 1 WHERE day >= $1 AND day <= $2", &days[1..])?;
    Ok(true)
}

/// Notes that a day's rows are to be read in the lake from now on.
///
/// # Errors
/// The database's.
pub(crate) fn set_cold(transaction: &mut dyn WriteTransaction, day: i64) -> Result<(), DatabaseError> {
    transaction.execute("UPDATE lake_days SET is_cold = 1 WHERE day = $1 AND is_cold = 0", &[day.into()]).map(|_| ())
}

/// Notes that the day's rows up to the row `last_id` are gone here.
///
/// # Errors
/// The database's.
pub(crate) fn set_dropped(transaction: &mut dyn WriteTransaction, day: &LakeDay) -> Result<(), DatabaseError> {
    let sql = "UPDATE lake_days SET dropped_id = $1 WHERE day = $2";
    transaction.execute(sql, &[day.last_id.into(), day.day.into()]).map(|_| ())
}

/// Takes the lake for one program until `until`, or keeps it; false where another program has it. Times are in
/// microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn claim(
    transaction: &mut dyn WriteTransaction,
    holder: &str,
    now: i64,
    until: i64,
) -> Result<bool, DatabaseError> {
    let sql = "UPDATE lake_progress SET holder = $1, held_until = $2 WHERE holder = $3 OR held_until < $4";
    Ok(transaction.execute(sql, &[holder.into(), until.into(), holder.into(), now.into()])? == 1)
}
