//! How far one prediction request has come, and the one place that reports its end.
//!
//! Rule of thumb: a request ends exactly once, in [`Progress::complete`], in [`Progress::fail`], or by being dropped because
//! its client left. Each end is one count, one log line, and a record for each item that was answered, or one for all that
//! were not.

mod facts;
mod failure;
mod record;
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use monitoring::prediction::{PredictedClass, PredictionAttempt, PredictionPhase};
use monitoring::{ApiError, ErrorCode, LabelEnum as _, RequestContext};
use prediction_record::Tags;
use tokio::time::timeout;

use super::decoded_item::LoggedInput;
use super::tags;
use crate::app::App;
use crate::model::{Engine, Prediction};
use crate::outbox::{NotKept, RecordReceipt};
use crate::serving::LoadedVersion;
pub(super) use facts::PhaseTimings;
use facts::RequestFacts;
use failure::LoggedFailure;

/// A client's clock starts a little before the service's, by the time that its request is on the way.
const CLOCKS_DIFFER: Duration = Duration::from_millis(100);
/// How long the client of a refused request waits for the record of it.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(250);
/// When a full prediction log may have room again.
const FULL_RETRY_SECONDS: f64 = 5.0;

/// One prediction request under way.
pub(crate) struct Progress {
    app: App,
    facts: RequestFacts,
    /// Taken when the request's end is reported.
    attempt: Option<PredictionAttempt>,
    /// When a client over gRPC hangs up by itself.
    client_deadline: Option<Instant>,
    /// What the model has answered, as soon as its records are handed over.
    predictions: Vec<Prediction>,
}

impl Progress {
    pub(crate) fn start(app: &App, context: RequestContext) -> Self {
        let attempt = Some(app.unknown_model.start().in_trace(context.trace));
        let (facts, predictions) = (RequestFacts::new(context), Vec::new());
        Self { app: app.clone(), facts, attempt, client_deadline: None, predictions }
    }

    /// A client that hangs up from this moment on keeps to its deadline, and has not left early.
    pub(crate) fn set_client_deadline(&mut self, deadline: Instant) {
        self.client_deadline = Some(deadline);
    }

    /// Takes the id that the request has in its body, if it has one.
    pub(crate) fn set_request_id(&mut self, request_id: Option<Arc<str>>) {
        if let Some(request_id) = request_id {
            self.facts.context.request_id = request_id;
        }
    }

    /// Takes the tags of the header, and those of the request itself, which go before them.
    ///
    /// # Errors
    /// `invalid_request` for tags that no record can have.
    pub(crate) fn set_tags(&mut self, header: Tags, own: Tags) -> Result<(), ApiError> {
        self.facts.tags = tags::joined(header, own)?;
        Ok(())
    }

    /// The model of this name or the default one, in this version or the one that serves. From here on the request counts
    /// as one of that model.
    ///
    /// # Errors
    /// `model_not_found`, `not_ready`, or `invalid_request` where none is named and none is the default.
    pub(crate) fn find_version(
        &mut self,
        model: Option<&str>,
        version: Option<&str>,
    ) -> Result<Arc<LoadedVersion>, ApiError> {
        let model = self.app.models.find(model)?;
        if let Some(attempt) = &mut self.attempt {
            attempt.set_model(&model.metrics);
        }
        self.facts.model = Some(model.clone());
        let version = model.version(version)?;
        if let Some(attempt) = &mut self.attempt {
            // The classes that are counted differ between versions.
            attempt.set_model(&version.metrics);
        }
        self.facts.version = Some(version.clone());
        Ok(version.clone())
    }

    pub(super) fn set_items(&mut self, items: usize) {
        self.facts.items = items;
        if let Some(attempt) = &mut self.attempt {
            attempt.set_items(items);
        }
    }

    /// The engine has complained about the numbers of the input.
    pub(super) fn refused_by_engine(&mut self) {
        if let Some(attempt) = &mut self.attempt {
            attempt.refused_by_engine();
        }
    }

    pub(super) fn add_logged_input(&mut self, input: Option<LoggedInput>) {
        self.facts.inputs.extend(input);
    }

    /// The request has been through a phase: one timing for the answer, the metric, the log line, the record and the span.
    pub(super) fn phase(&mut self, phase: PredictionPhase, started: Instant, ended: Instant) {
        let seconds = ended.duration_since(started).as_secs_f64();
        match phase {
            PredictionPhase::Decode => self.facts.timings.decode = Some(seconds),
            PredictionPhase::Queue => self.facts.timings.queue = Some(seconds),
            PredictionPhase::Inference => self.facts.timings.inference = Some(seconds),
            PredictionPhase::Record => {}
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.record_phase(phase, seconds);
        }
        self.facts.context.span.add_phase(phase.as_str(), started, ended);
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.facts.context.request_id
    }

    /// The id as a header has it: what is no visible ASCII character is percent-encoded there.
    pub(crate) fn header_id(&self) -> String {
        let encoded = |byte: u8| match byte {
            byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        self.request_id().bytes().map(encoded).collect()
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        self.facts.engine()
    }

    /// What each phase took, as far as the request has come.
    pub(super) fn timings(&self) -> PhaseTimings {
        self.facts.timings
    }

    /// The model has answered every item. The predictions come back when their records are kept, and may be answered then.
    ///
    /// # Errors
    /// If the records cannot be kept and no prediction is answered without its record.
    pub(crate) async fn complete(&mut self, predictions: Vec<Prediction>) -> Result<Vec<Prediction>, ApiError> {
        let recording = Instant::now();
        self.facts.timings.total = self.attempt.as_ref().map_or(0.0, PredictionAttempt::seconds);
        let records = predictions.iter().enumerate().map(|(row, p)| self.facts.success_record(row, p));
        let receipt = self.app.outbox.hand_over(records);
        // The records say that this request succeeded. So does the report of its end, even if its deadline passes or the
        // client leaves now. That is for a second at most: by then a disk that does not answer is known.
        self.predictions = predictions;
        let kept = receipt.kept().await;
        self.phase(PredictionPhase::Record, recording, Instant::now());
        match kept {
            Ok(()) => Ok(self.succeed()),
            Err(not_kept) => {
                let refusal = without_record(not_kept);
                self.report_failure(&LoggedFailure::told(refusal.code, &refusal.message));
                Err(self.logged(refusal))
            }
        }
    }

    /// The request is refused or has failed. The refusal comes back when its records are kept, and may be answered then.
    pub(crate) async fn fail(&mut self, refusal: ApiError) -> ApiError {
        let version = self.facts.version.clone();
        let failure = LoggedFailure::of(&refusal, version.as_deref().map(|version| &*version.engine));
        self.facts.count_refused_feature(&failure);
        if let Some(receipt) = self.end(&failure) {
            // The client gets its refusal, whether or not the record could be kept.
            let _ = timeout(REFUSAL_PATIENCE, receipt.kept()).await;
        }
        self.logged(refusal)
    }

    fn logged(&self, mut refusal: ApiError) -> ApiError {
        refusal.logged = true;
        refusal.detail("request_id", self.request_id())
    }

    /// Hands over the records of a request that has not succeeded, and reports it; `None` if that was done before.
    fn end(&mut self, failure: &LoggedFailure<'_>) -> Option<RecordReceipt> {
        let code = failure.code;
        self.facts.timings.total = self.attempt.as_ref()?.seconds();
        let receipt = self.app.outbox.hand_over_refusal(|| self.facts.failure_record(code));
        self.report_failure(failure);
        Some(receipt)
    }

    fn report_failure(&mut self, failure: &LoggedFailure<'_>) {
        if let Some(attempt) = self.attempt.take() {
            attempt.fail(failure.code);
            self.facts.report_failure(failure);
        }
    }

    /// Reports the success, and gives the predictions back.
    fn succeed(&mut self) -> Vec<Prediction> {
        let predictions = std::mem::take(&mut self.predictions);
        if let Some(attempt) = self.attempt.take() {
            let answer =
                |p: &Prediction| p.class().map(|c| PredictedClass { class: c.class, confidence: c.confidence });
            attempt.succeed(&predictions.iter().filter_map(answer).collect::<Vec<_>>());
            self.facts.report_success(&predictions);
        }
        predictions
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.attempt.is_none() {
            return; // The end was reported.
        }
        // The client has left.
        if !self.predictions.is_empty() {
            self.succeed();
            return;
        }
        let (code, problem) = if self.client_deadline.is_some_and(|deadline| Instant::now() + CLOCKS_DIFFER >= deadline)
        {
            (ErrorCode::DeadlineExceeded, "the client left at its deadline")
        } else {
            (ErrorCode::Cancelled, "the client left before the answer")
        };
        // The record is kept, although nobody waits for that.
        drop(self.end(&LoggedFailure::told(code, problem)));
    }
}

/// The refusal of a prediction whose record is not kept.
pub(super) fn without_record(not_kept: NotKept) -> ApiError {
    match not_kept {
        NotKept::Full => ApiError::new(ErrorCode::NotReady, not_kept.to_string()).retry_after(FULL_RETRY_SECONDS),
    }
}
