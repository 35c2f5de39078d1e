//! The predictions of one model, from their start to their one outcome.

use std::sync::Arc;
use std::time::Instant;

use super::families::PredictionFamilies;
use super::labels::{PredictionOutcome, PredictionPhase};
use super::series::{ClassSeries, ModelSeries};
use super::tally::{PhaseSeconds, PredictionCounts, VersionTally};
use crate::http::ErrorCode;
use crate::metrics::{LabelEnum as _, LabelLease};
use crate::traces::TraceContext;

/// The class that a model predicts for one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedClass {
    /// Index of the predicted class in the list given to [`PredictionMetrics::model`](super::PredictionMetrics::model).
    pub class: usize,
    /// Probability of the predicted class, 0 to 1.
    pub confidence: f64,
}

/// The metrics of one version of a model. Clones count together. The series of the model are in the scrape until the last
/// of its versions is dropped.
#[derive(Clone)]
pub struct ModelMetrics {
    tally: Arc<VersionTally>,
    series: Arc<ModelSeries>,
    classes: Arc<ClassSeries>,
    is_other: bool,
}

impl ModelMetrics {
    /// Exposes every series of the model and its classes, at 0 where they are new.
    pub(super) fn expose<C: AsRef<str>>(families: &Arc<PredictionFamilies>, name: &str, classes: &[C]) -> Self {
        let lease = families.lease_model(name);
        let is_other = lease.values().first().is_none_or(|label| label != name);
        // The classes of models that are counted together are not told apart.
        let own_classes = if is_other { 0 } else { classes.len() };
        let classes = Arc::new(ClassSeries::expose(families, &lease, classes, own_classes));
        Self { tally: Arc::default(), series: Arc::new(ModelSeries::expose(families, lease)), classes, is_other }
    }

    /// Starts timing one request that asks this model for one prediction; see [`PredictionAttempt::set_items`] for more.
    pub fn start(&self) -> PredictionAttempt {
        PredictionAttempt {
            metrics: self.clone(),
            items: 1,
            started: Instant::now(),
            trace: None,
            phases: PhaseSeconds::default(),
            is_refused_by_engine: false,
            error: Some(ErrorCode::Cancelled),
        }
    }

    /// The model ran once.
    pub fn executed(&self) {
        self.tally.executed();
    }

    /// What this and its clones have counted.
    #[must_use]
    pub fn counts(&self) -> PredictionCounts {
        self.tally.read()
    }

    /// The lease of the label `model`, for other metrics of the model.
    #[must_use]
    pub fn label(&self) -> &LabelLease {
        &self.series.lease
    }

    /// Whether the model is counted together with others, because too many have series of their own.
    #[must_use]
    pub fn is_other(&self) -> bool {
        self.is_other
    }

    /// How many of the classes have series of their own.
    #[must_use]
    pub fn named_classes(&self) -> usize {
        self.classes.named()
    }
}

/// One prediction request under way. Dropped without an outcome, it counts as `cancelled`.
#[must_use = "dropping it counts a cancelled prediction"]
pub struct PredictionAttempt {
    metrics: ModelMetrics,
    items: u64,
    started: Instant,
    trace: Option<TraceContext>,
    phases: PhaseSeconds,
    is_refused_by_engine: bool,
    /// What the drop counts; `None` is success.
    error: Option<ErrorCode>,
}

impl PredictionAttempt {
    /// Names the trace of the request, for the exemplars of the latency.
    pub fn in_trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The request turned out to be for `model`.
    pub fn set_model(&mut self, model: &ModelMetrics) {
        self.metrics = model.clone();
    }

    /// The request turned out to ask for `items` predictions.
    pub fn set_items(&mut self, items: usize) {
        self.items = items as u64;
        self.metrics.series.batch_size.observe(items as f64);
    }

    /// What runs the model has complained about the numbers of the input. Where the request fails, it is counted so.
    pub fn refused_by_engine(&mut self) {
        self.is_refused_by_engine = true;
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Records the seconds that a phase took.
    pub fn record_phase(&mut self, phase: PredictionPhase, seconds: f64) {
        self.metrics.series.phase(phase).observe(seconds, self.trace.as_ref());
        self.phases[phase.index()] = Some(seconds);
    }

    /// The model answered every item.
    pub fn succeed(mut self, predicted: &[PredictedClass]) {
        let ModelMetrics { series, classes, .. } = &self.metrics;
        for item in predicted {
            series.confidence.observe(item.confidence);
            if let Some(class) = classes.of(item.class) {
                class.inc();
            }
        }
        self.error = None;
    }

    /// The request was refused or failed, with all its items.
    pub fn fail(mut self, code: ErrorCode) {
        self.error = Some(code);
    }
}

impl Drop for PredictionAttempt {
    fn drop(&mut self) {
        let ModelMetrics { series, tally, .. } = &self.metrics;
        let outcome = if self.error.is_none() { PredictionOutcome::Success } else { PredictionOutcome::Error };
        series.attempts(outcome).inc_by(self.items);
        let seconds = self.seconds();
        series.latency(outcome).observe(seconds, self.trace.as_ref());
        tally.ended(outcome, self.items, seconds, &self.phases);
        if self.error.is_some() && self.is_refused_by_engine {
            series.engine_refusals.inc_by(self.items);
        }
        if let Some(code) = self.error {
            series.errors(code).inc_by(self.items);
        }
    }
}
