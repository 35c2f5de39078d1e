//! The predictions of one model, from their start to their one outcome.

use std::sync::Arc;
use std::time::Instant;

use super::families::PredictionFamilies;
use super::labels::{PredictionOutcome, PredictionPhase};
use super::tally::{PhaseSeconds, PredictionCounts, VersionTally};
use crate::http::ErrorCode;
use crate::metrics::{LabelEnum as _, LabelSetFull, Member};
use crate::traces::TraceContext;

/// The class that a model predicts for one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictedClass {
    /// Index of the predicted class in the list given to [`PredictionMetrics::model`](super::PredictionMetrics::model).
    pub class: usize,
    /// Probability of the predicted class, 0 to 1.
    pub confidence: f64,
}

/// The metrics of one model. Clones count together.
#[derive(Clone)]
pub struct ModelMetrics {
    tally: Arc<VersionTally>,
    families: Arc<PredictionFamilies>,
    model: Member,
    classes: Arc<[Member]>,
}

impl ModelMetrics {
    /// Admits the model and its classes to the labels, and exposes every series of them at 0.
    pub(super) fn expose<C: AsRef<str>>(
        families: &Arc<PredictionFamilies>,
        name: &str,
        classes: &[C],
    ) -> Result<Self, LabelSetFull> {
        let model = families.models.admit(&[name])?;
        let classes: Result<Vec<Member>, _> =
            classes.iter().map(|class| families.classes.admit(&[name, class.as_ref()])).collect();
        let metrics = Self { tally: Arc::default(), families: families.clone(), model, classes: classes?.into() };
        metrics.expose_series();
        Ok(metrics)
    }

    /// Starts timing one request that asks this model for one prediction; see [`PredictionAttempt::set_items`] for more.
    pub fn start(&self) -> PredictionAttempt {
        PredictionAttempt {
            metrics: self.clone(),
            items: 1,
            started: Instant::now(),
            trace: None,
            phases: PhaseSeconds::default(),
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

    fn expose_series(&self) {
        let families = &self.families;
        for &outcome in PredictionOutcome::ALL {
            families.attempts.with((self.model, outcome));
            families.latency.with((self.model, outcome));
        }
        for code in ErrorCode::ALL.iter().filter(|code| code.is_of_predictions()) {
            families.errors.with((self.model, *code));
        }
        for &phase in PredictionPhase::ALL {
            families.phases.with((self.model, phase));
        }
        families.batch_size.with(self.model);
        families.confidence.with(self.model);
        for &class in self.classes.iter() {
            families.by_class.with(class);
        }
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
        self.metrics.families.batch_size.with(self.metrics.model).observe(items as f64);
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Records the seconds that a phase took.
    pub fn record_phase(&mut self, phase: PredictionPhase, seconds: f64) {
        let ModelMetrics { families, model, .. } = &self.metrics;
        families.phases.with((*model, phase)).observe(seconds, self.trace.as_ref());
        self.phases[phase.index()] = Some(seconds);
    }

    /// The model answered every item.
    pub fn succeed(mut self, predicted: &[PredictedClass]) {
        let ModelMetrics { families, model, classes, .. } = &self.metrics;
        for item in predicted {
            families.confidence.with(*model).observe(item.confidence);
            if let Some(&class) = classes.get(item.class) {
                families.by_class.with(class).inc();
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
        let ModelMetrics { families, model, tally, .. } = &self.metrics;
        let outcome = if self.error.is_none() { PredictionOutcome::Success } else { PredictionOutcome::Error };
        families.attempts.with((*model, outcome)).inc_by(self.items);
        let seconds = self.seconds();
        families.latency.with((*model, outcome)).observe(seconds, self.trace.as_ref());
        tally.ended(outcome, self.items, seconds, &self.phases);
        if let Some(code) = self.error {
            families.errors.with((*model, code)).inc_by(self.items);
        }
    }
}
