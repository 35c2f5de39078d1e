//! The one line that each request leaves in the log, and what its span says in the words of that line.

use monitoring::{ErrorCode, LabelEnum as _};
use tracing::{error, info, warn};

use super::facts::{PhaseTimings, RequestFacts};
use super::failure::{LoggedFailure, RefusedFeature};
use crate::model::Prediction;

impl RequestFacts {
    /// Reports that every item has its prediction.
    pub(super) fn report_success(&self, predictions: &[Prediction]) {
        let PhaseTimings { decode, queue, inference, total } = self.timings;
        let only = if let [only] = predictions { Some(only) } else { None };
        let class = only.and_then(Prediction::class);
        let defects = predictions.iter().filter_map(Prediction::class).filter(|class| class.defect).count();
        info!(
            request_id = %self.context.request_id,
            model = self.model_name(),
            model_version = self.version_name(),
            items = self.items,
            label = class.map(|class| class.label.as_str()),
            confidence = class.map(|class| class.confidence),
            value = only.and_then(Prediction::number),
            defects,
            decode_seconds = decode,
            queue_seconds = queue,
            inference_seconds = inference,
            latency_seconds = total,
            "prediction_completed"
        );
        self.describe_span(None);
    }

    /// Reports that the request was refused, has failed, or was given up by its client.
    pub(super) fn report_failure(&self, failure: &LoggedFailure<'_>) {
        let LoggedFailure { code, sentence, cause, refused } = failure;
        let PhaseTimings { decode, queue, inference, total } = self.timings;
        // The level must be a constant of the call, hence one call for each.
        macro_rules! event {
            ($level:ident) => {
                $level!(
                    request_id = %self.context.request_id,
                    model = self.model_name(),
                    model_version = self.version_name(),
                    items = self.items,
                    error_type = code.as_str(),
                    status = code.status(),
                    error = sentence.as_ref(),
                    cause,
                    row = refused.and_then(|refused| refused.row),
                    feature = refused.map(|refused| refused.feature),
                    reason = refused.as_ref().map(RefusedFeature::reason_name),
                    decode_seconds = decode,
                    queue_seconds = queue,
                    inference_seconds = inference,
                    latency_seconds = total,
                    "prediction_failed"
                )
            };
        }
        if code.status() >= 500 {
            event!(error);
        } else {
            event!(warn);
        }
        self.describe_span(Some(*code));
    }

    /// Adds to the request's span, which ends with the answer, what the span of any other request does not have.
    fn describe_span(&self, error: Option<ErrorCode>) {
        let span = &self.context.span;
        if !span.is_recorded() {
            return;
        }
        span.set_attribute("request_id", self.context.request_id.to_string());
        span.set_attribute("model", self.model_name().to_owned());
        if let Some(version) = self.version_name() {
            span.set_attribute("model_version", version.to_owned());
        }
        span.set_attribute("items", i64::try_from(self.items).unwrap_or(i64::MAX));
        if let Some(code) = error {
            span.set_attribute("error.type", code.as_str());
        }
    }
}
