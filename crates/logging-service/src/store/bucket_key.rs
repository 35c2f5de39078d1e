//! Which predictions are counted together.

use super::time::{BUCKET, DAY, begin_of_span};
use super::value::SqlValue;

/// The predictions that a span counts, and when the span begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BucketKey {
    /// Name of the model.
    pub(super) model: String,
    /// SHA-256 of the model's file; empty where the sender gave none.
    pub(super) sha256: String,
    /// When the five minutes or the day begin, in microseconds since 1970.
    pub(super) bucket: i64,
    /// A tag and its value, `region=eu`; empty for all predictions.
    pub(super) segment: String,
}

impl BucketKey {
    /// The bucket of all predictions of a model's file at `time`, in microseconds since 1970.
    pub(super) fn new(model: &str, sha256: Option<&str>, time: i64) -> Self {
        let bucket = begin_of_span(time, BUCKET);
        Self { model: model.to_owned(), sha256: sha256.unwrap_or_default().to_owned(), bucket, segment: String::new() }
    }

    /// The bucket of a segment beside it.
    pub(super) fn of_segment(&self, segment: String) -> Self {
        Self { segment, ..self.clone() }
    }

    /// The day that holds it.
    pub(super) fn of_day(&self) -> Self {
        Self { bucket: begin_of_span(self.bucket, DAY), ..self.clone() }
    }

    /// The values of the columns `model`, `model_sha256`, `bucket` and `segment`.
    pub(super) fn values(&self) -> [SqlValue; 4] {
        [self.model.as_str().into(), self.sha256.as_str().into(), self.bucket.into(), self.segment.as_str().into()]
    }
}
