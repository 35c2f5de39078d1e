//! The counts of predictions and labels, kept beside the rows: a bucket counts five minutes, a window sums buckets.
//!
//! Counts are written in the transaction of the rows that they count, so they are never ahead or behind. They stay when
//! retention deletes the rows.
//!
//! Rule of thumb: counts only ever add up. Each program that writes to the database has counts of its own (`writer`), so
//! none waits for another.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prediction_record::{PredictionRecord, Status};

use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::row;
use super::session::{SqlSession, first};
use super::time::{TimeRange, floor_microseconds, from_microseconds};
use super::value::RowColumns;
use crate::analysis::{InputFeatures, Observation, WindowCounts};

/// Microseconds of a bucket.
pub(crate) const BUCKET: i64 = 300_000_000;

/// The model whose predictions a bucket counts, and when the bucket begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BucketKey {
    /// Name of the model.
    pub(super) model: String,
    /// SHA-256 of the model's file; empty where the sender gave none.
    pub(super) sha256: String,
    /// When the bucket begins, in microseconds since 1970.
    pub(super) bucket: i64,
}

impl BucketKey {
    /// The bucket of a prediction at `time`, in microseconds since 1970.
    pub(super) fn new(model: &str, sha256: Option<&str>, time: i64) -> Self {
        let bucket = time.div_euclid(BUCKET).saturating_mul(BUCKET);
        Self { model: model.to_owned(), sha256: sha256.unwrap_or_default().to_owned(), bucket }
    }
}

/// What a transaction adds to the counts.
#[derive(Debug, Default)]
pub(super) struct BucketCounts(BTreeMap<BucketKey, WindowCounts>);

impl BucketCounts {
    /// Counts records.
    pub(super) fn observe<'r>(&mut self, records: impl Iterator<Item = &'r PredictionRecord>) {
        let mut records = records.peekable();
        while let Some(first) = records.next() {
            let time = |record: &PredictionRecord| record.occurred_at.map_or(0, floor_microseconds);
            let key = BucketKey::new(&first.model, first.model_sha256.as_deref(), time(first));
            let bucket = key.bucket..=key.bucket.saturating_add(BUCKET - 1);
            let counts = self.counts(key);
            counts.observe(&observation(first));
            // Most records come in runs of one bucket, and finding the bucket takes as long as counting.
            let goes_on = |next: &&PredictionRecord| {
                next.model == first.model && next.model_sha256 == first.model_sha256 && bucket.contains(&time(next))
            };
            while let Some(next) = records.next_if(goes_on) {
                counts.observe(&observation(next));
            }
        }
    }

    /// Adds all counts of another.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, counts) in other.0 {
            self.counts(key).merge(&counts);
        }
    }

    /// The counts that are to be added to a bucket.
    pub(super) fn counts(&mut self, key: BucketKey) -> &mut WindowCounts {
        self.0.entry(key).or_default()
    }

    /// Adds the counts to those in the database.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn save(&mut self, transaction: &mut dyn WriteTransaction) -> Result<(), DatabaseError> {
        let writer = transaction.writer().to_owned();
        for (key, counts) in &mut self.0 {
            let place =
                [key.model.as_str().into(), key.sha256.as_str().into(), key.bucket.into(), writer.as_str().into()];
            let found = first(transaction, SELECT, &place, RowColumns::text)?;
            if let Some(found) = found {
                counts.merge(&readable(&found));
            }
            let [model, sha256, bucket, writer] = place;
            transaction.execute(UPSERT, &[model, sha256, bucket, writer, counts.to_json().into()])?;
        }
        Ok(())
    }
}

const SELECT: &str =
    "SELECT counts FROM window_counts WHERE model = $1 AND model_sha256 = $2 AND bucket = $3 AND writer = $4";
const UPSERT: &str = "
INSERT INTO window_counts (model, model_sha256, bucket, writer, counts) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (model, model_sha256, bucket, writer) DO UPDATE SET counts = excluded.counts";

/// The counts of a model's file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelWindow {
    /// Name of the model.
    pub(crate) model: String,
    /// SHA-256 of its file; empty where the senders gave none.
    pub(crate) model_sha256: String,
    /// When its latest bucket begins.
    pub(crate) latest: Timestamp,
    /// The sum of its buckets.
    pub(crate) counts: WindowCounts,
}

/// The sums of the buckets that begin in the range, by model and file; where `model` is given, of that model only.
///
/// # Errors
/// The database's.
pub(crate) fn sums(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
) -> Result<Vec<ModelWindow>, DatabaseError> {
    let mut sql =
        "SELECT model, model_sha256, bucket, counts FROM window_counts WHERE bucket >= $1 AND bucket < $2".to_owned();
    let mut values = vec![range.since.into(), range.until.into()];
    if let Some(model) = model {
        sql.push_str(" AND model = $3");
        values.push(model.into());
    }
    let mut windows = BTreeMap::<(String, String), ModelWindow>::new();
    session.query(&sql, &values, &mut |mut columns| {
        let window =
            windows.entry((columns.text()?, columns.text()?)).or_insert_with_key(|(model, sha256)| ModelWindow {
                model: model.clone(),
                model_sha256: sha256.clone(),
                latest: Timestamp::MIN,
                counts: WindowCounts::default(),
            });
        window.latest = window.latest.max(from_microseconds(columns.integer()?));
        window.counts.merge(&readable(&columns.text()?));
        Ok(())
    })?;
    Ok(windows.into_values().collect())
}

/// Counts the rows of a range anew, for one file of a model: what its buckets must add up to.
///
/// # Errors
/// The database's.
pub(crate) fn recount(
    session: &mut dyn SqlSession,
    model: &str,
    sha256: &str,
    range: TimeRange,
) -> Result<WindowCounts, DatabaseError> {
    let sql = format!(
        "SELECT {} FROM predictions WHERE model = $1 AND coalesce(model_sha256, '') = $2 AND occurred_at >= $3 AND occurred_at < $4",
        row::COLUMNS
    );
    let mut counts = WindowCounts::default();
    let values = [model.into(), sha256.into(), range.since.into(), range.until.into()];
    session.query(&sql, &values, &mut |mut columns| {
        counts.observe(&observation(&row::read(&mut columns)?.prediction.record));
        Ok(())
    })?;
    Ok(counts)
}

/// Reads counts. Where they cannot be read, the windows lose them and the rows stay; each reader logs it again.
fn readable(json: &str) -> WindowCounts {
    WindowCounts::from_json(json).unwrap_or_else(|problem| {
        tracing::error!(%problem, "window_counts_unreadable");
        WindowCounts::default()
    })
}

/// What the counts need of a record.
fn observation(record: &PredictionRecord) -> Observation<'_> {
    Observation {
        failed: record.status == Status::Error,
        label: record.label.as_deref(),
        // Before confidences were optional, a sender that knew none had to write one all the same.
        confidence: record.confidence.filter(|_| record.extra.get("confidence_source") != Some(&"none".into())),
        input: record.input.as_ref().map(|input| InputFeatures {
            brightness: input.brightness,
            contrast: input.contrast,
            sharpness: input.sharpness,
            mean: &input.mean,
            std: &input.std,
            width: input.width,
            height: input.height,
        }),
        value: record.value,
        features: Some(&record.features),
        counted_features: Some(&record.counted_features),
    }
}
