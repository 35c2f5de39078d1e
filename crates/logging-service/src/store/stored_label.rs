//! A label as it was stored, and where it stands.

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::value::RowColumns;
use crate::analysis::number_of;

/// Where a label stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelState {
    /// None of its predictions has arrived.
    Waiting = 0,
    /// It is in force, and some of its predictions have arrived.
    Settled = 1,
    /// Another one that means the same predictions is better.
    Superseded = 2,
    /// None of its predictions has arrived for so long that it is not looked for any more.
    GivenUp = 3,
    /// Its predictions are numbers, and it is none.
    NoNumber = 4,
    /// Its predictions say neither a class nor a number.
    NothingToJudge = 5,
    /// Its predictions have failed.
    FailedPrediction = 6,
}

impl LabelState {
    /// Whether predictions have arrived, and it counts for none of them.
    pub(super) fn is_uncounted(self) -> bool {
        self as i64 >= Self::NoNumber as i64
    }
}

/// A label that is in force: no other one that means the same outdoes it.
#[derive(Clone, Debug)]
pub(super) struct StoredLabel {
    /// Number of its row.
    pub(super) id: i64,
    /// The true label.
    pub(super) label: String,
    /// When it became known, in microseconds since 1970.
    pub(super) labelled_at: i64,
    /// Higher ones win.
    pub(super) revision: i64,
}

impl StoredLabel {
    /// The rank that a label wins by; the highest wins.
    pub(super) fn rank(&self) -> [i64; 3] {
        [self.revision, self.labelled_at, self.id]
    }

    /// Whether it is a number, which alone can be held against a predicted number.
    pub(super) fn is_number(&self) -> bool {
        number_of(&self.label).is_some()
    }

    /// Whether the other one can count for no prediction as long as this one is there. A text does not take the place of a
    /// number, for it may say nothing of the prediction that the number is about.
    pub(super) fn outdoes(&self, other: &Self) -> bool {
        self.rank() > other.rank() && (self.is_number() || !other.is_number())
    }
}

/// The columns that [`read`] expects, in order.
pub(super) const COLUMNS: &str = "id, label, labelled_at, revision";

/// Reads a row of [`COLUMNS`].
///
/// # Errors
/// [`DatabaseError::Failed`] where a column does not hold what it should.
pub(super) fn read(columns: &mut RowColumns) -> Result<StoredLabel, DatabaseError> {
    Ok(StoredLabel {
        id: columns.integer()?,
        label: columns.text()?,
        labelled_at: columns.integer()?,
        revision: columns.integer()?,
    })
}

/// Notes where a label stands.
///
/// # Errors
/// The database's.
pub(super) fn set_state(
    transaction: &mut dyn WriteTransaction,
    id: i64,
    state: LabelState,
) -> Result<(), DatabaseError> {
    let sql = "UPDATE labels SET state = $1 WHERE id = $2";
    transaction.execute(sql, &[(state as i64).into(), id.into()]).map(|_| ())
}
