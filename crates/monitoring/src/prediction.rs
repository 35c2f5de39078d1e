//! The prediction metrics: one family for every service that serves models, so that the same
//! dashboards and alerts fit all of them.
//!
//! ```
//! # use monitoring::{MetricsRegistry, prediction::*};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let registry = MetricsRegistry::new("doc", "1")?;
//! let predictions = PredictionMetrics::register(&registry)?;
//! let cats = predictions.model("cats", &["cat", "no cat"]);
//!
//! let attempt = cats.start(); // dropped without an outcome, it counts as cancelled
//! attempt.succeed(&[PredictedClass { class: 0, confidence: 0.93 }]);
//! # assert!(registry.render(monitoring::Exposition::Classic).contains("predictions_total{model=\"cats\",status=\"success\"} 1"));
//! # Ok(()) }
//! ```

mod bounds;
mod families;
mod labels;
mod model;
mod series;
mod tally;

use std::sync::Arc;

use crate::metrics::{LeasedSet, MetricsError, MetricsRegistry};
pub use bounds::PredictionBounds;
use families::PredictionFamilies;
pub use labels::{OTHER, PredictionOutcome, PredictionPhase, UNKNOWN_MODEL};
pub use model::{ModelMetrics, PredictedClass, PredictionAttempt};
pub use tally::{CountedTime, PredictionCounts};

impl PredictionBounds {
    /// The most series that these bounds allow, where a model has `more` beside those of its predictions.
    #[must_use]
    pub fn series(self, more: usize) -> usize {
        // `unknown` and `other` have theirs beside the bound, and each model may have a class `other`.
        let models = self.models.saturating_add(2);
        models.saturating_mul(PredictionFamilies::series_of_a_model() + more + 1).saturating_add(self.classes)
    }
}

/// The prediction metrics of one service. Clones share the same metrics.
#[derive(Clone)]
pub struct PredictionMetrics(Arc<PredictionFamilies>);

impl PredictionMetrics {
    /// Registers the families with the usual bounds, and exposes the series of the model `unknown` at 0.
    ///
    /// # Errors
    /// If `registry` has them already.
    pub fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        Self::register_bounded(registry, PredictionBounds::default())
    }

    /// The same with other bounds.
    ///
    /// # Errors
    /// If `registry` has them already.
    pub fn register_bounded(registry: &MetricsRegistry, bounds: PredictionBounds) -> Result<Self, MetricsError> {
        let metrics = Self(Arc::new(PredictionFamilies::register(registry, bounds)?));
        // The families keep these series in the scrape.
        drop(metrics.model::<&str>(UNKNOWN_MODEL, &[]));
        Ok(metrics)
    }

    /// The metrics of one version of a model. Every series of it is exposed from now on, at 0 where it is new, until the
    /// last version is dropped. A model past the bound is counted as `other`, and so are classes past theirs.
    #[must_use]
    pub fn model<C: AsRef<str>>(&self, name: &str, classes: &[C]) -> ModelMetrics {
        ModelMetrics::expose(&self.0, name, classes)
    }

    /// The labels of the models, for other metrics of them.
    #[must_use]
    pub fn models(&self) -> &LeasedSet {
        &self.0.models
    }
}
