//! The writer's hot path: records into rows, a thousand at a time.
//!
//! Rule of thumb: one statement for many rows, because every statement is a journey to the server.

use std::collections::HashSet;

use postgres::types::ToSql;
use prediction_record::PredictionRecord;
use uuid::Uuid;

use super::super::row::{floor_microseconds, json_unless};
use super::super::session::DatabaseError;
use super::connection::Connection;
use super::failed;

/// Rows of one statement.
const CHUNK: usize = 1000;

/// The rows are numbered in the order in which they came, which decides between equal times.
const INSERT: &str = "
INSERT INTO predictions (
    event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra
)
SELECT event_id, request_id, row_index, occurred_at, $26::bigint, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra
FROM unnest(
    $1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::bigint[], $13::double precision[], $14::bigint[], $15::text[], $16::double precision[],
    $17::double precision[], $18::double precision[], $19::double precision[], $20::text[], $21::text[], $22::text[],
    $23::text[], $24::bigint[], $25::text[]
) WITH ORDINALITY AS record (
    event_id, request_id, row_index, occurred_at, model, version, model_sha256, variant, status,
    error_type, label, class, confidence, defect, top, latency_seconds,
    decode_seconds, queue_seconds, inference_seconds, trace_id, span_id, input_sha256,
    input, schema_version, extra, position
)
ORDER BY position
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id";

/// Inserts completed records; false for each whose event id is there already, or came before it.
///
/// # Errors
/// [`DatabaseError::Refused`] where a record breaks a constraint, and the server's.
pub(super) fn insert(
    connection: &mut Connection,
    records: &[PredictionRecord],
    recorded_at: i64,
) -> Result<Vec<bool>, DatabaseError> {
    let mut new = Vec::with_capacity(records.len());
    for chunk in records.chunks(CHUNK) {
        let mut seen = HashSet::with_capacity(chunk.len());
        let is_first: Vec<bool> = chunk.iter().map(|record| seen.insert(record.event_id)).collect();
        let firsts: Vec<&PredictionRecord> =
            chunk.iter().zip(&is_first).filter(|(_, first)| **first).map(|(record, _)| record).collect();
        let inserted = insert_distinct(connection, &firsts, recorded_at)?;
        let is_new = |(record, first): (&PredictionRecord, bool)| {
            first && record.event_id.is_some_and(|id| inserted.contains(&id))
        };
        new.extend(chunk.iter().zip(is_first).map(is_new));
    }
    Ok(new)
}

/// Gives the ids of those that are new.
fn insert_distinct(
    connection: &mut Connection,
    records: &[&PredictionRecord],
    recorded_at: i64,
) -> Result<HashSet<Uuid>, DatabaseError> {
    fn column<'a, T>(records: &[&'a PredictionRecord], value: impl Fn(&'a PredictionRecord) -> T) -> Vec<T> {
        records.iter().map(|record| value(record)).collect()
    }
    let json = |value: fn(&PredictionRecord) -> Result<Option<String>, DatabaseError>| {
        records.iter().map(|record| value(record)).collect::<Result<Vec<_>, _>>()
    };
    let values: [&(dyn ToSql + Sync); 26] = [
        &column(records, |record| record.event_id),
        &column(records, |record| record.request_id.as_deref()),
        &column(records, |record| i64::from(record.row_index)),
        &column(records, |record| record.occurred_at.map(floor_microseconds)),
        &column(records, |record| record.model.as_str()),
        &column(records, |record| record.version.as_deref()),
        &column(records, |record| record.model_sha256.as_deref()),
        &column(records, |record| record.variant.as_deref()),
        &column(records, |record| record.status.as_str()),
        &column(records, |record| record.error_type.as_deref()),
        &column(records, |record| record.label.as_deref()),
        &column(records, |record| record.class.map(i64::from)),
        &column(records, |record| record.confidence),
        &column(records, |record| i64::from(record.defect)),
        &json(|record| json_unless(record.top.is_empty(), &record.top))?,
        &column(records, |record| record.latency_seconds),
        &column(records, |record| record.decode_seconds),
        &column(records, |record| record.queue_seconds),
        &column(records, |record| record.inference_seconds),
        &column(records, |record| record.trace_id.as_deref()),
        &column(records, |record| record.span_id.as_deref()),
        &column(records, |record| record.input_sha256.as_deref()),
        &json(|record| json_unless(record.input.is_none(), &record.input))?,
        &column(records, |record| record.schema_version.map(i64::from)),
        &json(|record| json_unless(record.extra.is_empty(), &record.extra))?,
        &recorded_at,
    ];
    let rows = connection.rows(INSERT, &values)?;
    rows.iter().map(|row| row.try_get(0).map_err(failed)).collect()
}
