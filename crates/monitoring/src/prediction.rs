//! The prediction metrics: one family for every service that serves models, so that the same
//! dashboards and alerts fit all of them.
//!
//! ```
//! # use monitoring::{MetricsRegistry, prediction::*};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let registry = MetricsRegistry::new("doc", "1")?;
//! let predictions = PredictionMetrics::register(&registry)?;
//! let cats = predictions.model("cats", &["cat", "no cat"])?;
//!
//! let attempt = cats.start(); // dropped without an outcome, it counts as cancelled
//! attempt.succeed(&[Answer { class: 0, confidence: 0.93 }]);
//! # assert!(registry.render(monitoring::Exposition::Classic).contains("predictions_total{model=\"cats\",status=\"success\"} 1"));
//! # Ok(()) }
//! ```

mod tally;

use std::sync::Arc;
use std::time::Instant;

use crate::http::ErrorCode;
use crate::metrics::{
    Counter, Each, Family, Histogram, LATENCY_BUCKETS, LabelEnum as _, LabelSet, LabelSetFull, Member, MetricsError,
    MetricsRegistry, TracedHistogram, each,
};
use crate::traces::TraceContext;
pub use tally::{Counted, Total};
use tally::{Phases, Tally};

crate::label_enum! {
    /// How a prediction ended.
    pub enum Outcome: "status" {
        /// The model answered.
        Success = "success",
        /// Refused or failed.
        Error = "error",
    }
}

crate::label_enum! {
    /// The parts of a prediction's time.
    pub enum Phase: "phase" {
        /// Reading the body and turning it into the model's input.
        Decode = "decode",
        /// Waiting for an inference thread.
        Queue = "queue",
        /// Running the model.
        Inference = "inference",
        /// Handing the prediction to its log.
        Record = "record",
    }
}

/// The `model` label of attempts that never got to a known model.
pub const UNKNOWN_MODEL: &str = "unknown";
/// Most models of one service, `unknown` among them.
pub const MAX_MODELS: usize = 101;
/// Most classes of all models of one service together.
pub const MAX_CLASSES: usize = 5_000;

const CONFIDENCE_BUCKETS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PredictionMetricsError {
    /// Registered twice, for example.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// More than [`MAX_MODELS`] models or [`MAX_CLASSES`] classes.
    #[error("too many models or classes: {0}")]
    Full(#[from] LabelSetFull),
}

/// The prediction metrics of one service. Clones share the same metrics.
#[derive(Clone)]
pub struct PredictionMetrics(Arc<Families>);

struct Families {
    models: LabelSet,
    classes: LabelSet,
    attempts: Family<Counter, (LabelSet, Each<Outcome>)>,
    errors: Family<Counter, (LabelSet, Each<ErrorCode>)>,
    latency: Family<TracedHistogram, (LabelSet, Each<Outcome>)>,
    phases: Family<TracedHistogram, (LabelSet, Each<Phase>)>,
    batch_size: Family<Histogram, LabelSet>,
    confidence: Family<Histogram, LabelSet>,
    by_class: Family<Counter, LabelSet>,
}

impl PredictionMetrics {
    /// Registers the families, and exposes those of the model `unknown` at 0.
    ///
    /// # Errors
    /// If `registry` has them already.
    pub fn register(registry: &MetricsRegistry) -> Result<Self, PredictionMetricsError> {
        let models = LabelSet::new(&["model"], MAX_MODELS);
        let classes = LabelSet::new(&["model", "class"], MAX_CLASSES);
        let metrics = Self(Arc::new(Families {
            attempts: registry.counters(
                "predictions_total",
                "Predictions attempted: one for each item of a request, refused ones too.",
                (models.clone(), each()),
            )?,
            errors: registry.sparse_counters(
                "prediction_errors_total",
                "Predictions refused or failed, by the error's code.",
                (models.clone(), each()),
            )?,
            latency: registry.traced_histograms(
                "prediction_latency_seconds",
                "Seconds from a prediction request's head to its answer, refusals too.",
                LATENCY_BUCKETS,
                (models.clone(), each()),
            )?,
            phases: registry.traced_histograms(
                "prediction_phase_seconds",
                "Seconds of one phase of a prediction request.",
                LATENCY_BUCKETS,
                (models.clone(), each()),
            )?,
            batch_size: registry.histograms(
                "prediction_batch_size",
                "Items of one prediction request.",
                BATCH_BUCKETS,
                models.clone(),
            )?,
            confidence: registry.histograms(
                "prediction_confidence",
                "Probability that the model gave the class it predicted.",
                CONFIDENCE_BUCKETS,
                models.clone(),
            )?,
            by_class: registry.counters(
                "prediction_classes_total",
                "Predictions by predicted class.",
                classes.clone(),
            )?,
            models,
            classes,
        }));
        metrics.model::<&str>(UNKNOWN_MODEL, &[])?;
        Ok(metrics)
    }

    /// The metrics of one model; every series of it is exposed from now on, at 0.
    ///
    /// # Errors
    /// [`PredictionMetricsError::Full`] if the bound on models or classes is reached.
    pub fn model<C: AsRef<str>>(&self, name: &str, classes: &[C]) -> Result<ModelMetrics, PredictionMetricsError> {
        let families = &self.0;
        let model = families.models.admit(&[name])?;
        let classes: Result<Vec<Member>, _> =
            classes.iter().map(|class| families.classes.admit(&[name, class.as_ref()])).collect();
        let classes = classes?.into();
        let metrics = ModelMetrics { families: families.clone(), model, classes, tally: Arc::default() };
        metrics.expose();
        Ok(metrics)
    }
}

/// What the model said of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Index of the predicted class in the list given to [`PredictionMetrics::model`].
    pub class: usize,
    /// Probability of the predicted class, 0 to 1.
    pub confidence: f64,
}

/// The metrics of one model. Clones count together.
#[derive(Clone)]
pub struct ModelMetrics {
    tally: Arc<Tally>,
    families: Arc<Families>,
    model: Member,
    classes: Arc<[Member]>,
}

impl ModelMetrics {
    /// Starts timing one request that asks this model for one prediction; see [`Attempt::items`] for more.
    pub fn start(&self) -> Attempt {
        let outcome = Some(ErrorCode::Cancelled);
        Attempt {
            metrics: self.clone(),
            items: 1,
            started: Instant::now(),
            trace: None,
            phases: Phases::default(),
            outcome,
        }
    }

    /// The model ran once.
    pub fn executed(&self) {
        self.tally.executed();
    }

    /// What this and its clones have counted.
    #[must_use]
    pub fn counted(&self) -> Counted {
        self.tally.read()
    }

    fn expose(&self) {
        let families = &self.families;
        for &outcome in Outcome::ALL {
            families.attempts.with((self.model, outcome));
            families.latency.with((self.model, outcome));
        }
        for code in ErrorCode::ALL.iter().filter(|code| code.is_of_predictions()) {
            families.errors.with((self.model, *code));
        }
        for &phase in Phase::ALL {
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
pub struct Attempt {
    metrics: ModelMetrics,
    items: u64,
    started: Instant,
    trace: Option<TraceContext>,
    phases: Phases,
    /// What the drop counts; `None` is success.
    outcome: Option<ErrorCode>,
}

impl Attempt {
    /// The request belongs to this trace, which the latency's exemplars then name.
    pub fn in_trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The request turned out to be for `model`.
    pub fn for_model(&mut self, model: &ModelMetrics) {
        self.metrics = model.clone();
    }

    /// The request turned out to ask for `items` predictions.
    pub fn items(&mut self, items: usize) {
        self.items = items as u64;
        self.metrics.families.batch_size.with(self.metrics.model).observe(items as f64);
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Records the seconds that a phase took.
    pub fn phase(&mut self, phase: Phase, seconds: f64) {
        let ModelMetrics { families, model, .. } = &self.metrics;
        families.phases.with((*model, phase)).observe(seconds, self.trace.as_ref());
        self.phases[phase.index()] = Some(seconds);
    }

    /// The model answered every item.
    pub fn succeed(mut self, answers: &[Answer]) {
        let ModelMetrics { families, model, classes, .. } = &self.metrics;
        for answer in answers {
            families.confidence.with(*model).observe(answer.confidence);
            if let Some(&class) = classes.get(answer.class) {
                families.by_class.with(class).inc();
            }
        }
        self.outcome = None;
    }

    /// The request was refused or failed, with all its items.
    pub fn fail(mut self, code: ErrorCode) {
        self.outcome = Some(code);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let ModelMetrics { families, model, tally, .. } = &self.metrics;
        let outcome = if self.outcome.is_none() { Outcome::Success } else { Outcome::Error };
        families.attempts.with((*model, outcome)).inc_by(self.items);
        let seconds = self.seconds();
        families.latency.with((*model, outcome)).observe(seconds, self.trace.as_ref());
        tally.ended(outcome, self.items, seconds, &self.phases);
        if let Some(code) = self.outcome {
            families.errors.with((*model, code)).inc_by(self.items);
        }
    }
}
