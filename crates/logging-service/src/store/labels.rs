//! The true labels: early, late and revised.
//!
//! Labels are only ever appended, and the latest wins: the highest revision, and of those the latest `labelled_at`.
//! The one that wins is counted in the bucket of its prediction; when another one wins, the first is taken back. A
//! label whose prediction has not arrived waits for it.
//!
//! Rule of thumb: [`settle`] is the only place where a label is counted, whatever came first.

use jiff::Timestamp;
use prediction_record::Status;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Accepted;
use super::engine::{Lock, Transaction};
use super::filter::Filter;
use super::row::floor_microseconds;
use super::session::{Columns, DatabaseError, first, rows};
use super::windows::{Key, Windows};
use crate::analysis::{Labelled, Sign};

/// Waiting labels that are looked at in one transaction.
const STEP: i64 = 200;
/// How long a label may wait for its prediction, in microseconds: a week.
const LONGEST_WAIT: i64 = 7 * 86_400 * 1_000_000;

/// What was true of one prediction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Label {
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
    /// Who says so.
    #[serde(default)]
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub(crate) source: Option<String>,
    /// Higher ones win; 0 if it is left out.
    #[serde(default)]
    #[schema(maximum = 4294967295u32)]
    pub(crate) revision: u32,
}

/// Where a label stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting = 0,
    Counted = 1,
    Superseded = 2,
    GivenUp = 3,
}

/// A stored label.
struct Stored {
    id: i64,
    label: String,
    labelled_at: i64,
    revision: i64,
    counted: bool,
}

impl Stored {
    fn rank(&self) -> (i64, i64, i64) {
        (self.revision, self.labelled_at, self.id)
    }
}

/// The prediction that a label is about.
struct Predicted {
    model: String,
    sha256: Option<String>,
    occurred_at: i64,
    label: String,
    confidence: f64,
}

/// Stores labels, and counts those whose predictions are there. `now` is in microseconds since 1970.
///
/// # Errors
/// The database's.
pub(crate) fn add(tx: &mut dyn Transaction, labels: &[Label], now: i64) -> Result<Accepted, DatabaseError> {
    tx.lock(Lock::Labels)?;
    let mut windows = Windows::default();
    let mut accepted = Accepted::default();
    for label in labels {
        let known = stored(tx, &label.request_id, label.row_index)?;
        if is_known(label, &known) {
            accepted.duplicates += 1;
            continue;
        }
        accepted.accepted += 1;
        let values = [
            label.request_id.as_str().into(),
            label.row_index.into(),
            label.label.as_str().into(),
            label.labelled_at.map_or(now, floor_microseconds).into(),
            label.source.clone().into(),
            label.revision.into(),
            now.into(),
            (State::Waiting as i64).into(),
        ];
        tx.execute(INSERT, &values)?;
        settle(tx, &mut windows, &label.request_id, label.row_index)?;
    }
    windows.save(tx)?;
    Ok(accepted)
}

const INSERT: &str = "
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Without a time of its own a label is known if it changes nothing, for then the time of its arrival would make every
/// repetition another label.
fn is_known(label: &Label, known: &[Stored]) -> bool {
    let same = |known: &Stored| known.label == label.label && known.revision == i64::from(label.revision);
    match label.labelled_at.map(floor_microseconds) {
        Some(time) => known.iter().any(|known| same(known) && known.labelled_at == time),
        None => known.iter().max_by_key(|known| known.rank()).is_some_and(same),
    }
}

/// Looks at labels that wait, beginning after `after`; gives where to go on, `None` at the end.
///
/// # Errors
/// The database's.
pub(crate) fn settle_waiting(tx: &mut dyn Transaction, after: i64, now: i64) -> Result<Option<i64>, DatabaseError> {
    tx.lock(Lock::Labels)?;
    let sql =
        "SELECT id, request_id, row_index, recorded_at FROM labels WHERE state = 0 AND id > $1 ORDER BY id LIMIT $2";
    let waiting = rows(tx, sql, &[after.into(), STEP.into()], |columns| {
        Ok((columns.integer()?, columns.text()?, columns.opt_u32()?.unwrap_or_default(), columns.integer()?))
    })?;
    let mut windows = Windows::default();
    for (id, request_id, row_index, recorded_at) in &waiting {
        if !settle(tx, &mut windows, request_id, *row_index)? && now - recorded_at > LONGEST_WAIT {
            set_state(tx, *id, State::GivenUp)?;
        }
    }
    windows.save(tx)?;
    Ok(waiting.last().filter(|_| waiting.len() as i64 == STEP).map(|last| last.0))
}

/// How many labels wait for their predictions.
///
/// # Errors
/// The database's.
pub(crate) fn waiting(session: &mut dyn super::Session) -> Result<u64, DatabaseError> {
    let sql = "SELECT count(*) FROM labels WHERE state = 0";
    Ok(first(session, sql, &[], Columns::count)?.unwrap_or_default())
}

/// Counts the label that wins, if its prediction is there, and takes back the one that was counted. False where the
/// prediction is not there.
fn settle(
    tx: &mut dyn Transaction,
    windows: &mut Windows,
    request_id: &str,
    row_index: u32,
) -> Result<bool, DatabaseError> {
    let Some(predicted) = predicted(tx, request_id, row_index)? else { return Ok(false) };
    let labels = stored(tx, request_id, row_index)?;
    let winner = labels.iter().max_by_key(|label| label.rank()).map(|label| label.id);
    let key = Key::new(&predicted.model, predicted.sha256.as_deref(), predicted.occurred_at);
    let counts = windows.counts(key);
    for label in &labels {
        let wins = Some(label.id) == winner;
        let sign = match (wins, label.counted) {
            (true, false) => Some(Sign::Add),
            (false, true) => Some(Sign::TakeBack),
            _ => None,
        };
        if let Some(sign) = sign {
            counts.label(&predicted.beside(label), sign);
        }
        if wins != label.counted || !wins {
            set_state(tx, label.id, if wins { State::Counted } else { State::Superseded })?;
        }
    }
    Ok(true)
}

impl Predicted {
    fn beside<'a>(&'a self, label: &'a Stored) -> Labelled<'a> {
        Labelled {
            predicted: &self.label,
            truth: &label.label,
            confidence: self.confidence,
            lag_seconds: (label.labelled_at - self.occurred_at) as f64 / 1e6,
        }
    }
}

fn stored(tx: &mut dyn Transaction, request_id: &str, row_index: u32) -> Result<Vec<Stored>, DatabaseError> {
    let sql = "SELECT id, label, labelled_at, revision, state FROM labels WHERE request_id = $1 AND row_index = $2 ORDER BY id";
    rows(tx, sql, &[request_id.into(), row_index.into()], |columns| {
        Ok(Stored {
            id: columns.integer()?,
            label: columns.text()?,
            labelled_at: columns.integer()?,
            revision: columns.integer()?,
            counted: columns.integer()? == State::Counted as i64,
        })
    })
}

fn predicted(tx: &mut dyn Transaction, request_id: &str, row_index: u32) -> Result<Option<Predicted>, DatabaseError> {
    let filter = Filter { request_id: Some(request_id.to_owned()), status: Some(Status::Success), ..Filter::default() };
    let mut conditions = filter.conditions(None, tx);
    let sql = conditions.sql();
    let row = conditions.value(row_index);
    let sql = format!(
        "SELECT model, model_sha256, occurred_at, label, confidence FROM predictions {sql} AND row_index = {row}
         ORDER BY id LIMIT 1"
    );
    first(tx, &sql, &conditions.values, |columns| {
        Ok(Predicted {
            model: columns.text()?,
            sha256: columns.opt_text()?,
            occurred_at: columns.integer()?,
            label: columns.opt_text()?.unwrap_or_default(),
            confidence: columns.opt_real()?.unwrap_or_default(),
        })
    })
}

fn set_state(tx: &mut dyn Transaction, id: i64, state: State) -> Result<(), DatabaseError> {
    tx.execute("UPDATE labels SET state = $1 WHERE id = $2", &[(state as i64).into(), id.into()])?;
    Ok(())
}
