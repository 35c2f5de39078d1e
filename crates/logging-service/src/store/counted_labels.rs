//! What has been counted of each prediction's true label, and where.
//!
//! Rule of thumb: only what stands here has been counted, and exactly that is taken back. So a revision, a second
//! prediction of the same request and retention can never count a label twice or take back what was never counted.

use super::bucket_key::BucketKey;
use super::engine::WriteTransaction;
use super::error::DatabaseError;
use super::labelled;
use super::session::{SqlSession, rows};
use super::stored_label::StoredLabel;
use super::time::TimeRange;
use super::true_label::{ANY_ROW, LabelTarget};
use super::value::{RowColumns, SqlValue};
use crate::analysis::{LabelCounts, LabelSign, LabelledObservation};
use prediction_record::{ModelDeclaration, PredictionRecord};

/// The label that is counted for one prediction.
#[derive(Clone, Debug)]
pub(super) struct CountedLabel {
    /// Id of the prediction.
    pub(super) event_id: Vec<u8>,
    /// Names of the prediction's request, model, version and variant.
    pub(super) named: LabelTarget,
    /// SHA-256 of the model's file; empty where the sender gave none.
    pub(super) model_sha256: String,
    /// When the prediction was made, in microseconds since 1970.
    pub(super) occurred_at: i64,
    /// The rank of the label.
    pub(super) rank: [i64; 3],
    /// What was counted.
    pub(super) counted: LabelledObservation,
    /// The segments in which it was counted as well.
    pub(super) segments: Vec<String>,
}

const COLUMNS: &str = "event_id, request_id, row_index, model, version, variant, model_sha256, occurred_at, revision, \
     labelled_at, label_id, counted, segments";

const UPSERT: &str = "
INSERT INTO counted_labels (event_id, request_id, row_index, model, version, variant, model_sha256, occurred_at, revision,
    labelled_at, label_id, counted, segments, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (event_id) DO UPDATE SET revision = excluded.revision, labelled_at = excluded.labelled_at,
    label_id = excluded.label_id, counted = excluded.counted, segments = excluded.segments,
    recorded_at = excluded.recorded_at";

/// What is counted of the predictions that a label may mean, at most `most`.
///
/// # Errors
/// The database's.
pub(super) fn of_target(
    transaction: &mut dyn WriteTransaction,
    target: &LabelTarget,
    most: i64,
) -> Result<Vec<CountedLabel>, DatabaseError> {
    let (condition, mut values) = if target.event_id.is_empty() {
        ("request_id = $1 AND row_index = $2", vec![target.request_id.as_str().into(), target.row_index.into()])
    } else {
        ("event_id = $1", vec![SqlValue::Blob(event_bytes(&target.event_id))])
    };
    values.push(most.into());
    let sql = format!("SELECT {COLUMNS} FROM counted_labels WHERE {condition} LIMIT ${}", values.len());
    let mut found = rows(transaction, &sql, &values, read)?;
    found.retain(|counted| target.means(&counted.named));
    Ok(found)
}

/// The sum of what is counted of a model's file for predictions of a range.
///
/// # Errors
/// The database's.
pub(super) fn recount(
    session: &mut dyn SqlSession,
    model: &str,
    sha256: &str,
    range: TimeRange,
) -> Result<LabelCounts, DatabaseError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM counted_labels
         WHERE model = $1 AND model_sha256 = $2 AND occurred_at >= $3 AND occurred_at < $4"
    );
    let mut counts = LabelCounts::default();
    let values = [model.into(), sha256.into(), range.since.into(), range.until.into()];
    session.query(&sql, &values, &mut |mut columns| {
        counts.add(&read(&mut columns)?.counted, LabelSign::Add);
        Ok(())
    })?;
    Ok(counts)
}

impl CountedLabel {
    /// What is to be counted of a prediction, in no segment yet; `None` where the label cannot be held against it.
    pub(super) fn of(record: &PredictionRecord, label: &StoredLabel, declared: &ModelDeclaration) -> Option<Self> {
        let named = LabelTarget {
            event_id: String::new(),
            request_id: record.request_id.clone().unwrap_or_default(),
            row_index: record.row_index.into(),
            model: record.model.clone(),
            version: record.version.clone().unwrap_or_default(),
            variant: record.variant.clone().unwrap_or_default(),
        };
        Some(Self {
            event_id: record.event_id?.as_bytes().to_vec(),
            named,
            model_sha256: record.model_sha256.clone().unwrap_or_default(),
            occurred_at: record.occurred_at.map(super::time::floor_microseconds)?,
            rank: label.rank(),
            counted: labelled::observe(record, label, declared)?,
            segments: Vec::new(),
        })
    }

    /// The buckets in which it is counted.
    pub(super) fn buckets(&self) -> Vec<BucketKey> {
        let whole = BucketKey::new(&self.named.model, Some(&self.model_sha256), self.occurred_at);
        let segments = self.segments.iter().map(|segment| whole.of_segment(segment.clone()));
        segments.chain([whole.clone()]).collect()
    }

    /// Notes it as counted in place of the former one of the prediction. `now` is in microseconds since 1970.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn save(&self, transaction: &mut dyn WriteTransaction, now: i64) -> Result<(), DatabaseError> {
        let json = serde_json::to_string(&self.counted).map_err(|error| DatabaseError::Refused(error.to_string()))?;
        let [revision, labelled_at, label_id] = self.rank;
        let values = [
            SqlValue::Blob(self.event_id.clone()),
            self.named.request_id.as_str().into(),
            self.named.row_index.into(),
            self.named.model.as_str().into(),
            self.named.version.as_str().into(),
            self.named.variant.as_str().into(),
            self.model_sha256.as_str().into(),
            self.occurred_at.into(),
            revision.into(),
            labelled_at.into(),
            label_id.into(),
            json.into(),
            serde_json::to_string(&self.segments).map_err(|error| DatabaseError::Refused(error.to_string()))?.into(),
            now.into(),
        ];
        transaction.execute(UPSERT, &values).map(|_| ())
    }
}

impl LabelTarget {
    /// Whether it means what is named in full.
    pub(super) fn means(&self, named: &Self) -> bool {
        let fits = |own: &str, other: &str| own.is_empty() || own == other;
        fits(&self.request_id, &named.request_id)
            && (self.row_index == ANY_ROW || self.row_index == named.row_index)
            && fits(&self.model, &named.model)
            && fits(&self.version, &named.version)
            && fits(&self.variant, &named.variant)
    }
}

/// The bytes of an event id in 32 hexadecimal digits.
pub(super) fn event_bytes(digits: &str) -> Vec<u8> {
    uuid::Uuid::try_parse(digits).unwrap_or_default().as_bytes().to_vec()
}

fn read(columns: &mut RowColumns) -> Result<CountedLabel, DatabaseError> {
    Ok(CountedLabel {
        event_id: columns.blob()?,
        named: LabelTarget {
            event_id: String::new(),
            request_id: columns.text()?,
            row_index: columns.integer()?,
            model: columns.text()?,
            version: columns.text()?,
            variant: columns.text()?,
        },
        model_sha256: columns.text()?,
        occurred_at: columns.integer()?,
        rank: [columns.integer()?, columns.integer()?, columns.integer()?],
        counted: serde_json::from_str(&columns.text()?).map_err(DatabaseError::unreadable)?,
        segments: serde_json::from_str(&columns.text()?).map_err(DatabaseError::unreadable)?,
    })
}
