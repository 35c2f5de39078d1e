//! The database's schema, as the list of steps that led to it.
//!
//! Rule of thumb: a step that was released is never edited; a change is a new step at the end. The table
//! `glasshouse_schema` says how many steps a database has taken; the count is PostgreSQL's own, not SQLite's.

use super::lake_schema::{ERASURES, LAKE_DAYS, LAKE_LABELS};
use super::schema_of_sums::DAY_COUNTS;

/// The steps, oldest first; step n leads to version n (counted from 1).
pub(super) const MIGRATIONS: &[&str] = &[
    VERSION_1,
    VERSION_2,
    VERSION_3,
    VERSION_4,
    VERSION_5,
    VERSION_6,
    VERSION_7,
    VERSION_8,
    VERSION_9,
    LAKE_DAYS,
    VERSION_11,
    VERSION_12,
    LAKE_LABELS,
    ERASURES,
    DAY_COUNTS,
];

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

const VERSION_4: &str = r#"
-- Whom a label means: '' means any, and row -1 is the row of the prediction that has the event id.
ALTER TABLE labels ADD COLUMN event_id TEXT COLLATE "C" NOT NULL DEFAULT ''; -- 32 hexadecimal digits
ALTER TABLE labels ADD COLUMN model TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE labels ADD COLUMN version TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE labels ADD COLUMN variant TEXT COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX labels_by_request;
-- Has this label arrived before?
CREATE INDEX labels_by_target ON labels (event_id, request_id, row_index, revision, labelled_at, label);
-- Which labels may mean this prediction?
CREATE INDEX labels_in_force ON labels (event_id, request_id, row_index) WHERE state <> 2;

-- What has been counted of each prediction's label, see store/counted_labels.rs.
CREATE TABLE counted_labels (
    event_id     UUID PRIMARY KEY, -- the prediction's
    request_id   TEXT COLLATE "C" NOT NULL,
    row_index    BIGINT NOT NULL,
    model        TEXT COLLATE "C" NOT NULL,
    version      TEXT COLLATE "C" NOT NULL, -- '' where the sender gave none, like the next two
    variant      TEXT COLLATE "C" NOT NULL,
    model_sha256 TEXT COLLATE "C" NOT NULL,
    occurred_at  BIGINT NOT NULL,
    revision     BIGINT NOT NULL,
    labelled_at  BIGINT NOT NULL,
    label_id     BIGINT NOT NULL,
    counted      TEXT NOT NULL, -- JSON of analysis::LabelledObservation
    recorded_at  BIGINT NOT NULL
);
CREATE INDEX counted_labels_by_request ON counted_labels (request_id, row_index);
CREATE INDEX counted_labels_by_model_and_time ON counted_labels (model, occurred_at);
CREATE INDEX counted_labels_by_recording ON counted_labels (recorded_at);

-- Until now a label was counted for the first prediction of its request, whatever its task; a class or a confidence that
-- was not known counted as '' and 0.
INSERT INTO counted_labels
SELECT p.event_id, p.request_id, p.row_index, p.model, coalesce(p.version, ''), coalesce(p.variant, ''),
    coalesce(p.model_sha256, ''), p.occurred_at, l.revision, l.labelled_at, l.id,
    json_build_object(
        'l', (l.labelled_at - p.occurred_at)::float8 / 1e6::float8,
        'class', json_build_object('p', coalesce(p.label, ''), 't', l.label,
            'c', coalesce(p.confidence, 0.0::float8))
    )::text,
    l.recorded_at
FROM (
    SELECT l.id AS counted_label, min(p.id) AS first_prediction
    FROM predictions p JOIN labels l ON l.request_id = p.request_id AND l.row_index = p.row_index
    WHERE l.state = 1 AND p.status = 'success'
    GROUP BY l.id
) first_ones JOIN labels l ON l.id = counted_label JOIN predictions p ON p.id = first_prediction
ON CONFLICT DO NOTHING;
"#;

const VERSION_5: &str = r#"
-- Before confidences were optional, records of KServe's events without one had 1.0 and said so.
UPDATE predictions SET confidence = NULL WHERE confidence = 1.0 AND extra LIKE '%"confidence_source":"none"%';
"#;

const VERSION_6: &str = r#"
-- The counts of segments beside those of all predictions, and what is not merged into them yet, see store/buckets.rs.
ALTER TABLE window_counts ADD COLUMN segment TEXT COLLATE "C" NOT NULL DEFAULT ''; -- a tag and its value: region=eu
ALTER TABLE window_counts DROP CONSTRAINT window_counts_pkey;
ALTER TABLE window_counts ADD PRIMARY KEY (model, model_sha256, bucket, segment, writer);
CREATE TABLE window_parts (
    model        TEXT COLLATE "C" NOT NULL,
    model_sha256 TEXT COLLATE "C" NOT NULL,
    bucket       BIGINT NOT NULL,
    segment      TEXT COLLATE "C" NOT NULL,
    counts       TEXT NOT NULL
);
CREATE INDEX window_parts_by_bucket ON window_parts (model, model_sha256, bucket, segment);
CREATE INDEX window_parts_by_time ON window_parts (bucket);
ALTER TABLE counted_labels ADD COLUMN segments TEXT NOT NULL DEFAULT '[]'; -- JSON array of the segments it is counted in
"#;

const VERSION_7: &str = r#"
-- The segments in which a prediction is counted, and so its label is; NULL when there are none.
ALTER TABLE predictions ADD COLUMN counted_in TEXT; -- JSON array such as ["region=eu"]
"#;

const VERSION_8: &str = r#"
-- Which labels count for none of their predictions? The states are those of store/stored_label.rs.
CREATE INDEX labels_uncounted ON labels (state) WHERE state > 3;
"#;

/// Until now each day had a partition, which stays until its rows go.
const VERSION_9: &str = r#"
-- Which ids and times the rows of each partition have, so that a question about a range of time asks few of them; see
-- store/postgres/partitions.
CREATE TABLE prediction_partitions (
    name     TEXT COLLATE "C" PRIMARY KEY,
    from_ms  BIGINT, -- the time with which its ids begin, milliseconds since 1970; NULL for the default partition
    until_ms BIGINT,
    since    BIGINT NOT NULL, -- no row has an earlier occurred_at, microseconds since 1970
    until    BIGINT NOT NULL -- nor this one or a later one
);
DO $$
DECLARE
    part     TEXT;
    from_ms  BIGINT;
    earliest BIGINT;
    latest   BIGINT;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass('predictions') AND c.relname ~ '^predictions_(p[0-9]{8}|default)$'
    LOOP
        from_ms := 1000 * CAST(extract(epoch FROM to_date(substring(part FROM '_p([0-9]{8})$'), 'YYYYMMDD')) AS BIGINT);
        -- An index knows both ends.
        EXECUTE format('SELECT min(occurred_at), max(occurred_at) FROM %I', part) INTO earliest, latest;
        INSERT INTO prediction_partitions VALUES (part, from_ms, from_ms + 86400000,
            coalesce(least(earliest, from_ms * 1000 - 3600000000), 9223372036854775807),
            coalesce(greatest(latest + 1, (from_ms + 86400000) * 1000 + 3600000000), -9223372036854775808));
    END LOOP;
    -- Random ids lie outside of all times. Apart from the default partition, which is read whenever a week gets its own.
    IF NOT EXISTS (SELECT 1 FROM predictions_default WHERE event_id >= '03000000-0000-0000-0000-000000000000') THEN
        CREATE TABLE predictions_random PARTITION OF predictions
            FOR VALUES FROM ('03000000-0000-0000-0000-000000000000') TO (MAXVALUE);
        INSERT INTO prediction_partitions
            VALUES ('predictions_random', 3298534883328, 281474976710656, 9223372036854775807, -9223372036854775808);
    END IF;
END $$;
"#;

const VERSION_11: &str = r#"
ALTER TABLE predictions ADD COLUMN items BIGINT; -- of a refused request, which is one row; NULL: 1

CREATE OR REPLACE VIEW predictions_readable AS
SELECT id, event_id, request_id, row_index, to_timestamp(occurred_at / 1e6) AS occurred_at,
    to_timestamp(recorded_at / 1e6) AS recorded_at, model, version, model_sha256, variant, status, error_type, label,
    class, confidence, defect = 1 AS defect, top, latency_seconds, decode_seconds, queue_seconds, inference_seconds,
    trace_id, span_id, input_sha256, input, schema_version, extra, coalesce(task, 'classification') AS task, value,
    features::jsonb AS features, tags::jsonb AS tags, coalesce(items, 1) AS items
FROM predictions;
"#;

const VERSION_12: &str = r#"
-- The sums that GET /stats answers from, see store/window_stats.rs.
CREATE TABLE window_stats (
    length         BIGINT NOT NULL, -- microseconds: five minutes, or a day
    begins         BIGINT NOT NULL, -- microseconds since 1970, UTC
    model          TEXT COLLATE "C" NOT NULL,
    failed         BIGINT NOT NULL,
    label          TEXT COLLATE "C" NOT NULL, -- '' where there is none, like the next
    error_type     TEXT COLLATE "C" NOT NULL,
    writer         TEXT COLLATE "C" NOT NULL, -- the program that adds to it
    predictions    BIGINT NOT NULL,
    defects        BIGINT NOT NULL,
    confidences    BIGINT NOT NULL,
    confidence_sum DOUBLE PRECISION NOT NULL,
    latencies      BIGINT NOT NULL,
    latency_sum    DOUBLE PRECISION NOT NULL,
    latency_max    DOUBLE PRECISION NOT NULL, -- -1 where none has a latency
    first_at       BIGINT NOT NULL,
    last_at        BIGINT NOT NULL,
    PRIMARY KEY (length, begins, model, failed, label, error_type, writer)
);
INSERT INTO window_stats
SELECT 300000000, occurred_at - (occurred_at % 300000000 + 300000000) % 300000000, model,
    CASE WHEN status = 'error' THEN 1 ELSE 0 END, coalesce(label, ''), coalesce(error_type, ''), '', sum(coalesce(items, 1)), sum(defect),
    count(confidence), coalesce(sum(confidence), 0), count(latency_seconds), coalesce(sum(latency_seconds), 0),
    coalesce(max(latency_seconds), -1), min(occurred_at), max(occurred_at)
FROM predictions GROUP BY 2, 3, 4, 5, 6;
INSERT INTO window_stats
SELECT 86400000000, begins - (begins % 86400000000 + 86400000000) % 86400000000, model, failed, label, error_type, writer,
    sum(predictions), sum(defects), sum(confidences), sum(confidence_sum), sum(latencies), sum(latency_sum), max(latency_max),
    min(first_at), max(last_at)
FROM window_stats GROUP BY 2, 3, 4, 5, 6, 7;
"#;
