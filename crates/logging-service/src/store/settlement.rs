//! Which label of a prediction counts: early, late and revised ones, of all models or of one.
//!
//! The latest label wins: the highest revision, and of those the latest `labelled_at`; of a prediction that is a number, the
//! latest one that is a number. The label that wins is counted in the bucket of its prediction; when another one wins,
//! exactly what was counted is taken back. A label whose predictions have not arrived waits for them.
//!
//! Rule of thumb: [`LabelSettlement`] is the only place where a label is counted, whichever of label and prediction came
//! first. A revision costs the same however many came before it, because only the best label of each target is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use prediction_record::{ModelDeclaration, PredictionRecord, Status, Task};

use super::buckets::BucketCounts;
use super::counted_labels::{self, CountedLabel, event_bytes};
use super::declarations;
use super::engine::{LocatedRequests, TransactionLock, WriteTransaction};
use super::error::DatabaseError;
use super::filter::PredictionFilter;
use super::labelled;
use super::row;
use super::session::{first, rows};
use super::stored_label::{self, LabelState, StoredLabel, set_state};
use super::true_label::LabelTarget;
use super::value::{RowColumns, SqlValue};
use crate::analysis::{LabelSign, LabelledOutcome};

/// Waiting labels that are looked at in one transaction.
pub(crate) const STEP: i64 = 200;
/// How long a label may wait for its prediction, in microseconds: a week.
const LONGEST_WAIT: i64 = 7 * 86_400 * 1_000_000;
/// The most predictions of one row of a request for which a label counts: those that were stored first. Clients that give
/// all their requests one id must not make one label as costly as all of them.
const MOST_PREDICTIONS: i64 = 32;

/// The most labels in force that mean one prediction: those of any and of a certain model, version and variant, texts and
/// numbers. Versions before 0.3 left some more.
const MOST_IN_FORCE: i64 = 64;

/// A prediction that a label means.
struct LabelledPrediction {
    record: PredictionRecord,
    /// The segments in which it is counted.
    segments: Vec<String>,
}

/// A label that waits for its prediction.
struct WaitingLabel {
    label: StoredLabel,
    target: LabelTarget,
    recorded_at: i64,
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
    let sql = format!(
        "SELECT {}, {WAITING_COLUMNS} FROM labels WHERE state = 0 AND id > $1 ORDER BY id LIMIT $2",
        stored_label::COLUMNS
    );
    let waiting = rows(transaction, &sql, &[after.into(), STEP.into()], read_waiting)?;
    let mut settlement = LabelSettlement::new(transaction, now);
    settlement.locate(waiting.iter().map(|waiting| &waiting.target))?;
    for WaitingLabel { label, target, recorded_at } in &waiting {
        let state = settlement.settle(label, target)?;
        if state == LabelState::Waiting && now - recorded_at > LONGEST_WAIT {
            set_state(settlement.transaction, label.id, LabelState::GivenUp)?;
        }
    }
    settlement.finish()?;
    Ok(waiting.last().filter(|_| waiting.len() as i64 == STEP).map(|last| last.label.id))
}

/// Counts the labels of these numbers for those of their predictions that have none. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn settle_again(
    transaction: &mut dyn WriteTransaction,
    labels: &[i64],
    now: i64,
) -> Result<(), DatabaseError> {
    transaction.lock(TransactionLock::Labels)?;
    let sql = format!("SELECT {}, {WAITING_COLUMNS} FROM labels WHERE id = $1 AND state <> 2", stored_label::COLUMNS);
    let mut settlement = LabelSettlement::new(transaction, now);
    let mut waiting = Vec::with_capacity(labels.len());
    for id in labels {
        waiting.extend(first(settlement.transaction, &sql, &[(*id).into()], read_waiting)?);
    }
    settlement.locate(waiting.iter().map(|waiting| &waiting.target))?;
    for WaitingLabel { label, target, .. } in &waiting {
        settlement.settle(label, target)?;
    }
    settlement.finish()
}

/// The columns that [`read_waiting`] expects after those of a stored label.
const WAITING_COLUMNS: &str = "event_id, request_id, row_index, model, version, variant, recorded_at";

fn read_waiting(columns: &mut RowColumns) -> Result<WaitingLabel, DatabaseError> {
    Ok(WaitingLabel {
        label: stored_label::read(columns)?,
        target: LabelTarget {
            event_id: columns.text()?,
            request_id: columns.text()?,
            row_index: columns.integer()?,
            model: columns.text()?,
            version: columns.text()?,
            variant: columns.text()?,
        },
        recorded_at: columns.integer()?,
    })
}

/// Counts labels within one transaction, which holds the lock of the labels.
pub(super) struct LabelSettlement<'t> {
    /// The transaction.
    pub(super) transaction: &'t mut dyn WriteTransaction,
    buckets: BucketCounts,
    /// What is declared about the models that were met.
    declared: BTreeMap<String, Rc<ModelDeclaration>>,
    /// Where the predictions of requests lie, as far as that is known.
    located: LocatedRequests,
    now: i64,
}

impl<'t> LabelSettlement<'t> {
    /// A settlement at `now`, in microseconds since 1970.
    pub(super) fn new(transaction: &'t mut dyn WriteTransaction, now: i64) -> Self {
        let located = LocatedRequests::new();
        Self { transaction, buckets: BucketCounts::default(), declared: BTreeMap::new(), located, now }
    }

    /// Asks once where the predictions are that labels mean.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn locate<'l>(&mut self, targets: impl Iterator<Item = &'l LabelTarget>) -> Result<(), DatabaseError> {
        let of_request = targets.filter(|target| target.event_id.is_empty()).map(|target| target.request_id.as_str());
        let request_ids: BTreeSet<&str> = of_request.filter(|id| !id.is_empty()).collect();
        let request_ids: Vec<&str> = request_ids.into_iter().collect();
        self.located = self.transaction.locate(&request_ids)?;
        Ok(())
    }

    /// Counts a label that is in force for each of its predictions that has none or a lesser one. Says where it stands now.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn settle(&mut self, label: &StoredLabel, target: &LabelTarget) -> Result<LabelState, DatabaseError> {
        let mut counted = counted_labels::of_target(self.transaction, target, MOST_PREDICTIONS)?;
        let predictions = self.predictions(target)?;
        let state = standing(label, &predictions, &counted);
        for prediction in predictions.iter().filter(|prediction| prediction.record.status == Status::Success) {
            let id = prediction.record.event_id.as_ref().map_or(&[][..], |id| id.as_bytes());
            let former = counted.iter().position(|counted| counted.event_id == id).map(|at| counted.swap_remove(at));
            self.settle_one(prediction, label, former)?;
        }
        // What is left belongs to predictions that retention has deleted; their counts stay, and so do their labels.
        for former in counted {
            let declared = self.declared(&former.named.model)?;
            let revised = labelled::revise(&former.counted, label, former.occurred_at, &declared);
            if let Some(counted) = revised.filter(|_| label.rank() > former.rank) {
                let new = CountedLabel { counted, rank: label.rank(), ..former.clone() };
                self.replace(Some(&former), &new)?;
            }
        }
        if state != LabelState::Waiting {
            set_state(self.transaction, label.id, state)?;
        }
        Ok(state)
    }

    /// Adds what was counted to the counts in the database.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn finish(self) -> Result<(), DatabaseError> {
        self.buckets.save(self.transaction)
    }

    /// Counts the label for one prediction, of which `former` is counted.
    fn settle_one(
        &mut self,
        prediction: &LabelledPrediction,
        label: &StoredLabel,
        former: Option<CountedLabel>,
    ) -> Result<(), DatabaseError> {
        let best = match &former {
            Some(former) if former.rank >= label.rank() => return Ok(()),
            Some(_) => Some(label.clone()).filter(|label| labelled::can_count(prediction.record.task, label)),
            // A label that came before the prediction may be better than this one.
            None => self.best(&prediction.record)?,
        };
        let Some(best) = best else { return Ok(()) };
        let declared = self.declared(&prediction.record.model)?;
        match CountedLabel::of(&prediction.record, &best, &declared) {
            Some(new) => self.replace(former.as_ref(), &CountedLabel { segments: prediction.segments.clone(), ..new }),
            None => Ok(()),
        }
    }

    fn replace(&mut self, former: Option<&CountedLabel>, new: &CountedLabel) -> Result<(), DatabaseError> {
        let changes = former.map(|former| (former, LabelSign::TakeBack)).into_iter().chain([(new, LabelSign::Add)]);
        for (label, sign) in changes {
            for bucket in label.buckets() {
                self.buckets.counts(bucket).label(&label.counted, sign);
            }
        }
        new.save(self.transaction, self.now)
    }

    /// The best label in force that means this prediction and can be held against it.
    fn best(&mut self, prediction: &PredictionRecord) -> Result<Option<StoredLabel>, DatabaseError> {
        let named = |condition: &str| {
            format!(
                "SELECT {} FROM labels WHERE {condition} AND state <> 2
                 AND model IN ('', $4) AND version IN ('', $5) AND variant IN ('', $6)
                 ORDER BY revision DESC, labelled_at DESC, id DESC LIMIT {MOST_IN_FORCE}",
                stored_label::COLUMNS
            )
        };
        let event = prediction.event_id.map(|id| id.simple().to_string()).unwrap_or_default();
        let of_row = named("event_id = $1 AND request_id = $2 AND row_index = $3");
        let of_event = named("event_id = $1 AND request_id IN ('', $2) AND row_index IN (-1, $3)");
        let mut best: Option<StoredLabel> = None;
        for (sql, event) in [(of_row, String::new()), (of_event, event)] {
            let values = [
                event.into(),
                prediction.request_id.clone().unwrap_or_default().into(),
                prediction.row_index.into(),
                prediction.model.as_str().into(),
                prediction.version.clone().unwrap_or_default().into(),
                prediction.variant.clone().unwrap_or_default().into(),
            ];
            let mut found = rows(self.transaction, &sql, &values, stored_label::read)?;
            found.retain(|label| labelled::can_count(prediction.task, label));
            best = best.into_iter().chain(found).max_by_key(StoredLabel::rank);
        }
        Ok(best)
    }

    /// The predictions that a label means, the first ones that were stored; those that were answered before those that
    /// failed.
    fn predictions(&mut self, target: &LabelTarget) -> Result<Vec<LabelledPrediction>, DatabaseError> {
        let place = self.located.get(&target.request_id).copied();
        if place == Some(None) {
            return Ok(Vec::new());
        }
        let filter = PredictionFilter {
            request_id: Some(target.request_id.clone()).filter(|id| !id.is_empty()),
            ..PredictionFilter::default()
        };
        let mut conditions = filter.conditions(filter.times(), self.transaction)?;
        let named = if target.request_id.is_empty() { "WHERE 1 = 1".to_owned() } else { conditions.sql() };
        let mut sql = format!("SELECT {}, counted_in FROM predictions {named}", row::COLUMNS);
        if target.row_index >= 0 {
            sql.push_str(&format!(" AND row_index = {}", conditions.placeholder(target.row_index)));
        }
        // Not as the bare columns, because the index of a model's predictions would have to be searched from end to end.
        for (column, name) in [("model", &target.model), ("version", &target.version), ("variant", &target.variant)] {
            if !name.is_empty() {
                sql.push_str(&format!(" AND coalesce({column}, '') = {}", conditions.placeholder(name.as_str())));
            }
        }
        if !target.event_id.is_empty() {
            let id = SqlValue::Blob(event_bytes(&target.event_id));
            sql.push_str(&format!(" AND event_id = {}", conditions.placeholder(id)));
        }
        if let Some([first, last]) = place.flatten() {
            for (comparison, id) in [(">=", first), ("<=", last)] {
                let id = SqlValue::Blob(id.as_bytes().to_vec());
                sql.push_str(&format!(" AND event_id {comparison} {}", conditions.placeholder(id)));
            }
        }
        sql.push_str(&format!(" ORDER BY status DESC, id LIMIT {}", conditions.placeholder(MOST_PREDICTIONS)));
        rows(self.transaction, &sql, &conditions.values, |columns| {
            let record = row::read(columns)?.prediction.record;
            Ok(LabelledPrediction { record, segments: row::read_segments(columns)? })
        })
    }

    fn declared(&mut self, model: &str) -> Result<Rc<ModelDeclaration>, DatabaseError> {
        if let Some(known) = self.declared.get(model) {
            return Ok(Rc::clone(known));
        }
        let found = declarations::effective(self.transaction, Some(model))?.remove(model);
        let found = Rc::new(found.unwrap_or_default());
        self.declared.insert(model.to_owned(), Rc::clone(&found));
        Ok(found)
    }
}

/// Where a label stands beside the predictions that it means, and what is counted of them.
fn standing(label: &StoredLabel, predictions: &[LabelledPrediction], counted: &[CountedLabel]) -> LabelState {
    let answered = || predictions.iter().map(|one| &one.record).filter(|record| record.status == Status::Success);
    let is_of_number = |former: &CountedLabel| matches!(former.counted.outcome, LabelledOutcome::Value(_));
    let can_revise = |former: &CountedLabel| label.is_number() || !is_of_number(former);
    if answered().any(|record| labelled::can_count(record.task, label)) || counted.iter().any(can_revise) {
        LabelState::Settled
    } else if answered().any(|record| record.task == Task::Regression) || !counted.is_empty() {
        LabelState::NoNumber
    } else if answered().next().is_some() {
        LabelState::NothingToJudge
    } else if predictions.is_empty() {
        LabelState::Waiting
    } else {
        LabelState::FailedPrediction
    }
}
