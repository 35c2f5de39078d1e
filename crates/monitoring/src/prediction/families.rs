//! The metric families of predictions: names, help texts and labels.

use super::labels::{PredictionOutcome, PredictionPhase};
use crate::http::ErrorCode;
use crate::metrics::{
    Counter, Each, Family, Histogram, LATENCY_BUCKETS, LabelSet, MetricsError, MetricsRegistry, TracedHistogram, each,
};

/// Most models of one service, `unknown` among them.
pub const MAX_MODELS: usize = 101;
/// Most classes of all models of one service together.
pub const MAX_CLASSES: usize = 5_000;

const CONFIDENCE_BUCKETS: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The families, and the sets of models and classes that are their labels.
pub(super) struct PredictionFamilies {
    pub(super) models: LabelSet,
    pub(super) classes: LabelSet,
    pub(super) attempts: Family<Counter, (LabelSet, Each<PredictionOutcome>)>,
    pub(super) errors: Family<Counter, (LabelSet, Each<ErrorCode>)>,
    pub(super) latency: Family<TracedHistogram, (LabelSet, Each<PredictionOutcome>)>,
    pub(super) phases: Family<TracedHistogram, (LabelSet, Each<PredictionPhase>)>,
    pub(super) batch_size: Family<Histogram, LabelSet>,
    pub(super) confidence: Family<Histogram, LabelSet>,
    pub(super) by_class: Family<Counter, LabelSet>,
}

impl PredictionFamilies {
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let models = LabelSet::new(&["model"], MAX_MODELS);
        let classes = LabelSet::new(&["model", "class"], MAX_CLASSES);
        Ok(Self {
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
        })
    }
}
