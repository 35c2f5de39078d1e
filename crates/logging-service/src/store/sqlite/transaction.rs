//! The writer's transaction, or a savepoint in it. Inserting is the writer's hot path.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::super::engine::{TransactionBody, TransactionLock, WriteTransaction};
use super::super::error::DatabaseError;
use super::super::row::{NewRow, task_column};
use super::super::time::floor_microseconds;
use super::error::failed;
use super::requests;
use super::session::SqliteSession;

const INSERT: &str = "
INSERT INTO predictions (
    event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra, task, value, features, tags,
    counted_in, items
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32)
ON CONFLICT (event_id) DO NOTHING";

impl WriteTransaction for SqliteSession<&Connection> {
    fn savepoint(&mut self, body: &mut TransactionBody<'_>) -> Result<(), DatabaseError> {
        let begun = requests::lock(&self.unsealed).len();
        run(self.connection, "SAVEPOINT part")?;
        let outcome = body(self);
        if outcome.is_err() {
            requests::lock(&self.unsealed).truncate(begun);
            run(self.connection, "ROLLBACK TO part")?;
        }
        run(self.connection, "RELEASE part")?;
        outcome
    }

    fn insert(&mut self, rows: &[NewRow], recorded_at: i64) -> Result<Vec<bool>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(INSERT).map_err(failed)?;
        let mut unsealed = requests::lock(&self.unsealed);
        let mut new = Vec::with_capacity(rows.len());
        for NewRow { record, top, input, extra, features, tags, counted_in, .. } in rows {
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
                    task_column(record),
                    record.value,
                    features,
                    tags,
                    counted_in,
                    record.items,
                ])
                .map_err(failed)?;
            if inserted == 1 {
                unsealed.push(record.request_id.as_deref().unwrap_or_default(), self.connection.last_insert_rowid());
            }
            new.push(inserted == 1);
        }
        Ok(new)
    }

    fn lock(&mut self, _: TransactionLock) -> Result<(), DatabaseError> {
        Ok(()) // An immediate transaction has the whole file to itself.
    }
}

/// Executes a statement without values. It is prepared once, because preparing takes long compared with a batch of one
/// record.
fn run(connection: &Connection, sql: &str) -> Result<(), DatabaseError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(|_| ()).map_err(failed)
}
