//! The true labels of predictions that are shown.
//!
//! Rule of thumb: the label of a prediction is the one that is counted for it. One that waits, or that another outdoes, is not told.

use std::collections::HashMap;

use uuid::Uuid;

use super::error::DatabaseError;
use super::known_label::KnownLabel;
use super::row::StoredPrediction;
use super::session::{SqlSession, rows};
use super::time::from_microseconds;
use super::value::{RowColumns, SqlValue};

/// Predictions of one query. A query for fewer has the same text, so that few texts are kept prepared.
const AT_ONCE: usize = 100;

/// Adds to predictions the labels that are counted for them.
///
/// # Errors
/// The database's.
pub(super) fn add_to<'p>(
    session: &mut dyn SqlSession,
    predictions: impl Iterator<Item = &'p mut StoredPrediction>,
) -> Result<(), DatabaseError> {
    let mut predictions: Vec<&mut StoredPrediction> = predictions.collect();
    for part in predictions.chunks_mut(AT_ONCE) {
        let ids: Vec<Uuid> = part.iter().filter_map(|prediction| prediction.record.event_id).collect();
        let mut known = of(session, &ids)?;
        for prediction in part {
            prediction.true_label = prediction.record.event_id.and_then(|id| known.remove(&id));
        }
    }
    Ok(())
}

/// The labels that are counted for predictions of these ids, of which there are at most [`AT_ONCE`].
fn of(session: &mut dyn SqlSession, ids: &[Uuid]) -> Result<HashMap<Uuid, KnownLabel>, DatabaseError> {
    let Some(last) = ids.last() else { return Ok(HashMap::new()) };
    let wanted = if ids.len() == 1 { 1 } else { AT_ONCE };
    let places: Vec<String> = (1..=wanted).map(|number| format!("${number}")).collect();
    let values: Vec<SqlValue> =
        (0..wanted).map(|number| ids.get(number).unwrap_or(last).as_bytes().as_slice().into()).collect();
    let sql = format!(
        "SELECT counted.event_id, labels.label, labels.labelled_at, labels.source
         FROM counted_labels AS counted JOIN labels ON labels.id = counted.label_id
         WHERE counted.event_id IN ({})",
        places.join(", ")
    );
    Ok(rows(session, &sql, &values, read)?.into_iter().collect())
}

fn read(columns: &mut RowColumns) -> Result<(Uuid, KnownLabel), DatabaseError> {
    let event_id = Uuid::from_slice(&columns.blob()?).map_err(|_| DatabaseError::unreadable("event_id"))?;
    let label = columns.text()?;
    let labelled_at = from_microseconds(columns.integer()?);
    Ok((event_id, KnownLabel { label, labelled_at, source: columns.opt_text()? }))
}
