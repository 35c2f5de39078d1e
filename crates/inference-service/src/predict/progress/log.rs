//! The one line that each request leaves in the log.

use monitoring::{ErrorCode, LabelEnum as _};
use tracing::{error, info, warn};

use super::{Progress, Timings};
use crate::model::{ClassPrediction, Engine, Prediction};

impl Progress {
    pub(super) fn log_completed(&self, predictions: &[Prediction]) {
        let Timings { decode, queue, inference, total } = self.timings;
        let only = if let [only] = predictions { Some(only) } else { None };
        let class = only.and_then(Prediction::class);
        let defects = predictions.iter().filter_map(Prediction::class).filter(|class| class.defect).count();
        info!(
            request_id = %self.context.request_id,
            model = self.model_name(),
            model_version = self.engine().map(Engine::version),
            items = self.items,
            label = class.map(|class: &ClassPrediction| class.label.as_str()),
            confidence = class.map(|class| class.confidence),
            value = only.and_then(Prediction::number),
            defects,
            decode_seconds = decode,
            queue_seconds = queue,
            inference_seconds = inference,
            latency_seconds = total,
            "prediction_completed"
        );
    }

    pub(super) fn log_failed(&self, code: ErrorCode, problem: &str, cause: Option<&str>) {
        let Timings { decode, queue, inference, total } = self.timings;
        // The level must be a constant of the call, hence one call for each.
        macro_rules! event {
            ($level:ident) => {
                $level!(
                    request_id = %self.context.request_id,
                    model = self.model_name(),
                    model_version = self.engine().map(Engine::version),
                    items = self.items,
                    error_type = code.as_str(),
                    status = code.status(),
                    error = problem,
                    cause,
                    decode_seconds = decode,
                    queue_seconds = queue,
                    inference_seconds = inference,
                    latency_seconds = total,
                    "prediction_failed"
                )
            };
        }
        if code.status() >= 500 { event!(error) } else { event!(warn) }
    }
}
