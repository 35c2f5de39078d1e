//! Predictions and labels that leave the database because somebody asked for it.
//!
//! Rule of thumb: the newest row of a table is emptied instead, because the next row is numbered after it, and the books
//! of the lake tell rows apart by their numbers.

use uuid::Uuid;

use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::value::{RowColumns, SqlValue};

/// What stands in an emptied row in place of a name.
const EMPTIED: &str = "erased";
/// Labels of one step.
const STEP: i64 = 500;

/// A prediction that is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErasedPrediction {
    /// Its id.
    pub(crate) event_id: Uuid,
    /// Its request.
    pub(crate) request_id: String,
    /// When it was made, in microseconds since 1970.
    pub(crate) occurred_at: i64,
}

/// Notes predictions whose labels are to go, and forgets what was counted of their labels. The counts stay.
///
/// # Errors
/// The database's.
pub(crate) fn note(transaction: &mut dyn WriteTransaction, erased: &[ErasedPrediction]) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO erasure_targets (is_event, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    for ErasedPrediction { event_id, request_id, .. } in erased {
        transaction.execute(sql, &[true.into(), event_id.simple().to_string().into()])?;
        transaction.execute(sql, &[false.into(), request_id.as_str().into()])?;
        let id = SqlValue::Blob(event_id.as_bytes().to_vec());
        transaction.execute("DELETE FROM counted_labels WHERE event_id = $1", &[id])?;
    }
    Ok(())
}

/// Notes a request whose labels are to go, whether it has predictions or not.
///
/// # Errors
/// The database's.
pub(crate) fn note_request(transaction: &mut dyn WriteTransaction, request_id: &str) -> Result<(), DatabaseError> {
    let sql = "INSERT INTO erasure_targets (is_event, name) VALUES (0, $1) ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[request_id.into()]).map(|_| ())
}

/// Erases predictions for an erasure, which notes how many.
///
/// # Errors
/// The database's.
pub(crate) fn erase_predictions(
    transaction: &mut dyn WriteTransaction,
    erasure: i64,
    erased: &[ErasedPrediction],
) -> Result<(), DatabaseError> {
    transaction.lock(TransactionLock::Labels)?;
    note(transaction, erased)?;
    let newest = first(transaction, "SELECT coalesce(max(id), 0) FROM predictions", &[], RowColumns::integer)?;
    let mut count = 0;
    for prediction in erased {
        let id = || SqlValue::Blob(prediction.event_id.as_bytes().to_vec());
        let row = first(transaction, "SELECT id FROM predictions WHERE event_id = $1", &[id()], RowColumns::integer)?;
        match row {
            None => continue,
            Some(_) if row == newest => empty(transaction, prediction)?,
            Some(_) => transaction.execute("DELETE FROM predictions WHERE event_id = $1", &[id()]).map(|_| ())?,
        }
        count += 1;
    }
    let newest_at = erased.iter().map(|prediction| prediction.occurred_at).max().unwrap_or_default();
    let sql = "UPDATE erasures SET predictions = predictions + $1,
                   newest_at = CASE WHEN newest_at < $2 THEN $3 ELSE newest_at END
               WHERE id = $4";
    let values = [i64::from(count).into(), newest_at.into(), newest_at.into(), erasure.into()];
    transaction.execute(sql, &values).map(|_| ())
}

/// Empties a prediction, of which the number, the time and the model stay.
fn empty(transaction: &mut dyn WriteTransaction, prediction: &ErasedPrediction) -> Result<(), DatabaseError> {
    let mut new_id = *Uuid::now_v7().as_bytes();
    // The time of an id says where its row lies.
    new_id[..6].copy_from_slice(&prediction.event_id.as_bytes()[..6]);
    let sql = "UPDATE predictions SET event_id = $1, request_id = $2, row_index = 0, error_type = NULL, label = NULL,
                   class = NULL, confidence = NULL, defect = 0, top = NULL, value = NULL, trace_id = NULL, span_id = NULL,
                   input_sha256 = NULL, input = NULL, features = NULL, tags = NULL, extra = NULL, counted_in = NULL
               WHERE event_id = $3";
    let former = SqlValue::Blob(prediction.event_id.as_bytes().to_vec());
    transaction.execute(sql, &[SqlValue::Blob(new_id.to_vec()), EMPTIED.into(), former]).map(|_| ())
}

/// Numbers of some labels that name an erased prediction or its request. One that is emptied already is none of them, also where
/// somebody's request has the name that stands in it.
///
/// # Errors
/// The database's.
pub(crate) fn labels_to_erase(session: &mut dyn SqlSession) -> Result<Vec<i64>, DatabaseError> {
    let sql = "SELECT l.id FROM erasure_targets t CROSS JOIN labels l WHERE t.is_event = 1 AND l.event_id = t.name
               UNION
               SELECT l.id FROM erasure_targets t CROSS JOIN labels l
               WHERE t.is_event = 0 AND l.event_id = '' AND l.request_id = t.name
                   AND NOT (l.request_id = $1 AND l.label = $2 AND l.state = 2)
               LIMIT $3";
    rows(session, sql, &[EMPTIED.into(), EMPTIED.into(), STEP.into()], RowColumns::integer)
}

/// Erases labels for an erasure, which notes how many.
///
/// # Errors
/// The database's.
pub(crate) fn erase_labels(
    transaction: &mut dyn WriteTransaction,
    erasure: i64,
    labels: &[i64],
) -> Result<(), DatabaseError> {
    transaction.lock(TransactionLock::Labels)?;
    let newest = first(transaction, "SELECT coalesce(max(id), 0) FROM labels", &[], RowColumns::integer)?;
    let mut count = 0;
    for label in labels {
        count += if Some(*label) == newest {
            let sql = "UPDATE labels SET event_id = '', request_id = $1, row_index = 0, model = '', version = '', variant = '',
                           label = $2, source = NULL, state = 2 WHERE id = $3";
            transaction.execute(sql, &[EMPTIED.into(), EMPTIED.into(), (*label).into()])?
        } else {
            transaction.execute("DELETE FROM labels WHERE id = $1", &[(*label).into()])?
        };
    }
    let sql = "UPDATE erasures SET labels = labels + $1 WHERE id = $2";
    transaction.execute(sql, &[i64::try_from(count).unwrap_or(i64::MAX).into(), erasure.into()]).map(|_| ())
}
