//! One record as one row, in both directions.
//!
//! Rule of thumb: a row comes back equal to the record that was written; times are kept to the microsecond.

use jiff::Timestamp;
use prediction_record::{FeatureValues, PredictionRecord, Status, Task};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::counted_segments::CountedSegments;
use super::error::DatabaseError;
use super::known_label::KnownLabel;
use super::time::from_microseconds;
use super::value::RowColumns;
use crate::analysis::{label_name, number_of};

/// The columns that [`read`] expects, in order.
pub(super) const COLUMNS: &str = "id, event_id, request_id, row_index, occurred_at, recorded_at, model, version, model_sha256, \
     variant, status, error_type, label, class, confidence, defect, top, latency_seconds, decode_seconds, queue_seconds, \
     inference_seconds, trace_id, span_id, input_sha256, input, schema_version, extra, task, value, features, tags, items";

/// A record as it was stored. Serialises flat: the record's fields and `recorded_at`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StoredPrediction {
    /// The record, complete with `event_id`, `request_id` and `occurred_at`.
    #[serde(flatten)]
    pub record: PredictionRecord,
    /// When the store wrote it, to the microsecond.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// The true label that is counted for it, where it is known. Lists and single predictions tell it, exports do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_label: Option<KnownLabel>,
}

/// A complete record on its way to the writer. The JSON of its columns is written by the caller, because there are many
/// callers and one writer.
pub(crate) struct NewRow {
    /// The record.
    pub(super) record: PredictionRecord,
    /// JSON of `top`; `None` if it is empty.
    pub(super) top: Option<String>,
    /// JSON of `input`.
    pub(super) input: Option<String>,
    /// JSON of `extra`; `None` if it is empty.
    pub(super) extra: Option<String>,
    /// JSON of `features`; `None` if it is empty. The features that may not be kept are not among them.
    pub(super) features: Option<String>,
    /// JSON of `tags`; `None` if it is empty.
    pub(super) tags: Option<String>,
    /// The segments in which it is counted. The row keeps them, because its label is to be counted in the same ones.
    pub(super) segments: Vec<String>,
    /// JSON of `segments`; `None` if it is empty.
    pub(super) counted_in: Option<String>,
}

impl NewRow {
    /// Completes a record, and writes the JSON of its columns.
    ///
    /// # Errors
    /// [`DatabaseError::Refused`] for what JSON cannot express.
    pub(super) fn of(mut record: PredictionRecord, counted: &CountedSegments) -> Result<Self, DatabaseError> {
        complete(&mut record);
        let segments = counted.of(&record);
        Ok(Self {
            top: json_unless(record.top.is_empty(), &record.top)?,
            input: json_unless(record.input.is_none(), &record.input)?,
            extra: json_unless(record.extra.is_empty(), &record.extra)?,
            features: json_unless(record.features.is_empty(), &record.features)?,
            tags: json_unless(record.tags.is_empty(), &record.tags)?,
            counted_in: json_unless(segments.is_empty(), &segments)?,
            segments,
            record,
        })
    }
}

/// What the column `task` holds: nothing for a classification.
pub(super) fn task_column(record: &PredictionRecord) -> Option<&'static str> {
    (record.task != Task::Classification).then(|| record.task.as_str())
}

/// Fills in what the sender may leave out: the ids and the time.
fn complete(record: &mut PredictionRecord) {
    let occurred_at = *record.occurred_at.get_or_insert_with(Timestamp::now);
    let event_id = *record.event_id.get_or_insert_with(|| new_id(occurred_at));
    record.request_id.get_or_insert_with(|| event_id.to_string());
    forget_filler(record);
    record.items = record.items.filter(|items| *items > 1);
    record.label = record.label.take().map(usual_spelling);
    // A row that was read here and sent again brings its old `recorded_at` along. The store sets that field, and an
    // answer would carry it twice.
    record.extra.remove("recorded_at");
}

/// An id that begins with the time of the prediction, so that old ones lie with their like.
fn new_id(occurred_at: Timestamp) -> Uuid {
    let seconds = u64::try_from(occurred_at.as_second()).unwrap_or_default();
    let nanoseconds = occurred_at.subsec_nanosecond().unsigned_abs();
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
}

/// A label by which it can be looked for: a number that is spelled as few write it, such as `1e0`, becomes the same number in
/// its shortest form. `1`, `1.0` and every other text stay as they are.
fn usual_spelling(label: String) -> String {
    if number_of(&label).is_none() {
        return label;
    }
    let name = label_name(&label);
    let is_usual = label.strip_suffix(".0").unwrap_or(&label) == name;
    if is_usual { label } else { name.into_owned() }
}

/// Takes away the confidence that stands for none. Before confidences were optional, the records of KServe's events had to
/// have one all the same: 1.0, with the source `none`.
fn forget_filler(record: &mut PredictionRecord) {
    if record.extra.get("confidence_source").is_some_and(|source| source == "none") {
        record.confidence = None;
        record.extra.remove("confidence_source");
    }
}

/// A stored prediction with the number of its row, by which lists are continued.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NumberedPrediction {
    /// Number of the row.
    pub(crate) id: i64,
    /// The prediction.
    pub(crate) prediction: StoredPrediction,
}

/// Reads a row of [`COLUMNS`].
///
/// # Errors
/// [`DatabaseError::Failed`] where a column does not hold what it should.
pub(super) fn read(columns: &mut RowColumns) -> Result<NumberedPrediction, DatabaseError> {
    let id = columns.integer()?;
    let event_id = <[u8; 16]>::try_from(columns.blob()?).map_err(|_| DatabaseError::unreadable("event_id"))?;
    let request_id = columns.opt_text()?;
    let row_index = columns.opt_u32()?.unwrap_or_default();
    let occurred_at = Some(from_microseconds(columns.integer()?));
    let recorded_at = from_microseconds(columns.integer()?);
    let mut record = PredictionRecord {
        event_id: Some(Uuid::from_bytes(event_id)),
        request_id,
        row_index,
        occurred_at,
        model: columns.text()?,
        version: columns.opt_text()?,
        model_sha256: columns.opt_text()?,
        variant: columns.opt_text()?,
        status: if columns.text()? == Status::Error.as_str() { Status::Error } else { Status::Success },
        error_type: columns.opt_text()?,
        label: columns.opt_text()?,
        class: columns.opt_u32()?,
        confidence: columns.opt_real()?,
        defect: columns.integer()? != 0,
        top: from_json(columns)?.unwrap_or_default(),
        latency_seconds: columns.opt_real()?,
        decode_seconds: columns.opt_real()?,
        queue_seconds: columns.opt_real()?,
        inference_seconds: columns.opt_real()?,
        trace_id: columns.opt_text()?,
        span_id: columns.opt_text()?,
        input_sha256: columns.opt_text()?,
        input: from_json(columns)?,
        schema_version: columns.opt_u32()?,
        extra: from_json(columns)?.unwrap_or_default(),
        task: columns.opt_text()?.map(|word| Task::from_word(&word)).unwrap_or_default(),
        value: columns.opt_real()?,
        features: from_json(columns)?.unwrap_or_default(),
        tags: from_json(columns)?.unwrap_or_default(),
        items: columns.opt_u32()?,
        counted_features: FeatureValues::new(),
    };
    forget_filler(&mut record);
    Ok(NumberedPrediction { id, prediction: StoredPrediction { record, recorded_at, true_label: None } })
}

/// The JSON of a value, unless it is empty.
fn json_unless(empty: bool, value: &impl Serialize) -> Result<Option<String>, DatabaseError> {
    if empty {
        return Ok(None);
    }
    serde_json::to_string(value).map(Some).map_err(|error| DatabaseError::Refused(error.to_string()))
}

/// Reads the column `counted_in`.
///
/// # Errors
/// [`DatabaseError::Failed`] where it does not hold what it should.
pub(super) fn read_segments(columns: &mut RowColumns) -> Result<Vec<String>, DatabaseError> {
    Ok(from_json(columns)?.unwrap_or_default())
}

fn from_json<T: serde::de::DeserializeOwned>(columns: &mut RowColumns) -> Result<Option<T>, DatabaseError> {
    columns.opt_text()?.map(|json| serde_json::from_str(&json).map_err(DatabaseError::unreadable)).transpose()
}
