//! The measure of ingestion: a loop that inserts rows into SQLite and does nothing else.
//!
//! Rule of thumb: it stores what the logging service stores, as durably, into the schema that the service has made;
//! but it parses nothing, checks nothing, counts nothing and sends no answers.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use prediction_record::PredictionRecord;
use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use super::program::own_processor_seconds;
use super::speed::IngestionSpeed;

/// Rows of one transaction, as of one request.
pub(super) const BATCH: usize = 1000;
/// Rows of a segment of the index by request, as the logging service makes them.
const SEGMENT: usize = 32_768;

const INSERT: &str = "
INSERT INTO predictions (
    event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, variant, status, error_type,
    label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds, trace_id,
    span_id, input_sha256, input, schema_version, extra, features
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25, NULL, ?26)
ON CONFLICT (event_id) DO NOTHING";

/// How much of the schema is kept up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeptIndexes {
    /// The rows and their unique event ids, which make sending them twice harmless.
    None,
    /// The schema's indexes of predictions as well.
    Shipped,
    /// And the segments, by which predictions are found by their request.
    All,
}

/// A record, with its JSON columns written.
pub(super) struct PreparedRow {
    record: PredictionRecord,
    top: Option<String>,
    input: Option<String>,
    features: Option<String>,
}

impl PreparedRow {
    /// Prepares a record, which takes no part in what is measured.
    ///
    /// # Errors
    /// None that a record can cause.
    pub(super) fn of(record: PredictionRecord) -> Result<Self> {
        let top = (!record.top.is_empty()).then(|| serde_json::to_string(&record.top)).transpose()?;
        let input = record.input.as_ref().map(serde_json::to_string).transpose()?;
        let features = (!record.features.is_empty()).then(|| serde_json::to_string(&record.features)).transpose()?;
        Ok(Self { record, top, input, features })
    }
}

/// Inserts the rows into a database that the logging service has made; says how fast.
///
/// # Errors
/// SQLite's, and where not every row has arrived.
pub(super) fn measure(database: &Path, rows: &[PreparedRow], indexes: KeptIndexes) -> Result<IngestionSpeed> {
    let mut connection = open(database)?;
    if indexes == KeptIndexes::None {
        drop_secondary_indexes(&connection)?;
    }
    let (started, used) = (Instant::now(), own_processor_seconds()?);
    let mut waiting = Vec::new();
    for batch in rows.chunks(BATCH) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert(&transaction, batch, &mut waiting)?;
        if indexes == KeptIndexes::All && waiting.len() >= SEGMENT {
            append_segment(&transaction, &mut waiting)?;
        }
        transaction.commit()?;
    }
    let (seconds, used) = (started.elapsed().as_secs_f64(), own_processor_seconds()? - used);
    let stored: i64 = connection.query_row("SELECT count(*) FROM predictions", [], |row| row.get(0))?;
    ensure!(usize::try_from(stored).ok() == Some(rows.len()), "{stored} of {} rows are there", rows.len());
    Ok(IngestionSpeed { rows: rows.len(), seconds, writer: used, others: 0.0 })
}

/// Set up as the logging service sets its writer up.
fn open(database: &Path) -> Result<Connection> {
    let connection = Connection::open(database)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    ensure!(mode == "wal", "there is no write-ahead log here (journal mode {mode})");
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok(connection)
}

fn drop_secondary_indexes(connection: &Connection) -> Result<()> {
    let query = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'predictions' AND sql IS NOT NULL";
    let names: Vec<String> = connection.prepare(query)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    ensure!(!names.is_empty(), "the schema has no indexes of predictions");
    for name in names {
        connection.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    Ok(())
}

fn insert(connection: &Connection, rows: &[PreparedRow], waiting: &mut Vec<(i64, i64)>) -> Result<()> {
    let recorded_at = jiff::Timestamp::now().as_microsecond();
    let mut statement = connection.prepare_cached(INSERT)?;
    for PreparedRow { record, top, input, features } in rows {
        statement.execute(params![
            record.event_id.as_ref().map(Uuid::as_bytes),
            record.request_id,
            record.row_index,
            record.occurred_at.map(jiff::Timestamp::as_microsecond),
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
            features,
        ])?;
        let request_id = record.request_id.as_deref().context("a row has no request")?;
        waiting.push((hash(request_id), connection.last_insert_rowid()));
    }
    Ok(())
}

fn append_segment(connection: &Connection, waiting: &mut Vec<(i64, i64)>) -> Result<()> {
    let mut entries: Vec<(i64, i64)> = waiting.drain(..SEGMENT).collect();
    let last = entries.last().map_or(0, |entry| entry.1);
    entries.sort_unstable();
    connection
        .prepare_cached("INSERT INTO request_segments SELECT coalesce(max(segment) + 1, 0), ?1 FROM request_segments")?
        .execute([last])?;
    let mut insert =
        connection.prepare_cached("INSERT INTO requests SELECT max(segment), ?1, ?2 FROM request_segments")?;
    for (hash, id) in entries {
        insert.execute([hash, id])?;
    }
    Ok(())
}

/// FNV-1a, 64 bits: what matters here is that it scatters as the service's does.
fn hash(request_id: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    request_id.bytes().fold(0xcbf2_9ce4_8422_2325, step).cast_signed()
}
