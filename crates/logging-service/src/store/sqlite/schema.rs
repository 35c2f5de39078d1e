//! The database's schema, as the list of steps that led to it.
//!
//! Rule of thumb: a step that was released is never edited; a change is a new step at the end.
//! `PRAGMA user_version` says how many steps a database has taken.

use super::schema_of_counts::{VERSION_15, VERSION_16};

/// The steps, oldest first; step n leads to version n (counted from 1).
pub(super) const MIGRATIONS: &[&str] = &[
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9, VERSION_10,
    VERSION_11, VERSION_12, VERSION_13, VERSION_14, VERSION_15, VERSION_16,
];

const VERSION_1: &str = "
CREATE TABLE predictions (
    id                INTEGER PRIMARY KEY,
    -- Unique: has this record arrived before? Asked at every insert. UUIDv7 keeps inserts at the end of the index.
    event_id          BLOB NOT NULL UNIQUE CONSTRAINT event_id_is_16_bytes CHECK (length(event_id) = 16),
    request_id        TEXT NOT NULL,
    row_index         INTEGER NOT NULL,
    occurred_at       INTEGER NOT NULL, -- microseconds since 1970, UTC
    recorded_at       INTEGER NOT NULL, -- microseconds since 1970, UTC
    model             TEXT NOT NULL,
    version           TEXT,
    model_sha256      TEXT,
    status            TEXT NOT NULL CONSTRAINT status_is_known CHECK (status IN ('success', 'error')),
    error_type        TEXT,
    label             TEXT,
    class             INTEGER,
    confidence        REAL CONSTRAINT confidence_is_a_probability CHECK (confidence BETWEEN 0 AND 1),
    defect            INTEGER NOT NULL CONSTRAINT defect_is_a_flag CHECK (defect IN (0, 1)),
    top               TEXT, -- JSON array of {label, class, confidence}, best first; NULL when empty
    latency_seconds   REAL,
    decode_seconds    REAL,
    queue_seconds     REAL,
    inference_seconds REAL,
    trace_id          TEXT,
    schema_version    INTEGER,
    extra             TEXT -- JSON object of the fields that this version does not know; NULL when empty
) STRICT;

-- Which predictions belong to this request?
CREATE INDEX predictions_by_request ON predictions (request_id);
-- Which predictions are the newest, or fall into this window?
CREATE INDEX predictions_by_time ON predictions (occurred_at);
-- The same for one model; and which models are there?
CREATE INDEX predictions_by_model_and_time ON predictions (model, occurred_at);
";

const VERSION_2: &str = "
ALTER TABLE predictions ADD COLUMN variant TEXT;
ALTER TABLE predictions ADD COLUMN span_id TEXT;
ALTER TABLE predictions ADD COLUMN input_sha256 TEXT;
ALTER TABLE predictions ADD COLUMN input TEXT; -- JSON object, see prediction_record::InputSummary

-- Which predictions have this label?
CREATE INDEX predictions_by_label_and_time ON predictions (label, occurred_at);
-- Which are defects, and which failed? Few are, so these cost little.
CREATE INDEX predictions_defects ON predictions (occurred_at) WHERE defect = 1;
CREATE INDEX predictions_errors ON predictions (occurred_at) WHERE status = 'error';

-- Which predictions belong to this request? In segments, see store/sqlite/requests.rs.
DROP INDEX predictions_by_request;
CREATE TABLE request_segments (segment INTEGER PRIMARY KEY, last_id INTEGER NOT NULL) STRICT;
CREATE TABLE requests (
    segment INTEGER NOT NULL,
    hash    INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    PRIMARY KEY (segment, hash, id)
) STRICT, WITHOUT ROWID;

-- What the predictions of five minutes looked like, see store/windows.rs.
CREATE TABLE window_counts (
    model        TEXT NOT NULL,
    model_sha256 TEXT NOT NULL, -- '' where the sender gave none
    bucket       INTEGER NOT NULL, -- microseconds since 1970, UTC
    writer       TEXT NOT NULL,
    counts       TEXT NOT NULL, -- JSON of analysis::WindowCounts
    PRIMARY KEY (model, model_sha256, bucket, writer)
) STRICT;
CREATE INDEX window_counts_by_time ON window_counts (bucket);

-- The true labels, as they came; see store/labels.rs.
CREATE TABLE labels (
    id          INTEGER PRIMARY KEY,
    request_id  TEXT NOT NULL,
    row_index   INTEGER NOT NULL,
    label       TEXT NOT NULL,
    labelled_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    source      TEXT,
    revision    INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    state       INTEGER NOT NULL -- 0 waits for its prediction, 1 counted, 2 superseded, 3 given up
) STRICT;
CREATE INDEX labels_by_request ON labels (request_id, row_index);
CREATE INDEX labels_waiting ON labels (id) WHERE state = 0;
CREATE INDEX labels_by_time ON labels (recorded_at);

-- What models' predictions looked like when all was well, see store/references.rs.
CREATE TABLE reference_profiles (
    model        TEXT NOT NULL,
    model_sha256 TEXT NOT NULL, -- '' for any file of that model
    profile      TEXT NOT NULL, -- JSON of analysis::ReferenceProfile
    recorded_at  INTEGER NOT NULL,
    PRIMARY KEY (model, model_sha256)
) STRICT;

-- CloudEvents whose counterpart has not arrived, see store/events.rs.
CREATE TABLE events (
    pair_key    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    event       TEXT NOT NULL, -- JSON of cloudevents::CloudEvent
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (pair_key, kind)
) STRICT;
CREATE INDEX events_by_time ON events (recorded_at);
";

const VERSION_3: &str = "
ALTER TABLE predictions ADD COLUMN task TEXT; -- NULL: classification
ALTER TABLE predictions ADD COLUMN value REAL; -- what a regression says
";

const VERSION_4: &str = "
ALTER TABLE predictions ADD COLUMN features TEXT; -- JSON object of the declared features; NULL when empty
ALTER TABLE predictions ADD COLUMN tags TEXT; -- JSON object of texts; NULL when empty

-- What is declared about models, see store/declarations.rs.
CREATE TABLE model_declarations (
    model       TEXT NOT NULL,
    source      TEXT NOT NULL, -- 'file' from model.toml, 'person' from PUT /models/{name}, which goes before it
    declaration TEXT NOT NULL, -- JSON of prediction_record::ModelDeclaration
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (model, source)
) STRICT;
";

const VERSION_5: &str = "
-- Whom a label means: '' means any, and row -1 is the row of the prediction that has the event id.
ALTER TABLE labels ADD COLUMN event_id TEXT NOT NULL DEFAULT ''; -- 32 hexadecimal digits
ALTER TABLE labels ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE labels ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE labels ADD COLUMN variant TEXT NOT NULL DEFAULT '';
DROP INDEX labels_by_request;
-- Has this label arrived before?
CREATE INDEX labels_by_target ON labels (event_id, request_id, row_index, revision, labelled_at, label);
-- Which labels may mean this prediction?
CREATE INDEX labels_in_force ON labels (event_id, request_id, row_index) WHERE state <> 2;

-- What has been counted of each prediction's label, see store/counted_labels.rs.
CREATE TABLE counted_labels (
    event_id     BLOB PRIMARY KEY NOT NULL, -- the prediction's
    request_id   TEXT NOT NULL,
    row_index    INTEGER NOT NULL,
    model        TEXT NOT NULL,
    version      TEXT NOT NULL, -- '' where the sender gave none, like the next two
    variant      TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    occurred_at  INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    labelled_at  INTEGER NOT NULL,
    label_id     INTEGER NOT NULL,
    counted      TEXT NOT NULL, -- JSON of analysis::LabelledObservation
    recorded_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX counted_labels_by_request ON counted_labels (request_id, row_index);
CREATE INDEX counted_labels_by_model_and_time ON counted_labels (model, occurred_at);
CREATE INDEX counted_labels_by_recording ON counted_labels (recorded_at);

-- Until now a label was counted for the first prediction of its request, whatever its task; a class or a confidence that
-- was not known counted as '' and 0.
INSERT OR IGNORE INTO counted_labels
SELECT p.event_id, p.request_id, p.row_index, p.model, coalesce(p.version, ''), coalesce(p.variant, ''),
    coalesce(p.model_sha256, ''), p.occurred_at, l.revision, l.labelled_at, l.id,
    json_object(
        'l', json(printf('%!.17g', (l.labelled_at - p.occurred_at) / 1e6)),
        'class', json_object('p', coalesce(p.label, ''), 't', l.label,
            'c', json(printf('%!.17g', coalesce(p.confidence, 0.0))))
    ),
    l.recorded_at
FROM (
    SELECT l.id AS counted_label, min(p.id) AS first_prediction
    FROM predictions p CROSS JOIN labels l
    WHERE l.event_id = '' AND l.request_id = p.request_id AND l.row_index = p.row_index AND l.state = 1
        AND p.status = 'success' AND EXISTS (SELECT 1 FROM labels WHERE state = 1)
    GROUP BY l.id
) CROSS JOIN labels l CROSS JOIN predictions p
WHERE l.id = counted_label AND p.id = first_prediction;
";

const VERSION_6: &str = r#"
-- Before confidences were optional, records of KServe's events without one had 1.0 and said so.
UPDATE predictions SET confidence = NULL WHERE confidence = 1.0 AND extra LIKE '%"confidence_source":"none"%';
"#;

const VERSION_7: &str = "
-- The counts of segments beside those of all predictions, and what is not merged into them yet, see store/buckets.rs.
CREATE TABLE window_sums (
    model        TEXT NOT NULL,
    model_sha256 TEXT NOT NULL, -- '' where the sender gave none
    bucket       INTEGER NOT NULL, -- microseconds since 1970, UTC
    segment      TEXT NOT NULL, -- '' for all predictions, else a tag and its value: region=eu
    writer       TEXT NOT NULL, -- '' since version 7
    counts       TEXT NOT NULL, -- JSON of analysis::WindowCounts
    PRIMARY KEY (model, model_sha256, bucket, segment, writer)
) STRICT;
INSERT INTO window_sums SELECT model, model_sha256, bucket, '', writer, counts FROM window_counts;
DROP TABLE window_counts;
ALTER TABLE window_sums RENAME TO window_counts;
CREATE INDEX window_counts_by_time ON window_counts (bucket);
CREATE TABLE window_parts (
    model        TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    bucket       INTEGER NOT NULL,
    segment      TEXT NOT NULL,
    counts       TEXT NOT NULL
) STRICT;
CREATE INDEX window_parts_by_bucket ON window_parts (model, model_sha256, bucket, segment);
CREATE INDEX window_parts_by_time ON window_parts (bucket);
ALTER TABLE counted_labels ADD COLUMN segments TEXT NOT NULL DEFAULT '[]'; -- JSON array of the segments it is counted in
";

const VERSION_8: &str = r#"
-- The segments in which a prediction is counted, and so its label is; NULL when there are none.
ALTER TABLE predictions ADD COLUMN counted_in TEXT; -- JSON array such as ["region=eu"]
"#;

const VERSION_9: &str = "
-- Which labels count for none of their predictions? The states are those of store/stored_label.rs.
CREATE INDEX labels_uncounted ON labels (state) WHERE state > 3;
";

const VERSION_10: &str = "
-- The days that have rows, and how far they are in the lake, see store/lake_books.rs.
CREATE TABLE lake_days (
    day        INTEGER PRIMARY KEY, -- days since 1970, UTC
    seen_id    INTEGER NOT NULL, -- the newest row that is known of it
    last_id    INTEGER NOT NULL, -- rows up to this one are in the lake
    dropped_id INTEGER NOT NULL DEFAULT 0, -- rows up to this one are in the lake alone
    revision   INTEGER NOT NULL, -- the manifest that counts; 0 before the first
    rows       INTEGER NOT NULL, -- in the lake
    is_cold    INTEGER NOT NULL, -- 1 where rows are to be read in the lake
    written_at INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;
CREATE TABLE lake_files (
    path        TEXT PRIMARY KEY NOT NULL, -- below the place of the lake
    day         INTEGER NOT NULL,
    model       TEXT NOT NULL,
    rows        INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    is_counting INTEGER NOT NULL -- 0 before a manifest names it, and after one that does not
) STRICT;
CREATE INDEX lake_files_by_day ON lake_files (day, is_counting);
CREATE INDEX lake_files_not_counting ON lake_files (day) WHERE is_counting = 0;
-- Its one row: up to which row days are known, and which program writes the lake until when.
CREATE TABLE lake_progress (
    scanned_id INTEGER NOT NULL,
    holder     TEXT NOT NULL,
    held_until INTEGER NOT NULL -- microseconds since 1970, UTC
) STRICT;
INSERT INTO lake_progress VALUES (0, '', 0);
";

const VERSION_11: &str = "
ALTER TABLE predictions ADD COLUMN items INTEGER; -- of a refused request, which is one row; NULL: 1
";

const VERSION_12: &str = "
-- The sums that GET /stats answers from, see store/window_stats.rs.
CREATE TABLE window_stats (
    length         INTEGER NOT NULL, -- microseconds: five minutes, or a day
    begins         INTEGER NOT NULL, -- microseconds since 1970, UTC
    model          TEXT NOT NULL,
    failed         INTEGER NOT NULL,
    label          TEXT NOT NULL, -- '' where there is none, like the next
    error_type     TEXT NOT NULL,
    writer         TEXT NOT NULL, -- the program that adds to it
    predictions    INTEGER NOT NULL,
    defects        INTEGER NOT NULL,
    confidences    INTEGER NOT NULL,
    confidence_sum REAL NOT NULL,
    latencies      INTEGER NOT NULL,
    latency_sum    REAL NOT NULL,
    latency_max    REAL NOT NULL, -- -1 where none has a latency
    first_at       INTEGER NOT NULL,
    last_at        INTEGER NOT NULL,
    PRIMARY KEY (length, begins, model, failed, label, error_type, writer)
) STRICT, WITHOUT ROWID;
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
";

const VERSION_13: &str = "
-- The true labels of a day, that is those that were recorded on it, and how far they are in the lake.
ALTER TABLE lake_days ADD COLUMN label_seen_id INTEGER NOT NULL DEFAULT 0; -- the newest one that is known
ALTER TABLE lake_days ADD COLUMN label_last_id INTEGER NOT NULL DEFAULT 0; -- those up to this one are in the lake
ALTER TABLE lake_days ADD COLUMN labels INTEGER NOT NULL DEFAULT 0; -- in the lake
ALTER TABLE lake_progress ADD COLUMN label_scanned_id INTEGER NOT NULL DEFAULT 0;
";

const VERSION_14: &str = "
-- What was asked to be erased, and how far it is, see store/erasures.rs.
CREATE TABLE erasures (
    id               INTEGER PRIMARY KEY,
    request_id       TEXT NOT NULL, -- '' for any; forgotten at the end, as the tags are
    tags             TEXT NOT NULL, -- JSON object of texts
    requested_at     INTEGER NOT NULL, -- microseconds since 1970, UTC
    finished_at      INTEGER NOT NULL, -- 0 before the end
    stage            INTEGER NOT NULL, -- the values of ErasureStage
    day              INTEGER NOT NULL, -- earlier days of the lake are done, as far as the stage is about them
    predictions      INTEGER NOT NULL, -- rows that were erased in the database
    labels           INTEGER NOT NULL,
    lake_predictions INTEGER NOT NULL, -- and in the lake
    lake_labels      INTEGER NOT NULL,
    newest_at        INTEGER NOT NULL -- when the newest of the erased predictions was made
) STRICT;
-- The requests and the predictions whose labels are erased; empty when no erasure is under way.
CREATE TABLE erasure_targets (
    is_event INTEGER NOT NULL, -- 1 for the id of a prediction, 32 hexadecimal digits, and 0 for that of a request
    name     TEXT NOT NULL,
    PRIMARY KEY (is_event, name)
) STRICT;
";
