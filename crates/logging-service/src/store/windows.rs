//! The counts of predictions and labels, five minutes at a time, kept beside the rows.
//!
//! They are written in the transaction of the rows that they count, so they are never ahead or behind, and they stay
//! when retention deletes the rows. A window is a sum of buckets.
//!
//! Rule of thumb: counts only ever add up, so whoever else writes to the database has rows of its own (`writer`), and
//! nobody waits for anybody.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prediction_record::{PredictionRecord, Status};

use super::engine::Transaction;
use super::row::floor_microseconds;
use super::session::{Columns, DatabaseError, Session, first};
use crate::analysis::{InputFeatures, Observation, WindowCounts};

/// Microseconds of a bucket.
pub(crate) const BUCKET: i64 = 300_000_000;

/// Whose predictions a bucket counts, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Name of the model.
    pub(super) model: String,
    /// SHA-256 of the model's file; empty where the sender gave none.
    pub(super) sha256: String,
    /// Where the bucket begins, in microseconds since 1970.
    pub(super) bucket: i64,
}

impl Key {
    /// The bucket of a prediction at `time`, in microseconds since 1970.
    pub(super) fn new(model: &str, sha256: Option<&str>, time: i64) -> Self {
        let bucket = time.div_euclid(BUCKET).saturating_mul(BUCKET);
        Self { model: model.to_owned(), sha256: sha256.unwrap_or_default().to_owned(), bucket }
    }
}

/// What a transaction adds to the counts.
#[derive(Debug, Default)]
pub(super) struct Windows(BTreeMap<Key, WindowCounts>);

impl Windows {
    /// Counts records.
    pub(super) fn observe<'r>(&mut self, records: impl Iterator<Item = &'r PredictionRecord>) {
        let mut records = records.peekable();
        while let Some(first) = records.next() {
            let time = |record: &PredictionRecord| record.occurred_at.map_or(0, floor_microseconds);
            let key = Key::new(&first.model, first.model_sha256.as_deref(), time(first));
            let bucket = key.bucket..=key.bucket.saturating_add(BUCKET - 1);
            let counts = self.counts(key);
            counts.observe(&observation(first));
            // Most records come in runs of one bucket, and finding it takes as long as counting.
            let goes_on = |next: &&PredictionRecord| {
                next.model == first.model && next.model_sha256 == first.model_sha256 && bucket.contains(&time(next))
            };
            while let Some(next) = records.next_if(goes_on) {
                counts.observe(&observation(next));
            }
        }
    }

    /// Adds all of the other.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, counts) in other.0 {
            self.counts(key).merge(&counts);
        }
    }

    /// The counts that are to be added to a bucket.
    pub(super) fn counts(&mut self, key: Key) -> &mut WindowCounts {
        self.0.entry(key).or_default()
    }

    /// Adds them to what is in the database.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn save(&mut self, transaction: &mut dyn Transaction) -> Result<(), DatabaseError> {
        let writer = transaction.writer().to_owned();
        for (key, counts) in &mut self.0 {
            let place =
                [key.model.as_str().into(), key.sha256.as_str().into(), key.bucket.into(), writer.as_str().into()];
            let found = first(transaction, SELECT, &place, Columns::text)?;
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
    /// Where its latest bucket begins.
    pub(crate) latest: Timestamp,
    /// The sum of its buckets.
    pub(crate) counts: WindowCounts,
}

/// The sums of the buckets that begin from `since` (inclusive) to `until` (exclusive), by model and file; of one model
/// only where `model` says so.
///
/// # Errors
/// The database's.
pub(crate) fn sums(
    session: &mut dyn Session,
    model: Option<&str>,
    (since, until): (i64, i64),
) -> Result<Vec<ModelWindow>, DatabaseError> {
    let mut sql =
        "SELECT model, model_sha256, bucket, counts FROM window_counts WHERE bucket >= $1 AND bucket < $2".to_owned();
    let mut values = vec![since.into(), until.into()];
    if let Some(model) = model {
        sql.push_str(" AND model = $3");
        values.push(model.into());
    }
    let mut windows = BTreeMap::<(String, String), (i64, WindowCounts)>::new();
    session.query(&sql, &values, &mut |mut columns| {
        let (latest, counts) = windows.entry((columns.text()?, columns.text()?)).or_default();
        *latest = (*latest).max(columns.integer()?);
        counts.merge(&readable(&columns.text()?));
        Ok(())
    })?;
    let window = |((model, model_sha256), (latest, counts))| ModelWindow {
        model,
        model_sha256,
        latest: super::row::from_microseconds(latest),
        counts,
    };
    Ok(windows.into_iter().map(window).collect())
}

/// Counts the rows of a range anew: what the buckets must equal.
///
/// # Errors
/// The database's.
pub(crate) fn recount(
    session: &mut dyn Session,
    model: &str,
    sha256: &str,
    (since, until): (i64, i64),
) -> Result<WindowCounts, DatabaseError> {
    let sql = format!(
        "SELECT {} FROM predictions WHERE model = $1 AND coalesce(model_sha256, '') = $2 AND occurred_at >= $3 AND occurred_at < $4",
        super::row::COLUMNS
    );
    let mut counts = WindowCounts::default();
    session.query(&sql, &[model.into(), sha256.into(), since.into(), until.into()], &mut |mut columns| {
        counts.observe(&observation(&super::row::read(&mut columns)?.1.record));
        Ok(())
    })?;
    Ok(counts)
}

/// Counts that cannot be read are lost to the windows, not to the rows; the next reader says so again.
fn readable(json: &str) -> WindowCounts {
    WindowCounts::from_json(json).unwrap_or_else(|problem| {
        tracing::error!(%problem, "window_counts_unreadable");
        WindowCounts::default()
    })
}

fn observation(record: &PredictionRecord) -> Observation<'_> {
    Observation {
        failed: record.status == Status::Error,
        label: record.label.as_deref(),
        // A sender that knows no confidence has to write one; it is nothing to count.
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
    }
}
