//! Which label of a prediction counts: early, late and revised ones.
//!
//! The latest label wins: the highest revision, and of those the latest `labelled_at`. The label that wins is counted in
//! the bucket of its prediction; when another one wins, the first is taken back. A label whose prediction has not arrived
//! waits for it.
//!
//! Rule of thumb: [`settle`] is the only place where a label is counted, whichever of label and prediction came first.

use prediction_record::Status;

use super::engine::{TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::filter::PredictionFilter;
use super::session::{first, rows};
use super::windows::{BucketCounts, BucketKey};
use crate::analysis::{LabelSign, LabelledObservation};

/// Waiting labels that are looked at in one transaction.
const STEP: i64 = 200;
/// How long a label may wait for its prediction, in microseconds: a week.
const LONGEST_WAIT: i64 = 7 * 86_400 * 1_000_000;

/// Where a label stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelState {
    Waiting = 0,
    Counted = 1,
    Superseded = 2,
    GivenUp = 3,
}

/// The prediction that a label is about.
pub(super) struct LabelTarget {
    pub(super) request_id: String,
    pub(super) row_index: u32,
}

/// A label that waits for its prediction.
struct WaitingLabel {
    id: i64,
    target: LabelTarget,
    recorded_at: i64,
}

/// A stored label.
pub(super) struct StoredLabel {
    id: i64,
    pub(super) label: String,
    pub(super) labelled_at: i64,
    pub(super) revision: i64,
    is_counted: bool,
}

impl StoredLabel {
    /// What a label wins by; the highest wins.
    pub(super) fn rank(&self) -> [i64; 3] {
        [self.revision, self.labelled_at, self.id]
    }
}

/// What is counted of the prediction that a label is about.
struct LabelledPrediction {
    model: String,
    sha256: Option<String>,
    occurred_at: i64,
    label: String,
    confidence: f64,
}

/// Looks at labels that wait, beginning after the label `after`; gives where to go on, `None` at the end. `now` is in
/// microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn settle_waiting(
    transaction: &mut dyn WriteTransaction,
    after: i64,
    now: i64,
) -> Result<Option<i64>, DatabaseError> {
    transaction.lock(TransactionLock::Labels)?;
    let sql =
        "SELECT id, request_id, row_index, recorded_at FROM labels WHERE state = 0 AND id > $1 ORDER BY id LIMIT $2";
    let waiting = rows(transaction, sql, &[after.into(), STEP.into()], |columns| {
        Ok(WaitingLabel {
            id: columns.integer()?,
            target: LabelTarget { request_id: columns.text()?, row_index: columns.opt_u32()?.unwrap_or_default() },
            recorded_at: columns.integer()?,
        })
    })?;
    let mut buckets = BucketCounts::default();
    for label in &waiting {
        let is_settled = settle(transaction, &mut buckets, &label.target)?;
        if !is_settled && now - label.recorded_at > LONGEST_WAIT {
            set_state(transaction, label.id, LabelState::GivenUp)?;
        }
    }
    buckets.save(transaction)?;
    Ok(waiting.last().filter(|_| waiting.len() as i64 == STEP).map(|last| last.id))
}

/// Counts the label that wins, if its prediction is there, and takes back the one that was counted. False where the
/// prediction is not there.
///
/// # Errors
/// The database's.
pub(super) fn settle(
    transaction: &mut dyn WriteTransaction,
    buckets: &mut BucketCounts,
    target: &LabelTarget,
) -> Result<bool, DatabaseError> {
    let Some(prediction) = prediction(transaction, target)? else { return Ok(false) };
    let labels = stored(transaction, target)?;
    let winner = labels.iter().max_by_key(|label| label.rank()).map(|label| label.id);
    let key = BucketKey::new(&prediction.model, prediction.sha256.as_deref(), prediction.occurred_at);
    let counts = buckets.counts(key);
    for label in &labels {
        let wins = Some(label.id) == winner;
        let sign = match (wins, label.is_counted) {
            (true, false) => Some(LabelSign::Add),
            (false, true) => Some(LabelSign::TakeBack),
            _ => None,
        };
        if let Some(sign) = sign {
            counts.label(&prediction.beside(label), sign);
        }
        if wins != label.is_counted || !wins {
            let state = if wins { LabelState::Counted } else { LabelState::Superseded };
            set_state(transaction, label.id, state)?;
        }
    }
    Ok(true)
}

impl LabelledPrediction {
    /// The prediction together with a label, as it is counted.
    fn beside<'a>(&'a self, label: &'a StoredLabel) -> LabelledObservation<'a> {
        LabelledObservation {
            predicted: &self.label,
            truth: &label.label,
            confidence: self.confidence,
            lag_seconds: (label.labelled_at - self.occurred_at) as f64 / 1e6,
        }
    }
}

/// The labels of a prediction.
///
/// # Errors
/// The database's.
pub(super) fn stored(
    transaction: &mut dyn WriteTransaction,
    target: &LabelTarget,
) -> Result<Vec<StoredLabel>, DatabaseError> {
    let sql = "SELECT id, label, labelled_at, revision, state FROM labels WHERE request_id = $1 AND row_index = $2 ORDER BY id";
    rows(transaction, sql, &[target.request_id.as_str().into(), target.row_index.into()], |columns| {
        Ok(StoredLabel {
            id: columns.integer()?,
            label: columns.text()?,
            labelled_at: columns.integer()?,
            revision: columns.integer()?,
            is_counted: columns.integer()? == LabelState::Counted as i64,
        })
    })
}

fn prediction(
    transaction: &mut dyn WriteTransaction,
    target: &LabelTarget,
) -> Result<Option<LabelledPrediction>, DatabaseError> {
    let filter = PredictionFilter {
        request_id: Some(target.request_id.clone()),
        status: Some(Status::Success),
        ..PredictionFilter::default()
    };
    let mut conditions = filter.conditions(None, transaction);
    let sql = conditions.sql();
    let row = conditions.placeholder(target.row_index);
    let sql = format!(
        "SELECT model, model_sha256, occurred_at, label, confidence FROM predictions {sql} AND row_index = {row}
         ORDER BY id LIMIT 1"
    );
    first(transaction, &sql, &conditions.values, |columns| {
        Ok(LabelledPrediction {
            model: columns.text()?,
            sha256: columns.opt_text()?,
            occurred_at: columns.integer()?,
            label: columns.opt_text()?.unwrap_or_default(),
            confidence: columns.opt_real()?.unwrap_or_default(),
        })
    })
}

fn set_state(transaction: &mut dyn WriteTransaction, id: i64, state: LabelState) -> Result<(), DatabaseError> {
    let sql = "UPDATE labels SET state = $1 WHERE id = $2";
    transaction.execute(sql, &[(state as i64).into(), id.into()]).map(|_| ())
}
