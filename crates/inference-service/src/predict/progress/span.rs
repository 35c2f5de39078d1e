//! What the span of a prediction request says beside what that of any request does, in the words of the log line.

use monitoring::{ErrorCode, LabelEnum as _};

use super::Progress;
use crate::model::Engine;

impl Progress {
    /// Tells the request's span, which ends with the answer.
    pub(super) fn tell_span(&self, error: Option<ErrorCode>) {
        let span = &self.context.span;
        if !span.is_recorded() {
            return;
        }
        span.attribute("request_id", self.request_id().to_owned());
        span.attribute("model", self.model_name().to_owned());
        if let Some(version) = self.engine().map(Engine::version) {
            span.attribute("model_version", version.to_owned());
        }
        span.attribute("items", i64::try_from(self.items).unwrap_or(i64::MAX));
        if let Some(code) = error {
            span.attribute("error.type", code.as_str());
        }
    }
}
