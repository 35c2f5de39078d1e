//! The steps of the schema that are about the lake and about erasures; `schema.rs` has their order.
//!
//! Rule of thumb: a step that was released is never edited.

/// The tenth step: which days are in the lake.
pub(super) const LAKE_DAYS: &str = r#"
-- The days that have rows, and how far they are in the lake, see store/lake_books.rs.
CREATE TABLE lake_days (
    day        BIGINT PRIMARY KEY, -- days since 1970, UTC
    seen_id    BIGINT NOT NULL, -- the newest row that is known of it
    last_id    BIGINT NOT NULL, -- rows up to this one are in the lake
    dropped_id BIGINT NOT NULL DEFAULT 0, -- rows up to this one are in the lake alone
    revision   BIGINT NOT NULL, -- the manifest that counts; 0 before the first
    rows       BIGINT NOT NULL, -- in the lake
    is_cold    BIGINT NOT NULL, -- 1 where rows are to be read in the lake
    written_at BIGINT NOT NULL -- microseconds since 1970, UTC
);
CREATE TABLE lake_files (
    path        TEXT COLLATE "C" PRIMARY KEY, -- below the place of the lake
    day         BIGINT NOT NULL,
    model       TEXT COLLATE "C" NOT NULL,
    rows        BIGINT NOT NULL,
    bytes       BIGINT NOT NULL,
    sha256      TEXT COLLATE "C" NOT NULL,
    is_counting BIGINT NOT NULL -- 0 before a manifest names it, and after one that does not
);
CREATE INDEX lake_files_by_day ON lake_files (day, is_counting);
CREATE INDEX lake_files_not_counting ON lake_files (day) WHERE is_counting = 0;
-- Its one row: up to which row days are known, and which program writes the lake until when.
CREATE TABLE lake_progress (
    scanned_id BIGINT NOT NULL,
    holder     TEXT COLLATE "C" NOT NULL,
    held_until BIGINT NOT NULL -- microseconds since 1970, UTC
);
INSERT INTO lake_progress VALUES (0, '', 0);
"#;

/// The thirteenth step: which labels are there.
pub(super) const LAKE_LABELS: &str = "
-- The true labels of a day, that is those that were recorded on it, and how far they are in the lake.
ALTER TABLE lake_days ADD COLUMN label_seen_id BIGINT NOT NULL DEFAULT 0; -- the newest one that is known
ALTER TABLE lake_days ADD COLUMN label_last_id BIGINT NOT NULL DEFAULT 0; -- those up to this one are in the lake
ALTER TABLE lake_days ADD COLUMN labels BIGINT NOT NULL DEFAULT 0; -- in the lake
ALTER TABLE lake_progress ADD COLUMN label_scanned_id BIGINT NOT NULL DEFAULT 0;
";

/// The fourteenth step: what was asked to be erased.
pub(super) const ERASURES: &str = r#"
-- What was asked to be erased, and how far it is, see store/erasures.rs.
CREATE TABLE erasures (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id       TEXT COLLATE "C" NOT NULL, -- '' for any; forgotten at the end, as the tags are
    tags             TEXT COLLATE "C" NOT NULL, -- JSON object of texts
    requested_at     BIGINT NOT NULL, -- microseconds since 1970, UTC
    finished_at      BIGINT NOT NULL, -- 0 before the end
    stage            BIGINT NOT NULL, -- the values of ErasureStage
    day              BIGINT NOT NULL, -- earlier days of the lake are done, as far as the stage is about them
    predictions      BIGINT NOT NULL, -- rows that were erased in the database
    labels           BIGINT NOT NULL,
    lake_predictions BIGINT NOT NULL, -- and in the lake
    lake_labels      BIGINT NOT NULL,
    newest_at        BIGINT NOT NULL -- when the newest of the erased predictions was made
);
-- The requests and the predictions whose labels are erased; empty when no erasure is under way.
CREATE TABLE erasure_targets (
    is_event BIGINT NOT NULL, -- 1 for the id of a prediction, 32 hexadecimal digits, and 0 for that of a request
    name     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (is_event, name)
);
"#;
