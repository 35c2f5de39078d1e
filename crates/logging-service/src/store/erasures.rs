//! What was asked to be erased, and how far it is.
//!
//! An erasure is entered before anything goes, and each step of it is entered together with what the step does, or can be
//! repeated. So whoever goes on after a crash, the command or the service, finds what is left to do.
//!
//! Rule of thumb: the books keep how much was erased and when. Of whom it was they forget at the end.

use prediction_record::Tags;

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::filter::PredictionFilter;
use super::session::{SqlSession, first, rows};
use super::value::RowColumns;

/// What an erasure is at, in this order: labels come last, because the erased predictions say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ErasureStage {
    /// Predictions in the database.
    Predictions = 0,
    /// Predictions in the lake.
    LakePredictions = 1,
    /// Labels in the database.
    Labels = 2,
    /// Labels in the lake.
    LakeLabels = 3,
    /// Nothing: it is done.
    Done = 4,
}

impl ErasureStage {
    fn of(number: i64) -> Self {
        let known = [Self::Predictions, Self::LakePredictions, Self::Labels, Self::LakeLabels];
        known.into_iter().find(|stage| *stage as i64 == number).unwrap_or(Self::Done)
    }

    /// The one after it.
    pub(crate) fn next(self) -> Self {
        Self::of(self as i64 + 1)
    }
}

/// An erasure as the books have it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Erasure {
    /// Its number.
    pub(crate) id: i64,
    /// Which predictions are erased.
    pub(crate) filter: PredictionFilter,
    /// The stage at which it is.
    pub(crate) stage: ErasureStage,
    /// Days of the lake before this one are done, where the stage is about the lake; days since 1970.
    pub(crate) day: i64,
    /// Predictions and labels that were erased in the database.
    pub(crate) in_database: [u64; 2],
    /// Predictions and labels that were erased in the lake.
    pub(crate) in_lake: [u64; 2],
}

/// Enters an erasure, and gives its number. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn enter(
    transaction: &mut dyn WriteTransaction,
    request_id: &str,
    tags: &Tags,
    now: i64,
) -> Result<i64, DatabaseError> {
    let tags = serde_json::to_string(tags).map_err(|error| DatabaseError::Refused(error.to_string()))?;
    let sql = "INSERT INTO erasures (request_id, tags, requested_at, finished_at, stage, day, predictions, labels,
                   lake_predictions, lake_labels, newest_at)
               VALUES ($1, $2, $3, 0, 0, $4, 0, 0, 0, 0, 0) RETURNING id";
    let values = [request_id.into(), tags.into(), now.into(), i64::MIN.into()];
    let id = first(transaction, sql, &values, RowColumns::integer)?;
    id.ok_or_else(|| DatabaseError::unreadable("the erasure has no number"))
}

const COLUMNS: &str = "id, request_id, tags, stage, day, predictions, labels, lake_predictions, lake_labels";

fn read(columns: &mut RowColumns) -> Result<Erasure, DatabaseError> {
    let id = columns.integer()?;
    let request_id = Some(columns.text()?).filter(|id| !id.is_empty());
    let tags = serde_json::from_str(&columns.text()?).map_err(DatabaseError::unreadable)?;
    Ok(Erasure {
        id,
        filter: PredictionFilter { request_id, tags, ..PredictionFilter::default() },
        stage: ErasureStage::of(columns.integer()?),
        day: columns.integer()?,
        in_database: [columns.count()?, columns.count()?],
        in_lake: [columns.count()?, columns.count()?],
    })
}

/// The oldest erasure that is not done. One is done after the other.
///
/// # Errors
/// The database's.
pub(crate) fn unfinished(session: &mut dyn SqlSession) -> Result<Option<Erasure>, DatabaseError> {
    first(session, &format!("SELECT {COLUMNS} FROM erasures WHERE stage < 4 ORDER BY id LIMIT 1"), &[], read)
}

/// One erasure.
///
/// # Errors
/// The database's.
pub(crate) fn erasure(session: &mut dyn SqlSession, id: i64) -> Result<Option<Erasure>, DatabaseError> {
    first(session, &format!("SELECT {COLUMNS} FROM erasures WHERE id = $1"), &[id.into()], read)
}

/// How many erasures are not done.
///
/// # Errors
/// The database's.
pub(crate) fn count_unfinished(session: &mut dyn SqlSession) -> Result<u64, DatabaseError> {
    let sql = "SELECT count(*) FROM erasures WHERE stage < 4";
    Ok(first(session, sql, &[], RowColumns::count)?.unwrap_or_default())
}

/// When the newest prediction was made that was ever erased, in microseconds since 1970. Up to then the counts of windows
/// are about more than there is.
///
/// # Errors
/// The database's.
pub(super) fn newest_erased(session: &mut dyn SqlSession) -> Result<i64, DatabaseError> {
    Ok(first(session, "SELECT coalesce(max(newest_at), 0) FROM erasures", &[], RowColumns::integer)?
        .unwrap_or_default())
}

/// Goes on to the next stage. At the end the books forget of whom it was. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn advance(
    transaction: &mut dyn WriteTransaction,
    id: i64,
    from: ErasureStage,
    now: i64,
) -> Result<(), DatabaseError> {
    let next = from.next();
    let sql = "UPDATE erasures SET stage = $1, day = $2 WHERE id = $3 AND stage = $4";
    let values = [(next as i64).into(), i64::MIN.into(), id.into(), (from as i64).into()];
    if transaction.execute(sql, &values)? == 1 && next == ErasureStage::Done {
        let forget = "UPDATE erasures SET request_id = '', tags = '{}', finished_at = $1 WHERE id = $2";
        transaction.execute(forget, &[now.into(), id.into()])?;
        transaction.execute("DELETE FROM erasure_targets", &[])?;
    }
    Ok(())
}

/// Notes that the days of the lake before this one are done.
///
/// # Errors
/// The database's.
pub(crate) fn set_day(transaction: &mut dyn WriteTransaction, id: i64, day: i64) -> Result<(), DatabaseError> {
    let sql = "UPDATE erasures SET day = $1 WHERE id = $2 AND day < $3";
    transaction.execute(sql, &[day.into(), id.into(), day.into()]).map(|_| ())
}

/// The first day from `day` on that has files which count.
///
/// # Errors
/// The database's.
pub(crate) fn next_day(session: &mut dyn SqlSession, day: i64) -> Result<Option<i64>, DatabaseError> {
    let sql = "SELECT min(day) FROM lake_files WHERE is_counting = 1 AND day >= $1";
    Ok(first(session, sql, &[day.into()], RowColumns::opt_integer)?.flatten())
}

/// Notes that the lake has fewer rows than before: only an erasure makes them fewer.
///
/// # Errors
/// The database's.
pub(super) fn note_fewer(
    transaction: &mut dyn WriteTransaction,
    predictions: i64,
    labels: i64,
) -> Result<(), DatabaseError> {
    if predictions <= 0 && labels <= 0 {
        return Ok(());
    }
    let sql = "UPDATE erasures SET lake_predictions = lake_predictions + $1, lake_labels = lake_labels + $2
               WHERE id = (SELECT min(id) FROM erasures WHERE stage < 4)";
    transaction.execute(sql, &[predictions.max(0).into(), labels.max(0).into()]).map(|_| ())
}

/// The names among these of which labels are erased.
///
/// # Errors
/// The database's.
pub(crate) fn targets_among(
    session: &mut dyn SqlSession,
    is_event: bool,
    names: &[String],
) -> Result<Vec<String>, DatabaseError> {
    let mut found = Vec::new();
    for names in names.chunks(500) {
        let places: Vec<String> = (2..names.len() + 2).map(|number| format!("${number}")).collect();
        let sql = format!("SELECT name FROM erasure_targets WHERE is_event = $1 AND name IN ({})", places.join(", "));
        let mut values = vec![is_event.into()];
        values.extend(names.iter().map(|name| name.as_str().into()));
        found.extend(rows(session, &sql, &values, RowColumns::text)?);
    }
    Ok(found)
}
