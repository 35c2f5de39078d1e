//! The records of a request in the prediction log: one for each item that was answered, or one for all that were not.

use jiff::Timestamp;
use monitoring::{ErrorCode, LabelEnum as _};
use prediction_record::{MAX_TOP, PredictionRecord, SCHEMA_VERSION, Score, Status};
use uuid::Uuid;

use super::facts::{PhaseTimings, RequestFacts};
use crate::model::{Prediction, PredictionMeaning};

impl RequestFacts {
    /// The record of an item that was predicted.
    pub(super) fn success_record(&self, row: usize, prediction: &Prediction) -> PredictionRecord {
        let score = |score: &crate::model::ClassScore| Score {
            label: score.label.clone(),
            class: u32::try_from(score.class).ok(),
            confidence: score.confidence,
        };
        let record = self.record(row);
        match &prediction.meaning {
            PredictionMeaning::Class(class) => PredictionRecord {
                label: Some(class.label.clone()),
                class: u32::try_from(class.class).ok(),
                confidence: Some(class.confidence),
                defect: class.defect,
                top: class.recorded.iter().take(MAX_TOP).map(score).collect(),
                ..record
            },
            PredictionMeaning::Number { value } => PredictionRecord { value: Some(*value), ..record },
            PredictionMeaning::Tensors {} => record,
        }
    }

    /// The record of a request that has no prediction. Of several items it tells how many they are, and not what they were.
    pub(super) fn failure_record(&self, code: ErrorCode) -> PredictionRecord {
        let row = if self.items > 1 { usize::MAX } else { 0 };
        PredictionRecord {
            status: Status::Error,
            error_type: Some(code.as_str().to_owned()),
            row_index: 0,
            items: u32::try_from(self.items).ok().filter(|items| *items > 1),
            ..self.record(row)
        }
    }

    /// What every record of this request has.
    fn record(&self, row: usize) -> PredictionRecord {
        let PhaseTimings { decode, queue, inference, total } = self.timings;
        let now = Timestamp::now();
        let input = self.inputs.get(row);
        PredictionRecord {
            event_id: Some(Uuid::now_v7()),
            request_id: Some(self.context.request_id.to_string()),
            row_index: u32::try_from(row).unwrap_or(u32::MAX),
            // The log keeps microseconds. A finer timestamp would come back as another one.
            occurred_at: Some(Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)),
            model: self.model_name().to_owned(),
            version: self.engine().map(|engine| engine.version().to_owned()),
            model_sha256: self.engine().map(|engine| engine.sha256().to_owned()),
            task: self.engine().map(|engine| engine.task().into()).unwrap_or_default(),
            latency_seconds: Some(total),
            decode_seconds: decode,
            queue_seconds: queue,
            inference_seconds: inference,
            trace_id: Some(self.context.trace.trace_id()),
            span_id: Some(self.context.trace.span_id()),
            input_sha256: input.and_then(|input| input.sha256.clone()),
            input: input.and_then(|input| input.summary.clone()),
            features: input.map(|input| input.features.kept.clone()).unwrap_or_default(),
            counted_features: input.map(|input| input.features.counted.clone()).unwrap_or_default(),
            tags: self.tags.clone(),
            schema_version: Some(SCHEMA_VERSION),
            ..PredictionRecord::default()
        }
    }
}
