//! The steps of the schema by which a log stays quick when it has grown.

/// Counts of days.
pub(super) const VERSION_15: &str = r#"
-- The counts of days beside those of five minutes, see store/counted_span.rs.
CREATE TABLE day_counts (
    model        TEXT NOT NULL,
    model_sha256 TEXT NOT NULL, -- '' where the sender gave none
    bucket       INTEGER NOT NULL, -- when the day begins, microseconds since 1970, UTC
    segment      TEXT NOT NULL, -- '' for all predictions
    counts       TEXT NOT NULL, -- JSON of analysis::WindowCounts
    used_at      INTEGER NOT NULL, -- the five minutes of its latest prediction, by number
    used         REAL NOT NULL, -- predictions, the latest of which count most; see store/recent_use.rs
    PRIMARY KEY (model, model_sha256, bucket, segment)
) STRICT;
CREATE INDEX day_counts_by_time ON day_counts (bucket);
CREATE TABLE day_parts (
    model        TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    bucket       INTEGER NOT NULL,
    segment      TEXT NOT NULL,
    counts       TEXT NOT NULL,
    used_at      INTEGER NOT NULL,
    used         REAL NOT NULL
) STRICT;
-- Each five minutes of a day are a part of it until the upkeep has merged them.
INSERT INTO day_parts
SELECT model, model_sha256, bucket - (bucket % 86400000000 + 86400000000) % 86400000000, segment, counts, bucket / 300000000, CASE WHEN json_valid(counts) THEN CAST(coalesce(counts ->> 'n', 0) AS REAL) ELSE 0.0 END
FROM (
    SELECT model, model_sha256, bucket, segment, counts FROM window_counts
    UNION ALL
    SELECT model, model_sha256, bucket, segment, counts FROM window_parts
) AS counted;
CREATE INDEX day_parts_by_bucket ON day_parts (model, model_sha256, bucket, segment);
CREATE INDEX day_parts_by_time ON day_parts (bucket);
"#;

/// Segments of requests are merged.
pub(super) const VERSION_16: &str = "
-- Segments are merged, see store/sqlite/request_merges.rs.
ALTER TABLE request_segments ADD COLUMN level INTEGER NOT NULL DEFAULT 0; -- how often its entries were merged
ALTER TABLE request_segments ADD COLUMN target INTEGER; -- the segment that it becomes part of, while that is under way
";
