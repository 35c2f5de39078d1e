-- A database as version 0.2.0 made it: its schema, seven predictions, their labels and their counts.

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

ALTER TABLE predictions ADD COLUMN task TEXT; -- NULL: classification
ALTER TABLE predictions ADD COLUMN value REAL; -- what a regression says

INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000001', 'right', 0, 1796025660123456, 1796034157543743, 'm', '1', 'success', 'cat', 0.91234567890123452471, 0, NULL, NULL, NULL);
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000002', 'wrong', 0, 1796025720000000, 1796034157543743, 'm', NULL, 'success', 'cat', 0.8000000000000000444, 0, NULL, NULL, NULL);
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000003', 'revised', 0, 1796025780000000, 1796034157543743, 'm', NULL, 'success', 'dog', 0.69999999999999995559, 0, NULL, NULL, NULL);
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000004', 'twice', 0, 1796025840000000, 1796034157543743, 'm', NULL, 'success', 'dog', 0.59999999999999997779, 0, 'default', NULL, NULL);
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000005', 'twice', 0, 1796025840000000, 1796034157543743, 's', NULL, 'success', 'cat', 0.5, 0, 'shadow', NULL, NULL);
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000006', 'house', 0, 1796025900000000, 1796034157543743, 'house', NULL, 'success', NULL, NULL, 0, NULL, 'regression', 100.0);
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, version, status, label, confidence, defect, variant, task, value) VALUES (X'01a204b75bcf72109e53000000000007', 'number', 0, 1796025960000000, 1796034157543743, 'm', NULL, 'success', '1.0', 0.5500000000000000444, 0, NULL, NULL, NULL);
INSERT INTO window_counts VALUES('house','',1796025900000000,'','{"g":1,"n":1,"e":0,"c":{},"f":{},"s":[],"y":{"t":[0,11082,1],"lo":100.0,"hi":100.0},"l":{"n":1,"r":0,"c":{"":{"100.0":1}},"o":0,"b":[1],"rb":[],"s":[],"l":[0,59,1],"lm":1500000}}');
INSERT INTO window_counts VALUES('m','',1796025600000000,'','{"g":1,"n":4,"e":0,"c":{"n":{"cat":2,"dog":2}},"f":{"confidence":[0,60,1,0,9,1,0,9,1,0,10,1]},"s":[0,91,10074614],"l":{"n":4,"r":3,"c":{"cat":{"cat":1,"dog":1},"dog":{"dog":2}},"o":0,"b":[0,60,1,0,9,1,0,9,1,0,10,1],"rb":[0,60,1,0,9,1,0,20,1],"s":[0,91,10074614],"l":[0,59,3,1],"lm":6599877}}');
INSERT INTO window_counts VALUES('m','',1796025900000000,'','{"g":1,"n":1,"e":0,"c":{"n":{"1.0":1}},"f":{"confidence":[0,55,1]},"s":[],"l":{"n":1,"r":0,"c":{"1.0":{"1":1}},"o":0,"b":[0,55,1],"rb":[],"s":[],"l":[0,58,1],"lm":1440000}}');
INSERT INTO window_counts VALUES('s','',1796025600000000,'','{"g":1,"n":1,"e":0,"c":{"n":{"cat":1}},"f":{"confidence":[0,50,1]},"s":[]}');
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('right', 0, 'cat', 1796027400000001, NULL, 0, 1796034157559422, 1);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('wrong', 0, 'dog', 1796027400000001, NULL, 0, 1796034157559422, 1);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('revised', 0, 'cat', 1796027400000001, NULL, 0, 1796034157559422, 2);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('revised', 0, 'dog', 1796027400000001, NULL, 1, 1796034157559422, 1);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('twice', 0, 'dog', 1796027400000001, NULL, 0, 1796034157559422, 1);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('house', 0, '100.0', 1796027400000001, NULL, 0, 1796034157559422, 1);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('number', 0, '1', 1796027400000001, NULL, 0, 1796034157559422, 1);
INSERT INTO labels (request_id, row_index, label, labelled_at, source, revision, recorded_at, state) VALUES ('waits', 0, 'cat', 1796027400000001, NULL, 0, 1796034157559422, 0);
PRAGMA user_version = 3;
