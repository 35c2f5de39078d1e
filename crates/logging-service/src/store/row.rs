//! One record as one row, in both directions.
//!
//! Rule of thumb: what is written comes back equal; timestamps are kept to the microsecond.

use jiff::Timestamp;
use prediction_record::{PredictionRecord, Score, Status};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use uuid::Uuid;

const INSERT: &str = "
INSERT INTO predictions (
    event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, status, error_type, label,
    class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    schema_version, extra
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
ON CONFLICT (event_id) DO NOTHING";

/// A record as it was stored. Serialises flat: the record's fields and `recorded_at`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredPrediction {
    /// The record, complete with `event_id`, `request_id` and `occurred_at`.
    #[serde(flatten)]
    pub record: PredictionRecord,
    /// When the store wrote it, to the microsecond.
    pub recorded_at: Timestamp,
}

/// Fills in what the sender may leave out: the ids and the time.
pub(super) fn complete(record: &mut PredictionRecord) {
    let event_id = *record.event_id.get_or_insert_with(Uuid::now_v7);
    record.request_id.get_or_insert_with(|| event_id.to_string());
    record.occurred_at.get_or_insert_with(Timestamp::now);
    // A row that was read here and sent again brings the time of its first storing along; it is the
    // store's to say, and answers would carry the field twice.
    record.extra.remove("recorded_at");
}

/// Inserts a completed record; false where its event id is there already.
pub(super) fn insert(
    connection: &Connection,
    record: &PredictionRecord,
    recorded_at: Timestamp,
) -> rusqlite::Result<bool> {
    let rows = connection.prepare_cached(INSERT)?.execute(params![
        record.event_id.as_ref().map(Uuid::as_bytes),
        record.request_id,
        record.row_index,
        record.occurred_at.map(floor_microseconds),
        floor_microseconds(recorded_at),
        record.model,
        record.version,
        record.model_sha256,
        record.status.as_str(),
        record.error_type,
        record.label,
        record.class,
        record.confidence,
        record.defect,
        json_unless(record.top.is_empty(), &record.top)?,
        record.latency_seconds,
        record.decode_seconds,
        record.queue_seconds,
        record.inference_seconds,
        record.trace_id,
        record.schema_version,
        json_unless(record.extra.is_empty(), &record.extra)?,
    ])?;
    Ok(rows == 1)
}

/// Reads a row of `SELECT *`.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<StoredPrediction> {
    let event_id: [u8; 16] = row.get("event_id")?;
    let status: String = row.get("status")?;
    let record = PredictionRecord {
        event_id: Some(Uuid::from_bytes(event_id)),
        request_id: row.get("request_id")?,
        row_index: row.get("row_index")?,
        occurred_at: Some(timestamp(row, "occurred_at")?),
        model: row.get("model")?,
        version: row.get("version")?,
        model_sha256: row.get("model_sha256")?,
        status: if status == Status::Error.as_str() { Status::Error } else { Status::Success },
        error_type: row.get("error_type")?,
        label: row.get("label")?,
        class: row.get("class")?,
        confidence: row.get("confidence")?,
        defect: row.get("defect")?,
        top: from_json::<Vec<Score>>(row, "top")?,
        latency_seconds: row.get("latency_seconds")?,
        decode_seconds: row.get("decode_seconds")?,
        queue_seconds: row.get("queue_seconds")?,
        inference_seconds: row.get("inference_seconds")?,
        trace_id: row.get("trace_id")?,
        schema_version: row.get("schema_version")?,
        variant: None,
        span_id: None,
        input_sha256: None,
        input: None,
        extra: from_json(row, "extra")?,
    };
    Ok(StoredPrediction { record, recorded_at: timestamp(row, "recorded_at")? })
}

/// Reads a column of microseconds since 1970.
pub(super) fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(from_microseconds)
}

/// The ends of time, rounded, may lie just outside; a row there must not make a whole page unreadable.
fn from_microseconds(microseconds: i64) -> Timestamp {
    let nearest = if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microseconds).unwrap_or(nearest)
}

/// Whole microseconds since 1970, the latest that is not after `time`.
pub(super) fn floor_microseconds(time: Timestamp) -> i64 {
    let truncated = time.as_microsecond();
    if time.as_nanosecond() < i128::from(truncated) * 1000 { truncated - 1 } else { truncated }
}

/// Whole microseconds since 1970, the earliest that is not before `time`.
pub(super) fn ceil_microseconds(time: Timestamp) -> i64 {
    let truncated = time.as_microsecond();
    if time.as_nanosecond() > i128::from(truncated) * 1000 { truncated + 1 } else { truncated }
}

fn json_unless(empty: bool, value: &impl Serialize) -> rusqlite::Result<Option<String>> {
    let json =
        |value| serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()));
    if empty { Ok(None) } else { json(value).map(Some) }
}

fn from_json<T: Default + serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let Some(json) = row.get::<_, Option<String>>(column)? else {
        return Ok(T::default());
    };
    serde_json::from_str(&json).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
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
