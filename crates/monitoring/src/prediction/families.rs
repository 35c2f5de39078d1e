//! The metric families of predictions: names, help texts and labels.

use super::bounds::PredictionBounds;
use super::labels::{OTHER, PredictionOutcome, PredictionPhase, UNKNOWN_MODEL};
use crate::http::ErrorCode;
use crate::metrics::{
    Counter, Each, Histogram, HistogramOpts, LATENCY_BUCKETS, LabelEnum as _, LabelLease, LeasedFamily, LeasedSet,
    MetricsError, MetricsRegistry, NoLabels, TracedHistogram, each,
};

const CONFIDENCE_BUCKETS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The families, and the sets of models and classes that are their labels.
pub(super) struct PredictionFamilies {
    pub(super) models: LeasedSet,
    pub(super) classes: LeasedSet,
    /// Attempts that never got to a known model are in the scrape as long as the families are.
    unknown: LabelLease,
    pub(super) attempts: LeasedFamily<Counter, Each<PredictionOutcome>>,
    pub(super) errors: LeasedFamily<Counter, Each<ErrorCode>>,
    pub(super) latency: LeasedFamily<TracedHistogram, Each<PredictionOutcome>>,
    pub(super) phases: LeasedFamily<TracedHistogram, Each<PredictionPhase>>,
    pub(super) batch_size: LeasedFamily<Histogram, NoLabels>,
    pub(super) confidence: LeasedFamily<Histogram, NoLabels>,
    pub(super) engine_refusals: LeasedFamily<Counter, NoLabels>,
    pub(super) by_class: LeasedFamily<Counter, NoLabels>,
}

impl PredictionFamilies {
    pub(super) fn register(registry: &MetricsRegistry, bounds: PredictionBounds) -> Result<Self, MetricsError> {
        let models = LeasedSet::new(&["model"], bounds.models);
        let classes = LeasedSet::new(&["model", "class"], bounds.classes);
        Ok(Self {
            unknown: models.lease_reserved(&[UNKNOWN_MODEL]),
            attempts: registry.leased_counters(
                "predictions_total",
                "Predictions attempted: one for each item of a request, refused ones too.",
                &models,
                each(),
            )?,
            errors: registry.leased_counters(
                "prediction_errors_total",
                "Predictions refused or failed, by the error's code.",
                &models,
                each(),
            )?,
            latency: registry.leased_traced_histograms(
                buckets(
                    "prediction_latency_seconds",
                    "Seconds from a prediction request's head to its answer, refusals too.",
                    LATENCY_BUCKETS,
                ),
                &models,
                each(),
            )?,
            phases: registry.leased_traced_histograms(
                buckets("prediction_phase_seconds", "Seconds of one phase of a prediction request.", LATENCY_BUCKETS),
                &models,
                each(),
            )?,
            batch_size: registry.leased_histograms(
                buckets("prediction_batch_size", "Items of one prediction request.", BATCH_BUCKETS),
                &models,
            )?,
            confidence: registry.leased_histograms(
                buckets(
                    "prediction_confidence",
                    "Probability that the model gave the class it predicted.",
                    CONFIDENCE_BUCKETS,
                ),
                &models,
            )?,
            engine_refusals: registry.leased_counters(
                "prediction_engine_refusals_total",
                "Predictions refused because the model's engine complained about the numbers of the input.",
                &models,
                NoLabels,
            )?,
            by_class: registry.leased_counters(
                "prediction_classes_total",
                "Predictions by predicted class.",
                &classes,
                NoLabels,
            )?,
            models,
            classes,
        })
    }

    /// How many series a model has, those of its classes aside.
    pub(super) fn series_of_a_model() -> usize {
        let histogram = |buckets: &[f64]| buckets.len() + 3;
        let codes = ErrorCode::ALL.iter().filter(|code| code.is_of_predictions()).count();
        let timed = PredictionOutcome::ALL.len() + PredictionPhase::ALL.len();
        // One is the refusals of the engine.
        1 + PredictionOutcome::ALL.len()
            + codes
            + timed * histogram(LATENCY_BUCKETS)
            + histogram(BATCH_BUCKETS)
            + histogram(CONFIDENCE_BUCKETS)
    }

    /// The label of a model: its name, or `other` where too many models have theirs.
    pub(super) fn lease_model(&self, name: &str) -> LabelLease {
        if name == UNKNOWN_MODEL {
            return self.unknown.clone();
        }
        let own = if name == OTHER { None } else { self.models.lease(&[name]).ok() };
        own.unwrap_or_else(|| self.models.lease_reserved(&[OTHER]))
    }
}

fn buckets(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(buckets.to_vec())
}
