//! The true labels of predictions, as they come.
//!
//! Rule of thumb: labels are only ever appended. Of those that mean the same, the best is in force, and [`LabelSettlement`]
//! decides where it is counted.

use super::acknowledgement::LabelAcknowledgement;
use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::settlement::LabelSettlement;
use super::stored_label::{COLUMNS, LabelState, StoredLabel, read, set_state};
use super::true_label::LabelTarget;
use super::value::{RowColumns, SqlValue};

pub(crate) use super::true_label::TrueLabel;

const INSERT: &str = "
INSERT INTO labels (event_id, request_id, row_index, model, version, variant, label, labelled_at, source, revision,
    recorded_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id";

const OF_TARGET: &str =
    "event_id = $1 AND request_id = $2 AND row_index = $3 AND model = $4 AND version = $5 AND variant = $6";

/// Stores labels, and counts those whose predictions are there. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn add(
    transaction: &mut dyn WriteTransaction,
    labels: &[TrueLabel],
    now: i64,
) -> Result<LabelAcknowledgement, DatabaseError> {
    transaction.lock(TransactionLock::Labels)?;
    let mut settlement = LabelSettlement::new(transaction, now);
    let mut acknowledgement = LabelAcknowledgement::default();
    let targets: Vec<LabelTarget> = labels.iter().map(TrueLabel::target).collect();
    settlement.locate(targets.iter())?;
    for (label, target) in labels.iter().zip(targets) {
        let former = in_force(settlement.transaction, &target)?;
        if is_known(settlement.transaction, label, &target, former.first())? {
            acknowledgement.duplicates += 1;
            continue;
        }
        acknowledgement.accepted += 1;
        let mut stored = StoredLabel {
            id: i64::MAX, // Of equal ones, the one that came last wins.
            label: label.label.0.clone(),
            labelled_at: label.time().unwrap_or(now),
            revision: label.revision.into(),
        };
        let is_outdone = former.iter().any(|former| former.outdoes(&stored));
        let state = if is_outdone { LabelState::Superseded } else { LabelState::Waiting };
        stored.id = insert(settlement.transaction, label, &stored, state, now)?;
        if !is_outdone {
            for former in former.iter().filter(|former| stored.outdoes(former)) {
                set_state(settlement.transaction, former.id, LabelState::Superseded)?;
            }
            let state = settlement.settle(&stored, &target)?;
            acknowledgement.uncounted += u64::from(state.is_uncounted());
        }
    }
    settlement.finish()?;
    Ok(acknowledgement)
}

/// The labels in force that mean the same, the best first: the best of all, and where that is a text the best number. There
/// may be more of versions before 0.3.
fn in_force(session: &mut dyn WriteTransaction, target: &LabelTarget) -> Result<Vec<StoredLabel>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM labels WHERE {OF_TARGET} AND state <> 2");
    let mut found = rows(session, &sql, &target.values(), read)?;
    found.sort_by_key(|label| std::cmp::Reverse(label.rank()));
    Ok(found)
}

/// Whether a label is stored already.
///
/// A label without a time of its own is known if it would change nothing. If it were compared by the time of its arrival,
/// every repetition would be another label.
fn is_known(
    session: &mut dyn WriteTransaction,
    label: &TrueLabel,
    target: &LabelTarget,
    former: Option<&StoredLabel>,
) -> Result<bool, DatabaseError> {
    let Some(time) = label.time() else {
        let is_same =
            |former: &StoredLabel| former.label == label.label.0 && former.revision == i64::from(label.revision);
        return Ok(former.is_some_and(is_same));
    };
    let sql = format!(
        "SELECT id FROM labels WHERE {OF_TARGET} AND revision = $7 AND labelled_at = $8 AND label = $9 LIMIT 1"
    );
    let mut values = target.values().to_vec();
    values.extend([label.revision.into(), time.into(), label.label.0.as_str().into()]);
    Ok(first(session, &sql, &values, RowColumns::integer)?.is_some())
}

fn insert(
    transaction: &mut dyn WriteTransaction,
    label: &TrueLabel,
    stored: &StoredLabel,
    state: LabelState,
    now: i64,
) -> Result<i64, DatabaseError> {
    let mut values = label.target().values().to_vec();
    values.extend([
        stored.label.as_str().into(),
        stored.labelled_at.into(),
        label.source.clone().into(),
        stored.revision.into(),
        now.into(),
        (state as i64).into(),
    ]);
    let id = first(transaction, INSERT, &values, RowColumns::integer)?;
    id.ok_or_else(|| DatabaseError::unreadable("the label has no number"))
}

impl LabelTarget {
    /// The values of the columns by which labels that mean the same are found.
    fn values(&self) -> [SqlValue; 6] {
        [
            self.event_id.as_str().into(),
            self.request_id.as_str().into(),
            self.row_index.into(),
            self.model.as_str().into(),
            self.version.as_str().into(),
            self.variant.as_str().into(),
        ]
    }
}

/// Labels that count for none of their predictions, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UncountedLabels {
    /// The predictions are numbers, and the label is none.
    pub(crate) no_number: u64,
    /// The predictions say neither a class nor a number.
    pub(crate) nothing_to_judge: u64,
    /// The predictions have failed.
    pub(crate) failed_prediction: u64,
}

/// How many labels count for none of their predictions.
///
/// # Errors
/// The database's.
pub(crate) fn uncounted(session: &mut dyn SqlSession) -> Result<UncountedLabels, DatabaseError> {
    let mut uncounted = UncountedLabels::default();
    let sql = "SELECT state, count(*) FROM labels WHERE state > 3 GROUP BY state";
    session.query(sql, &[], &mut |mut columns| {
        let (state, count) = (columns.integer()?, columns.count()?);
        for (of, sum) in [
            (LabelState::NoNumber, &mut uncounted.no_number),
            (LabelState::NothingToJudge, &mut uncounted.nothing_to_judge),
            (LabelState::FailedPrediction, &mut uncounted.failed_prediction),
        ] {
            if state == of as i64 {
                *sum = count;
            }
        }
        Ok(())
    })?;
    Ok(uncounted)
}

/// How many labels wait for their predictions.
///
/// # Errors
/// The database's.
pub(crate) fn waiting(session: &mut dyn SqlSession) -> Result<u64, DatabaseError> {
    let sql = "SELECT count(*) FROM labels WHERE state = 0";
    Ok(first(session, sql, &[], RowColumns::count)?.unwrap_or_default())
}
