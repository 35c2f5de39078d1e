//! Stores again what was gathered from behind the damage of a write-ahead log.
//!
//! Rule of thumb: predictions are known by their event id, and labels by what they say, so an import that was interrupted
//! can be done once more. What cannot be read as a prediction is left out, or no start would get past it.

use rusqlite::Connection;

use super::super::buckets::BucketCounts;
use super::super::counted_segments::CountedSegments;
use super::super::declarations;
use super::super::engine::{WritableDatabase, WriteTransaction};
use super::super::error::DatabaseError;
use super::super::row::{self, NewRow, NumberedPrediction};
use super::super::session::rows;
use super::super::time::floor_microseconds;
use super::error::failed;
use super::path::DatabasePath;
use super::requests::UnsealedRequests;
use super::session::SqliteSession;
use super::{damage_report, migration, salvage, schema};

/// Rows of one transaction.
const STEP: usize = 2_000;
/// The columns of a label, but for its number and its state.
const LABEL: &str =
    "event_id, request_id, row_index, model, version, variant, label, labelled_at, source, revision, recorded_at";

/// Stores what lies beside the database, if there is anything, and removes it.
///
/// # Errors
/// [`DatabaseError::Failed`]; it is tried again at the next start.
pub(super) fn import(path: &DatabasePath, database: &mut dyn WritableDatabase) -> Result<(), DatabaseError> {
    let gathered = path.salvaged();
    if !gathered.exists() {
        return Ok(());
    }
    let mut connection = Connection::open(&gathered).map_err(failed)?;
    migration::migrate(&mut connection, schema::MIGRATIONS)?;
    let mut from =
        SqliteSession { connection, unsealed: std::sync::Arc::<std::sync::Mutex<UnsealedRequests>>::default() };
    let sql = format!("SELECT id, {} FROM predictions WHERE id > $1 ORDER BY id LIMIT {STEP}", row::COLUMNS);
    let (mut after, mut unreadable) = (i64::MIN, 0);
    loop {
        let step = rows(&mut from, &sql, &[after.into()], |columns| Ok((columns.integer()?, row::read(columns))))?;
        let Some((last, _)) = step.last() else { break };
        after = *last;
        let number = step.len();
        let readable: Vec<NumberedPrediction> = step.into_iter().filter_map(|(_, row)| row.ok()).collect();
        unreadable += number - readable.len();
        let mut readable = Some(readable);
        database.transaction(&mut |transaction| store(transaction, readable.take().unwrap_or_default()))?;
    }
    import_labels(&mut from, database)?;
    drop(from);
    if unreadable > 0 {
        damage_report::add_lost(path, unreadable as u64)?;
    }
    salvage::remove(&gathered)
}

fn store(transaction: &mut dyn WriteTransaction, predictions: Vec<NumberedPrediction>) -> Result<(), DatabaseError> {
    let segments = CountedSegments::declared(&declarations::effective(transaction, None)?);
    let mut counts = BucketCounts::default();
    for NumberedPrediction { prediction, .. } in predictions {
        let recorded_at = floor_microseconds(prediction.recorded_at);
        let row = [NewRow::of(prediction.record, &segments)?];
        if transaction.insert(&row, recorded_at)? == [true] {
            counts.observe(row.iter());
        }
    }
    counts.save(transaction)
}

/// Lets the labels wait for their predictions, so that the upkeep counts them.
fn import_labels(
    from: &mut SqliteSession<Connection>,
    database: &mut dyn WritableDatabase,
) -> Result<(), DatabaseError> {
    let sql = format!("SELECT {LABEL} FROM labels ORDER BY id");
    let labels = rows(from, &sql, &[], |columns| columns.all(11))?;
    let same = "event_id = $1 AND request_id = $2 AND row_index = $3 AND model = $4 AND version = $5 AND variant = $6
        AND label = $7 AND labelled_at = $8 AND revision = $10";
    let insert = format!(
        "INSERT INTO labels ({LABEL}, state) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0
         WHERE NOT EXISTS (SELECT 1 FROM labels WHERE {same})"
    );
    for step in labels.chunks(STEP) {
        database.transaction(&mut |transaction| {
            step.iter().try_for_each(|label| transaction.execute(&insert, label).map(|_| ()))
        })?;
    }
    Ok(())
}
