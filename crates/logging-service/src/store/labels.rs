//! The true labels of predictions, as they come.
//!
//! Rule of thumb: labels are only ever appended; [`settle`] decides which of them counts.

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::acknowledgement::Acknowledgement;
use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::session::{SqlSession, first};
use super::settlement::{LabelState, LabelTarget, StoredLabel, settle, stored};
use super::time::floor_microseconds;
use super::value::RowColumns;
use super::windows::BucketCounts;

/// What was true of one prediction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = Label)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrueLabel {
    /// The request that asked for the prediction.
    #[schema(max_length = 128, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$", example = "visit-1")]
    pub(crate) request_id: String,
    /// Position of the item in the request's batch.
    #[serde(default)]
    #[schema(maximum = 4294967295u32)]
    pub(crate) row_index: u32,
    /// The true label.
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$", example = "cat")]
    pub(crate) label: String,
    /// When it became known; now, if it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) labelled_at: Option<Timestamp>,
    /// The person or system that says so.
    #[serde(default)]
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(crate) source: Option<String>,
    /// Higher ones win; 0 if it is left out.
    #[serde(default)]
    #[schema(maximum = 4294967295u32)]
    pub(crate) revision: u32,
}

const INSERT: &str = "
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Stores labels, and counts those whose predictions are there. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn add(
    transaction: &mut dyn WriteTransaction,
    labels: &[TrueLabel],
    now: i64,
) -> Result<Acknowledgement, DatabaseError> {
    transaction.lock(TransactionLock::Labels)?;
    let mut buckets = BucketCounts::default();
    let mut acknowledgement = Acknowledgement::default();
    for label in labels {
        let target = LabelTarget { request_id: label.request_id.clone(), row_index: label.row_index };
        if is_known(label, &stored(transaction, &target)?) {
            acknowledgement.duplicates += 1;
            continue;
        }
        acknowledgement.accepted += 1;
        let values = [
            label.request_id.as_str().into(),
            label.row_index.into(),
            label.label.as_str().into(),
            label.labelled_at.map_or(now, floor_microseconds).into(),
            label.source.clone().into(),
            label.revision.into(),
            now.into(),
            (LabelState::Waiting as i64).into(),
        ];
        transaction.execute(INSERT, &values)?;
        settle(transaction, &mut buckets, &target)?;
    }
    buckets.save(transaction)?;
    Ok(acknowledgement)
}

/// Whether a label is stored already.
///
/// A label without a time of its own is known if it would change nothing. If it were compared by the time of its arrival,
/// every repetition would be another label.
fn is_known(label: &TrueLabel, known: &[StoredLabel]) -> bool {
    let is_same = |known: &StoredLabel| known.label == label.label && known.revision == i64::from(label.revision);
    match label.labelled_at.map(floor_microseconds) {
        Some(time) => known.iter().any(|known| is_same(known) && known.labelled_at == time),
        None => known.iter().max_by_key(|known| known.rank()).is_some_and(is_same),
    }
}

/// How many labels wait for their predictions.
///
/// # Errors
/// The database's.
pub(crate) fn waiting(session: &mut dyn SqlSession) -> Result<u64, DatabaseError> {
    let sql = "SELECT count(*) FROM labels WHERE state = 0";
    Ok(first(session, sql, &[], RowColumns::count)?.unwrap_or_default())
}
