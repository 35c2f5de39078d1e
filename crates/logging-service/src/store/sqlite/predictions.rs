//! The writer's hot path.

use rusqlite::params;
use uuid::Uuid;

use super::super::row::{NewRow, floor_microseconds, task};
use super::super::session::DatabaseError;
use super::session::Writing;
use super::{failed, requests};

const INSERT: &str = "
INSERT INTO predictions (
    event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra, task, value
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25, ?26, ?27, ?28)
ON CONFLICT (event_id) DO NOTHING";

/// Inserts rows; false for each whose event id is there already.
pub(super) fn insert(writing: &mut Writing<'_>, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError> {
    let mut statement = writing.connection.prepare_cached(INSERT).map_err(failed)?;
    let mut tail = requests::lock(writing.tail);
    let mut new = Vec::with_capacity(rows.len());
    for NewRow { record, top, input, extra } in rows {
        let inserted = statement
            .execute(params![
                record.event_id.as_ref().map(Uuid::as_bytes),
                record.request_id,
                record.row_index,
                record.occurred_at.map(floor_microseconds),
                recorded_at,
                record.model,
                record.version,
                record.model_sha256,
                record.variant,
                record.status.as_str(),
                record.error_type,
                record.label,
                record.class,
                record.confidence,
                record.defect,
                top,
                record.latency_seconds,
                record.decode_seconds,
                record.queue_seconds,
                record.inference_seconds,
                record.trace_id,
                record.span_id,
                record.input_sha256,
                input,
                record.schema_version,
                extra,
                task(record),
                record.value,
            ])
            .map_err(failed)?;
        if inserted == 1 {
            tail.push(record.request_id.as_deref().unwrap_or_default(), writing.connection.last_insert_rowid());
        }
        new.push(inserted == 1);
    }
    Ok(new)
}
