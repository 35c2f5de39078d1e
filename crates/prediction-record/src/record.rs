//! The record's fields.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{FeatureValues, InputSummary, Tags};
#[allow(unused_imports, reason = "the schemas name them")]
use crate::{FeatureValuesSchema, TagsSchema};

/// The version of the record's schema that this crate writes.
pub const SCHEMA_VERSION: u32 = 5;

/// How a prediction ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The model answered.
    #[default]
    Success,
    /// The request was refused or failed; `error_type` says how.
    Error,
}

impl Status {
    /// The word used in JSON, SQL and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

/// What the model does, which decides what a prediction of it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A label with its confidence.
    #[default]
    Classification,
    /// A number.
    Regression,
    /// Tensors; the record keeps none of their values.
    Raw,
}

impl Task {
    /// The word used in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Raw => "raw",
        }
    }

    /// The task of this word; a classification for any other.
    pub fn from_word(word: &str) -> Self {
        [Self::Regression, Self::Raw].into_iter().find(|task| task.as_str() == word).unwrap_or_default()
    }

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference.
    fn is_classification(&self) -> bool {
        *self == Self::Classification
    }
}

/// One class and the probability that the model gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// The class's label.
    #[serde(deserialize_with = "crate::label_text::label_text")]
    #[schema(schema_with = crate::label_text::label_schema)]
    pub label: String,
    /// The class's index in the model's output.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::optional_whole_number")]
    #[schema(maximum = 4294967295u32)]
    pub class: Option<u32>,
    /// Probability, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: f64,
}

/// One prediction. A batch of n items that was answered is n records with one `request_id` and `row_index` 0 to n−1; one that
/// was refused or failed is one record with its number of `items`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct PredictionRecord {
    /// Unique id of this record, the key of idempotent ingestion; UUIDv7 keeps the index in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub event_id: Option<Uuid>,
    /// The caller's key: the request that asked for the prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub request_id: Option<String>,
    /// Position of the item in the request's batch.
    #[serde(default, deserialize_with = "crate::whole_number")]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 4294967295u32)]
    pub row_index: u32,
    /// For `status: "error"`, how many items of the request this record stands for; 1 if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::optional_whole_number")]
    #[schema(minimum = 1, maximum = 65_536)]
    pub items: Option<u32>,
    /// When the prediction was answered; RFC 3339, kept to the microsecond.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::optional_time")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub occurred_at: Option<Timestamp>,
    /// Name of the model.
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    pub model: String,
    /// Version of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    pub version: Option<String>,
    /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub model_sha256: Option<String>,
    /// Which of several models under one name answered, such as `default`, `canary` or `shadow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    pub variant: Option<String>,
    /// How the prediction ended.
    #[serde(default, deserialize_with = "crate::left_out::or_default")]
    #[schema(value_type = Option<Status>)]
    pub status: Status,
    /// For `status: "error"`, the code of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
    pub error_type: Option<String>,
    /// What the model does.
    #[serde(
        default,
        skip_serializing_if = "Task::is_classification",
        deserialize_with = "crate::left_out::or_default"
    )]
    #[schema(value_type = Option<Task>)]
    pub task: Task,
    /// The predicted label; required for `status: "success"` of a classification. A number, true or false is its name.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::label_text::optional_label_text"
    )]
    #[schema(schema_with = crate::label_text::optional_label_schema)]
    pub label: Option<String>,
    /// Index of the predicted class in the model's output.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::optional_whole_number")]
    #[schema(maximum = 4294967295u32)]
    pub class: Option<u32>,
    /// Probability of the predicted class, 0 to 1. Without it a prediction takes part in no calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub confidence: Option<f64>,
    /// The predicted number; required for `status: "success"` of a regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Whether the prediction names a defect.
    #[serde(default, deserialize_with = "crate::left_out::or_default")]
    #[schema(value_type = Option<bool>)]
    pub defect: bool,
    /// The most probable classes, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "crate::left_out::or_default")]
    #[schema(value_type = Option<Vec<Score>>, max_items = 100)]
    pub top: Vec<Score>,
    /// Seconds from the beginning of the request's handling until this record is handed over, before it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub latency_seconds: Option<f64>,
    /// Seconds of turning the body, once it is read, into the model's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub decode_seconds: Option<f64>,
    /// Seconds of waiting for an inference thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub queue_seconds: Option<f64>,
    /// Seconds of running the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    pub inference_seconds: Option<f64>,
    /// W3C trace id, 32 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub trace_id: Option<String>,
    /// W3C id of the span that answered, 16 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub span_id: Option<String>,
    /// SHA-256 of the input's bytes as they were sent, 64 lower-case hexadecimal digits. The inference service gives it
    /// for pictures of up to 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub input_sha256: Option<String>,
    /// What the input looked like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSummary>,
    /// The declared features of the row that the model was given.
    #[serde(
        default,
        skip_serializing_if = "FeatureValues::is_empty",
        deserialize_with = "crate::left_out::or_default"
    )]
    #[schema(value_type = Option<FeatureValuesSchema>)]
    pub features: FeatureValues,
    /// Declared features that may not be kept: they are counted, and no row of the log has them. A number stands for the
    /// middle of its bin, and an empty text for a category that is not told.
    #[serde(
        default,
        skip_serializing_if = "FeatureValues::is_empty",
        deserialize_with = "crate::left_out::or_default"
    )]
    #[schema(value_type = Option<FeatureValuesSchema>)]
    pub counted_features: FeatureValues,
    /// The segments that the prediction belongs to, such as `region: eu`.
    #[serde(default, skip_serializing_if = "Tags::is_empty", deserialize_with = "crate::left_out::or_default")]
    #[schema(value_type = Option<TagsSchema>)]
    pub tags: Tags,
    /// Version of this schema that the sender wrote; absent means the first.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::optional_whole_number")]
    #[schema(maximum = 4294967295u32)]
    pub schema_version: Option<u32>,
    /// Fields that this version does not know, kept as they came.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl PredictionRecord {
    /// How many predictions this record counts as.
    pub fn counts_as(&self) -> u64 {
        self.items.map_or(1, u64::from)
    }
}
