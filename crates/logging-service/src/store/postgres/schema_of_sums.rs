//! The step of the schema that keeps the counts of days.

/// Counts of days.
pub(super) const DAY_COUNTS: &str = r#"
-- The counts of days beside those of five minutes, see store/counted_span.rs.
CREATE TABLE day_counts (
    model        TEXT COLLATE "C" NOT NULL,
    model_sha256 TEXT COLLATE "C" NOT NULL, -- '' where the sender gave none
    bucket       BIGINT NOT NULL, -- when the day begins, microseconds since 1970, UTC
    segment      TEXT COLLATE "C" NOT NULL, -- '' for all predictions
    counts       TEXT NOT NULL, -- JSON of analysis::WindowCounts
    used_at      BIGINT NOT NULL, -- the five minutes of its latest prediction, by number
    used         DOUBLE PRECISION NOT NULL, -- predictions, the latest of which count most; see store/recent_use.rs
    PRIMARY KEY (model, model_sha256, bucket, segment)
);
CREATE INDEX day_counts_by_time ON day_counts (bucket);
CREATE TABLE day_parts (
    model        TEXT COLLATE "C" NOT NULL,
    model_sha256 TEXT COLLATE "C" NOT NULL,
    bucket       BIGINT NOT NULL,
    segment      TEXT COLLATE "C" NOT NULL,
    counts       TEXT NOT NULL,
    used_at      BIGINT NOT NULL,
    used         DOUBLE PRECISION NOT NULL
);
-- Each five minutes of a day are a part of it until the upkeep has merged them.
INSERT INTO day_parts
SELECT model, model_sha256, bucket - (bucket % 86400000000 + 86400000000) % 86400000000, segment, counts, bucket / 300000000, CAST(coalesce(substring(counts FROM '"n":([0-9]+)'), '0') AS DOUBLE PRECISION)
FROM (
    SELECT model, model_sha256, bucket, segment, counts FROM window_counts
    UNION ALL
    SELECT model, model_sha256, bucket, segment, counts FROM window_parts
) AS counted;
CREATE INDEX day_parts_by_bucket ON day_parts (model, model_sha256, bucket, segment);
CREATE INDEX day_parts_by_time ON day_parts (bucket);
"#;
