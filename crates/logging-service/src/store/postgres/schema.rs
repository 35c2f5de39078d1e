//! The database's schema, as the list of steps that led to it.
//!
//! Rule of thumb: a step that was released is never edited; a change is a new step at the end. The table
//! `glasshouse_schema` says how many steps a database has taken; the count is PostgreSQL's own, not SQLite's.

use super::super::error::DatabaseError;
use super::super::session::{SqlSession as _, first};
use super::super::value::RowColumns;
use super::advisory_lock::AdvisoryLock;
use super::connection::ServerConnection;

/// The steps, oldest first; step n leads to version n (counted from 1).
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

/// Columns and meanings are the same as in SQLite, so that one SQL asks both. Text is compared byte by byte, as in SQLite.
/// Indexes end in the id, by which lists are continued.
const VERSION_1: &str = r#"
CREATE TABLE predictions (
    id                BIGINT GENERATED ALWAYS AS IDENTITY,
    -- Has this record arrived before? Asked at every insert. UUIDv7 begin with the time, so a range of them is a range
    -- of time, and the key is unique over all partitions; beside a time of the sender's it would be in each alone.
    event_id          UUID PRIMARY KEY,
    request_id        TEXT COLLATE "C" NOT NULL,
    row_index         BIGINT NOT NULL,
    occurred_at       BIGINT NOT NULL, -- microseconds since 1970, UTC
    recorded_at       BIGINT NOT NULL, -- microseconds since 1970, UTC
    model             TEXT COLLATE "C" NOT NULL,
    version           TEXT COLLATE "C",
    model_sha256      TEXT COLLATE "C",
    variant           TEXT COLLATE "C",
    status            TEXT COLLATE "C" NOT NULL CONSTRAINT status_is_known CHECK (status IN ('success', 'error')),
    error_type        TEXT COLLATE "C",
    label             TEXT COLLATE "C",
    class             BIGINT,
    confidence        DOUBLE PRECISION CONSTRAINT confidence_is_a_probability CHECK (confidence BETWEEN 0 AND 1),
    defect            BIGINT NOT NULL CONSTRAINT defect_is_a_flag CHECK (defect IN (0, 1)),
    top               TEXT, -- JSON array of {label, class, confidence}, best first; NULL when empty
    latency_seconds   DOUBLE PRECISION,
    decode_seconds    DOUBLE PRECISION,
    queue_seconds     DOUBLE PRECISION,
    inference_seconds DOUBLE PRECISION,
    trace_id          TEXT COLLATE "C",
    span_id           TEXT COLLATE "C",
    input_sha256      TEXT COLLATE "C",
    input             TEXT, -- JSON object, see prediction_record::InputSummary
    schema_version    BIGINT,
    extra             TEXT -- JSON object of the fields that this version does not know; NULL when empty
) PARTITION BY RANGE (event_id);
-- For ids that are no UUIDv7 of a day that has a partition, see store/postgres/partitions.rs.
CREATE TABLE predictions_default PARTITION OF predictions DEFAULT;

CREATE INDEX predictions_by_id ON predictions (id);
-- Which predictions belong to this request?
CREATE INDEX predictions_by_request ON predictions (request_id);
-- Which predictions are the newest, or fall into this window?
CREATE INDEX predictions_by_time ON predictions (occurred_at, id);
-- The same for one model; and which models are there?
CREATE INDEX predictions_by_model_and_time ON predictions (model, occurred_at, id);
-- Which predictions have this label?
CREATE INDEX predictions_by_label_and_time ON predictions (label, occurred_at, id);
-- Which are defects, and which failed? Few are, so these cost little.
CREATE INDEX predictions_defects ON predictions (occurred_at, id) WHERE defect = 1;
CREATE INDEX predictions_errors ON predictions (occurred_at, id) WHERE status = 'error';

-- For people.
CREATE VIEW predictions_readable AS
SELECT id, event_id, request_id, row_index, to_timestamp(occurred_at / 1e6) AS occurred_at,
    to_timestamp(recorded_at / 1e6) AS recorded_at, model, version, model_sha256, variant, status, error_type, label,
    class, confidence, defect = 1 AS defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds,
    trace_id, span_id, input_sha256, input, schema_version, extra
FROM predictions;

-- What the predictions of five minutes looked like, see store/windows.rs.
CREATE TABLE window_counts (
    model        TEXT COLLATE "C" NOT NULL,
    model_sha256 TEXT COLLATE "C" NOT NULL, -- '' where the sender gave none
    bucket       BIGINT NOT NULL, -- microseconds since 1970, UTC
    writer       TEXT COLLATE "C" NOT NULL,
    counts       TEXT NOT NULL, -- JSON of analysis::WindowCounts
    PRIMARY KEY (model, model_sha256, bucket, writer)
);
CREATE INDEX window_counts_by_time ON window_counts (bucket);

-- The true labels, as they came; see store/labels.rs.
CREATE TABLE labels (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  TEXT COLLATE "C" NOT NULL,
    row_index   BIGINT NOT NULL,
    label       TEXT COLLATE "C" NOT NULL,
    labelled_at BIGINT NOT NULL, -- microseconds since 1970, UTC
    source      TEXT COLLATE "C",
    revision    BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    state       BIGINT NOT NULL -- 0 waits for its prediction, 1 counted, 2 superseded, 3 given up
);
CREATE INDEX labels_by_request ON labels (request_id, row_index);
CREATE INDEX labels_waiting ON labels (id) WHERE state = 0;
CREATE INDEX labels_by_time ON labels (recorded_at);

-- What models' predictions looked like when all was well, see store/references.rs.
CREATE TABLE reference_profiles (
    model        TEXT COLLATE "C" NOT NULL,
    model_sha256 TEXT COLLATE "C" NOT NULL, -- '' for any file of that model
    profile      TEXT NOT NULL, -- JSON of analysis::ReferenceProfile
    recorded_at  BIGINT NOT NULL,
    PRIMARY KEY (model, model_sha256)
);

-- CloudEvents whose counterpart has not arrived, see store/events.rs.
CREATE TABLE events (
    pair_key    TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    event       TEXT NOT NULL, -- JSON of cloudevents::CloudEvent
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (pair_key, kind)
);
CREATE INDEX events_by_time ON events (recorded_at);
"#;

const VERSION_2: &str = r#"
ALTER TABLE predictions ADD COLUMN task TEXT COLLATE "C"; -- NULL: classification
ALTER TABLE predictions ADD COLUMN value DOUBLE PRECISION; -- what a regression says

CREATE OR REPLACE VIEW predictions_readable AS
SELECT id, event_id, request_id, row_index, to_timestamp(occurred_at / 1e6) AS occurred_at,
    to_timestamp(recorded_at / 1e6) AS recorded_at, model, version, model_sha256, variant, status, error_type, label,
    class, confidence, defect = 1 AS defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds,
    trace_id, span_id, input_sha256, input, schema_version, extra, coalesce(task, 'classification') AS task, value
FROM predictions;
"#;

const VERSION_3: &str = r#"
ALTER TABLE predictions ADD COLUMN features TEXT; -- JSON object of the declared features; NULL when empty
ALTER TABLE predictions ADD COLUMN tags TEXT; -- JSON object of texts; NULL when empty

CREATE OR REPLACE VIEW predictions_readable AS
SELECT id, event_id, request_id, row_index, to_timestamp(occurred_at / 1e6) AS occurred_at,
    to_timestamp(recorded_at / 1e6) AS recorded_at, model, version, model_sha256, variant, status, error_type, label,
    class, confidence, defect = 1 AS defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds,
    trace_id, span_id, input_sha256, input, schema_version, extra, coalesce(task, 'classification') AS task, value,
    features::jsonb AS features, tags::jsonb AS tags
FROM predictions;

-- What is declared about models, see store/declarations.rs.
CREATE TABLE model_declarations (
    model       TEXT COLLATE "C" NOT NULL,
    source      TEXT COLLATE "C" NOT NULL, -- 'file' from model.toml, 'person' from PUT /models/{name}, which goes before it
    declaration TEXT NOT NULL, -- JSON of prediction_record::ModelDeclaration
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (model, source)
);
"#;

/// Takes the steps that the database has not taken yet, each in its own transaction, and proves with a durable write
/// that it can be written.
///
/// # Errors
/// [`DatabaseError::NewerSchema`] where the database has taken more steps than this program knows;
/// [`DatabaseError::Failed`] where a step fails, which leaves the database at the step before.
pub(super) fn migrate(connection: &mut ServerConnection) -> Result<(), DatabaseError> {
    // Text of any language must fit, or the database would refuse records for their labels.
    let encoding = "SELECT current_setting('server_encoding')";
    let encoding = first(connection, encoding, &[], RowColumns::text)?.unwrap_or_default();
    if encoding != "UTF8" {
        return Err(DatabaseError::Failed(format!("the database's encoding is {encoding}, and UTF8 is needed")));
    }
    loop {
        let taken = connection.transaction(|connection| {
            // Programs that start at once wait for each other, and do not repeat a step.
            AdvisoryLock::Schema.take(connection)?;
            step(connection)
        })?;
        match taken {
            Some(version) => tracing::info!(schema_version = version, "database_migrated"),
            None => return Ok(()),
        }
    }
}

/// Takes the next step, if there is one, and says which.
fn step(connection: &mut ServerConnection) -> Result<Option<u32>, DatabaseError> {
    // Checked first, because `IF NOT EXISTS` needs the right to create even where there is nothing to create.
    if connection.integer("SELECT to_regclass('glasshouse_schema') IS NULL", &[])? == 1 {
        connection.batch(
            "CREATE TABLE glasshouse_schema (version BIGINT NOT NULL); INSERT INTO glasshouse_schema VALUES (0)",
        )?;
    }
    let version = connection.integer("SELECT version FROM glasshouse_schema", &[])?;
    let (found, known) = (u32::try_from(version).unwrap_or(u32::MAX), MIGRATIONS.len() as u32);
    if found > known {
        return Err(DatabaseError::NewerSchema { found, known });
    }
    let step = MIGRATIONS.get(found as usize);
    if let Some(step) = step {
        connection.batch(step)?;
    }
    let next = found + u32::from(step.is_some());
    connection.execute("UPDATE glasshouse_schema SET version = $1", &[next.into()])?;
    Ok(step.map(|_| next))
}
