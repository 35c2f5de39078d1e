//! How far one prediction request has come, and the one place that tells of its end.
//!
//! Rule of thumb: a request ends exactly once, in [`Progress::complete`], [`Progress::fail`], or by being
//! dropped because its client left; each end is one count, one log line, and a record for each item.

mod log;
mod record;
mod span;

use std::sync::Arc;
use std::time::{Duration, Instant};

use monitoring::prediction::{Answer, Attempt, Phase};
use monitoring::{ApiError, ErrorCode, LabelEnum as _, RequestContext};

use super::inputs::Seen;
use crate::app::App;
use crate::model::{Engine, Prediction};
use crate::outbox::RecordReceipt;
use crate::serving::{LoadedVersion, Model};

/// A client starts to count a little before this side does: by the way of its request, also on a busy machine.
const CLOCKS_DIFFER: Duration = Duration::from_millis(100);

/// Seconds of each phase, `None` for a phase that was not reached, and of all together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timings {
    pub(super) decode: Option<f64>,
    pub(super) queue: Option<f64>,
    pub(super) inference: Option<f64>,
    pub(super) total: f64,
}

/// One prediction request under way.
pub(crate) struct Progress {
    app: App,
    context: RequestContext,
    /// Taken when the request's end is told.
    attempt: Option<Attempt>,
    model: Option<Arc<Model>>,
    engine: Option<Arc<Engine>>,
    items: usize,
    /// What each item looked like, once they are decoded; empty if predictions are not logged.
    seen: Vec<Seen>,
    timings: Timings,
    /// Where the client hangs up at its deadline: that moment.
    due: Option<Instant>,
    /// What the model has answered, as soon as its records are handed over.
    predictions: Vec<Prediction>,
}

impl Progress {
    pub(crate) fn start(app: &App, context: RequestContext) -> Self {
        let attempt = Some(app.unknown_model.start().in_trace(context.trace));
        let (app, timings) = (app.clone(), Timings::default());
        let (seen, predictions) = (Vec::new(), Vec::new());
        Self { app, context, attempt, model: None, engine: None, items: 1, seen, timings, due: None, predictions }
    }

    /// From this moment on, a client that hangs up has not left early: it keeps to the deadline that it told.
    pub(crate) fn due(&mut self, deadline: Instant) {
        self.due = Some(deadline);
    }

    /// The request brought an id of its own in its body.
    pub(crate) fn named(&mut self, request_id: Option<Arc<str>>) {
        if let Some(request_id) = request_id {
            self.context.request_id = request_id;
        }
    }

    pub(super) fn for_model(&mut self, model: &Arc<Model>) {
        if let Some(attempt) = &mut self.attempt {
            attempt.for_model(&model.metrics);
        }
        self.model = Some(model.clone());
    }

    /// From here on the classes are those of this version.
    pub(super) fn for_version(&mut self, version: &LoadedVersion) {
        if let Some(attempt) = &mut self.attempt {
            attempt.for_model(&version.metrics);
        }
        self.engine = Some(version.engine.clone());
    }

    pub(super) fn items(&mut self, items: usize) {
        self.items = items;
        if let Some(attempt) = &mut self.attempt {
            attempt.items(items);
        }
    }

    pub(super) fn seen(&mut self, seen: Vec<Seen>) {
        self.seen = seen;
    }

    /// The request has been through a phase: one timing for the answer, the metric, the log line, the record and the span.
    pub(super) fn phase(&mut self, phase: Phase, started: Instant, ended: Instant) {
        let seconds = ended.duration_since(started).as_secs_f64();
        match phase {
            Phase::Decode => self.timings.decode = Some(seconds),
            Phase::Queue => self.timings.queue = Some(seconds),
            Phase::Inference => self.timings.inference = Some(seconds),
            Phase::Record => {}
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.phase(phase, seconds);
        }
        self.context.span.phase(phase.as_str(), started, ended);
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.context.request_id
    }

    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.as_deref()
    }

    /// Tells how the request ended; then its answer may be given, which is written from the predictions and `T`.
    ///
    /// # Errors
    /// The refusal that it ended with, or that its record cannot be kept.
    pub(crate) async fn end_with<T>(
        &mut self,
        outcome: Result<(Vec<Prediction>, T), ApiError>,
    ) -> Result<(Vec<Prediction>, T), ApiError> {
        match outcome {
            Ok((predictions, rest)) => Ok((self.complete(predictions).await?, rest)),
            Err(refusal) => Err(self.fail(refusal).await),
        }
    }

    /// What each phase took, as far as the request has come.
    pub(super) fn timings(&self) -> Timings {
        self.timings
    }

    /// The model has answered every item: the answer may be given when their records are kept.
    ///
    /// # Errors
    /// If they cannot be kept and no prediction is answered without its record.
    async fn complete(&mut self, predictions: Vec<Prediction>) -> Result<Vec<Prediction>, ApiError> {
        let recording = Instant::now();
        self.timings.total = self.attempt.as_ref().map_or(0.0, Attempt::seconds);
        let receipt = self.app.outbox.hand_over(predictions.iter().enumerate().map(|(row, p)| self.success(row, p)));
        // From here on, the log says that this request succeeded; so does its end, even if the client leaves now.
        self.predictions = predictions;
        let kept = receipt.kept(self.app.outbox.refuses()).await;
        self.phase(Phase::Record, recording, Instant::now());
        match kept {
            Ok(()) => Ok(self.succeed()),
            Err(full) => {
                let refusal = super::log_full(full);
                self.tell_failed(refusal.code, &refusal.message, None);
                Err(self.logged(refusal))
            }
        }
    }

    /// The request is refused or has failed; that may be answered when its records are kept.
    async fn fail(&mut self, refusal: ApiError) -> ApiError {
        if let Some(receipt) = self.end(refusal.code, &refusal.message, refusal.cause.as_deref()) {
            // A refusal stays one, with or without its record.
            let _ = receipt.kept(false).await;
        }
        self.logged(refusal)
    }

    fn logged(&self, mut refusal: ApiError) -> ApiError {
        refusal.logged = true;
        refusal.detail("request_id", self.request_id())
    }

    /// Hands over the records of a request that has not succeeded, and tells of it; `None` if that was done before.
    fn end(&mut self, code: ErrorCode, problem: &str, cause: Option<&str>) -> Option<RecordReceipt> {
        self.timings.total = self.attempt.as_ref()?.seconds();
        let receipt = self.app.outbox.hand_over((0..self.items).map(|row| self.failure(row, code)));
        self.tell_failed(code, problem, cause);
        Some(receipt)
    }

    fn tell_failed(&mut self, code: ErrorCode, problem: &str, cause: Option<&str>) {
        if let Some(attempt) = self.attempt.take() {
            attempt.fail(code);
            self.log_failed(code, problem, cause);
            self.tell_span(Some(code));
        }
    }

    /// Tells of the success, and gives the predictions back.
    fn succeed(&mut self) -> Vec<Prediction> {
        let predictions = std::mem::take(&mut self.predictions);
        if let Some(attempt) = self.attempt.take() {
            let answer = |p: &Prediction| p.class().map(|c| Answer { class: c.class, confidence: c.confidence });
            attempt.succeed(&predictions.iter().filter_map(answer).collect::<Vec<_>>());
            self.log_completed(&predictions);
            self.tell_span(None);
        }
        predictions
    }

    fn model_name(&self) -> &str {
        self.model.as_ref().map_or(monitoring::prediction::UNKNOWN_MODEL, |model| &model.name)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Only a request whose client has left gets here without its end being told.
        if self.predictions.is_empty() {
            let (code, problem) = match self.due {
                Some(due) if Instant::now() + CLOCKS_DIFFER >= due => {
                    (ErrorCode::DeadlineExceeded, "the client left at its deadline")
                }
                _ => (ErrorCode::Cancelled, "the client left before the answer"),
            };
            // Nobody waits for this record; it is kept all the same.
            drop(self.end(code, problem, None));
        } else {
            self.succeed();
        }
    }
}
