//! The writer's hot path: records into rows, a thousand at a time.
//!
//! Rule of thumb: one statement inserts many rows, because every statement is a round trip to the server.

use std::collections::{HashMap, HashSet};

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::super::engine::LocatedRequests;
use super::super::error::DatabaseError;
use super::super::row::{NewRow, task_column};
use super::super::time::floor_microseconds;
use super::connection::{ServerConnection, TypedValue};
use super::error::failed;
use super::partitions::InsertedRow;

/// Rows of one statement.
const CHUNK: usize = 1000;

/// Numbers the rows in the order in which they came, which decides between equal times.
const INSERT: &str = "
INSERT INTO predictions (
    event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra, task, value, features, tags,
    counted_in, items
)
SELECT event_id, request_id, row_index, occurred_at, $32::bigint, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra, task, value, features, tags,
    counted_in, items
FROM unnest(
    $1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::bigint[], $13::double precision[], $14::bigint[], $15::text[], $16::double precision[],
    $17::double precision[], $18::double precision[], $19::double precision[], $20::text[], $21::text[], $22::text[],
    $23::text[], $24::bigint[], $25::text[], $26::text[], $27::double precision[], $28::text[], $29::text[],
    $30::text[], $31::bigint[]
) WITH ORDINALITY AS record (
    event_id, request_id, row_index, occurred_at, model, version, model_sha256, variant, status,
    error_type, label, class, confidence, defect, top, latency_seconds,
    decode_seconds, queue_seconds, inference_seconds, trace_id, span_id, input_sha256,
    input, schema_version, extra, task, value, features, tags, counted_in, items, position
)
ORDER BY position
ON CONFLICT (event_id) DO NOTHING
RETURNING event_id, occurred_at, CAST(tableoid AS BIGINT)";

/// What became of the rows of an insert.
pub(super) struct Insertion {
    /// False for each row whose event id was there already, or came before it.
    pub(super) new: Vec<bool>,
    /// Where the new ones lie.
    pub(super) inserted: Vec<InsertedRow>,
}

/// Inserts rows.
///
/// # Errors
/// [`DatabaseError::Refused`] where a record breaks a constraint, and the server's.
pub(super) fn insert(
    connection: &mut ServerConnection,
    rows: &[NewRow],
    recorded_at: i64,
) -> Result<Insertion, DatabaseError> {
    let mut all = Vec::new();
    let mut new = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(CHUNK) {
        let mut seen = HashSet::with_capacity(chunk.len());
        let is_first: Vec<bool> = chunk.iter().map(|row| seen.insert(row.record.event_id)).collect();
        let firsts: Vec<&NewRow> =
            chunk.iter().zip(&is_first).filter(|(_, first)| **first).map(|(row, _)| row).collect();
        let inserted = insert_distinct(connection, &firsts, recorded_at)?;
        let ids: HashSet<Uuid> = inserted.iter().map(|row| row.event_id).collect();
        let is_new = |(row, first): (&NewRow, bool)| first && row.record.event_id.is_some_and(|id| ids.contains(&id));
        new.extend(chunk.iter().zip(is_first).map(is_new));
        all.extend(inserted);
    }
    Ok(Insertion { new, inserted: all })
}

/// Inserts rows with different event ids; gives the new ones.
fn insert_distinct(
    connection: &mut ServerConnection,
    rows: &[&NewRow],
    recorded_at: i64,
) -> Result<Vec<InsertedRow>, DatabaseError> {
    fn column<'a, T>(rows: &[&'a NewRow], value: impl Fn(&'a NewRow) -> T) -> Vec<T> {
        rows.iter().map(|row| value(row)).collect()
    }
    let values: [TypedValue<'_>; 32] = [
        (&column(rows, |row| row.record.event_id), Type::UUID_ARRAY),
        (&column(rows, |row| row.record.request_id.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| i64::from(row.record.row_index)), Type::INT8_ARRAY),
        (&column(rows, |row| row.record.occurred_at.map(floor_microseconds)), Type::INT8_ARRAY),
        (&column(rows, |row| row.record.model.as_str()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.version.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.model_sha256.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.variant.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.status.as_str()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.error_type.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.label.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.class.map(i64::from)), Type::INT8_ARRAY),
        (&column(rows, |row| row.record.confidence), Type::FLOAT8_ARRAY),
        (&column(rows, |row| i64::from(row.record.defect)), Type::INT8_ARRAY),
        (&column(rows, |row| row.top.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.latency_seconds), Type::FLOAT8_ARRAY),
        (&column(rows, |row| row.record.decode_seconds), Type::FLOAT8_ARRAY),
        (&column(rows, |row| row.record.queue_seconds), Type::FLOAT8_ARRAY),
        (&column(rows, |row| row.record.inference_seconds), Type::FLOAT8_ARRAY),
        (&column(rows, |row| row.record.trace_id.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.span_id.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.input_sha256.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.input.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.schema_version.map(i64::from)), Type::INT8_ARRAY),
        (&column(rows, |row| row.extra.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| task_column(&row.record)), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.value), Type::FLOAT8_ARRAY),
        (&column(rows, |row| row.features.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.tags.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.counted_in.as_deref()), Type::TEXT_ARRAY),
        (&column(rows, |row| row.record.items.map(i64::from)), Type::INT8_ARRAY),
        (&recorded_at, Type::INT8),
    ];
    let rows = connection.rows(INSERT, &values)?;
    let read = |row: &tokio_postgres::Row| {
        let (event_id, occurred_at, partition) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Ok(InsertedRow { event_id, occurred_at, partition })
    };
    rows.iter().map(|row| read(row).map_err(failed)).collect()
}

/// Predictions of one request that are looked at. Where a request has more, the answer does not say where they lie.
const MOST_OF_REQUEST: i64 = 1_024;

/// Looks into each partition once for all requests, instead of once for each with a statement of its own.
const LOCATE: &str = "
SELECT asked.request_id, found.event_id FROM unnest($1::text[]) AS asked (request_id), LATERAL (
    SELECT event_id FROM predictions WHERE request_id = asked.request_id LIMIT $2
) AS found";

/// Where the predictions of requests lie.
///
/// # Errors
/// The server's.
pub(super) fn locate(
    connection: &mut ServerConnection,
    request_ids: &[&str],
) -> Result<LocatedRequests, DatabaseError> {
    if request_ids.is_empty() {
        return Ok(LocatedRequests::new());
    }
    let asked: [TypedValue<'_>; 2] = [(&request_ids, Type::TEXT_ARRAY), (&(MOST_OF_REQUEST + 1), Type::INT8)];
    let mut found: HashMap<String, Vec<Uuid>> = request_ids.iter().map(|id| ((*id).to_owned(), Vec::new())).collect();
    for row in connection.rows(LOCATE, &asked)? {
        let request_id: &str = row.try_get(0).map_err(failed)?;
        if let Some(ids) = found.get_mut(request_id) {
            ids.push(row.try_get(1).map_err(failed)?);
        }
    }
    found.retain(|_, ids| ids.len() as i64 <= MOST_OF_REQUEST);
    let ends = |ids: Vec<Uuid>| ids.iter().min().zip(ids.iter().max()).map(|(first, last)| [*first, *last]);
    Ok(found.into_iter().map(|(request_id, ids)| (request_id, ends(ids))).collect())
}
