//! One record as one row, in both directions.
//!
//! Rule of thumb: what is written comes back equal; timestamps are kept to the microsecond.

use jiff::Timestamp;
use prediction_record::{PredictionRecord, Status, Task};
use serde::Serialize;
use uuid::Uuid;

use super::session::{Columns, DatabaseError};

/// The columns that [`read`] expects, in order.
pub(super) const COLUMNS: &str = "id, event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, \
     variant, status, error_type, label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, \
     inference_seconds, trace_id, span_id, input_sha256, input, schema_version, extra, task, value";

/// A record as it was stored. Serialises flat: the record's fields and `recorded_at`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredPrediction {
    /// The record, complete with `event_id`, `request_id` and `occurred_at`.
    #[serde(flatten)]
    pub record: PredictionRecord,
    /// When the store wrote it, to the microsecond.
    pub recorded_at: Timestamp,
}

/// A complete record on its way to the writer, with the JSON of its columns written: the writer is one, and those who
/// have something to be written are many.
pub(crate) struct NewRow {
    /// The record.
    pub(super) record: PredictionRecord,
    /// JSON of `top`; `None` if it is empty.
    pub(super) top: Option<String>,
    /// JSON of `input`.
    pub(super) input: Option<String>,
    /// JSON of `extra`; `None` if it is empty.
    pub(super) extra: Option<String>,
}

impl NewRow {
    /// Completes a record.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`] for what JSON cannot express.
    pub(super) fn of(mut record: PredictionRecord) -> Result<Self, DatabaseError> {
        complete(&mut record);
        Ok(Self {
            top: json_unless(record.top.is_empty(), &record.top)?,
            input: json_unless(record.input.is_none(), &record.input)?,
            extra: json_unless(record.extra.is_empty(), &record.extra)?,
            record,
        })
    }
}

/// The word of a task that is not the usual one.
pub(super) fn task(record: &PredictionRecord) -> Option<&'static str> {
    (record.task != Task::Classification).then(|| record.task.as_str())
}

/// Fills in what the sender may leave out: the ids and the time.
fn complete(record: &mut PredictionRecord) {
    let event_id = *record.event_id.get_or_insert_with(Uuid::now_v7);
    record.request_id.get_or_insert_with(|| event_id.to_string());
    record.occurred_at.get_or_insert_with(Timestamp::now);
    // A row that was read here and sent again brings the time of its first storing along; it is the
    // store's to say, and answers would carry the field twice.
    record.extra.remove("recorded_at");
}

/// Reads a row of [`COLUMNS`], with its id.
pub(super) fn read(columns: &mut Columns) -> Result<(i64, StoredPrediction), DatabaseError> {
    let id = columns.integer()?;
    let event_id = <[u8; 16]>::try_from(columns.blob()?).map_err(|_| DatabaseError::unreadable("event_id"))?;
    let request_id = columns.opt_text()?;
    let row_index = columns.opt_u32()?.unwrap_or_default();
    let occurred_at = Some(from_microseconds(columns.integer()?));
    let recorded_at = from_microseconds(columns.integer()?);
    let record = PredictionRecord {
        event_id: Some(Uuid::from_bytes(event_id)),
        request_id,
        row_index,
        occurred_at,
        model: columns.text()?,
        version: columns.opt_text()?,
        model_sha256: columns.opt_text()?,
        variant: columns.opt_text()?,
        status: if columns.text()? == Status::Error.as_str() { Status::Error } else { Status::Success },
        error_type: columns.opt_text()?,
        label: columns.opt_text()?,
        class: columns.opt_u32()?,
        confidence: columns.opt_real()?,
        defect: columns.integer()? != 0,
        top: from_json(columns)?.unwrap_or_default(),
        latency_seconds: columns.opt_real()?,
        decode_seconds: columns.opt_real()?,
        queue_seconds: columns.opt_real()?,
        inference_seconds: columns.opt_real()?,
        trace_id: columns.opt_text()?,
        span_id: columns.opt_text()?,
        input_sha256: columns.opt_text()?,
        input: from_json(columns)?,
        schema_version: columns.opt_u32()?,
        extra: from_json(columns)?.unwrap_or_default(),
        task: columns.opt_text()?.map(|word| Task::from_word(&word)).unwrap_or_default(),
        value: columns.opt_real()?,
    };
    Ok((id, StoredPrediction { record, recorded_at }))
}

/// The ends of time, rounded, may lie just outside; a row there must not make a whole page unreadable.
pub(crate) fn from_microseconds(microseconds: i64) -> Timestamp {
    let nearest = if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microseconds).unwrap_or(nearest)
}

/// Whole microseconds since 1970, the latest that is not after `time`.
pub(crate) fn floor_microseconds(time: Timestamp) -> i64 {
    let truncated = time.as_microsecond();
    if time.as_nanosecond() < i128::from(truncated) * 1000 { truncated - 1 } else { truncated }
}

/// Whole microseconds since 1970, the earliest that is not before `time`.
pub(crate) fn ceil_microseconds(time: Timestamp) -> i64 {
    let truncated = time.as_microsecond();
    if time.as_nanosecond() > i128::from(truncated) * 1000 { truncated + 1 } else { truncated }
}

/// The JSON of a value that is not empty.
fn json_unless(empty: bool, value: &impl Serialize) -> Result<Option<String>, DatabaseError> {
    if empty {
        return Ok(None);
    }
    serde_json::to_string(value).map(Some).map_err(|error| DatabaseError::Refused(error.to_string()))
}

fn from_json<T: serde::de::DeserializeOwned>(columns: &mut Columns) -> Result<Option<T>, DatabaseError> {
    columns.opt_text()?.map(|json| serde_json::from_str(&json).map_err(DatabaseError::unreadable)).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn microseconds_round_down_and_up_on_both_sides_of_1970() {
        for (nanoseconds, floor, ceil) in
            [(0, 0, 0), (1500, 1, 2), (2000, 2, 2), (-1500, -2, -1), (-2000, -2, -2), (-1, -1, 0), (1, 0, 1)]
        {
            let time = Timestamp::from_nanosecond(nanoseconds).unwrap();
            assert_eq!((floor_microseconds(time), ceil_microseconds(time)), (floor, ceil), "{nanoseconds}");
        }
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            let distance = extreme.duration_since(from_microseconds(floor_microseconds(extreme))).abs();
            assert!(distance < jiff::SignedDuration::from_micros(1), "{extreme} {distance}");
        }
    }
}
