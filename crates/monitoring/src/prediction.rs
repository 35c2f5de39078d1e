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
//! attempt.succeed(&[PredictedClass { class: 0, confidence: 0.93 }]);
//! # assert!(registry.render(monitoring::Exposition::Classic).contains("predictions_total{model=\"cats\",status=\"success\"} 1"));
//! # Ok(()) }
//! ```

mod families;
mod labels;
mod model;
mod tally;

use std::sync::Arc;

use crate::metrics::{LabelSetFull, MetricsError, MetricsRegistry};
use families::PredictionFamilies;
pub use families::{MAX_CLASSES, MAX_MODELS};
pub use labels::{PredictionOutcome, PredictionPhase};
pub use model::{ModelMetrics, PredictedClass, PredictionAttempt};
pub use tally::{CountedTime, PredictionCounts};

/// The `model` label of attempts that never got to a known model.
pub const UNKNOWN_MODEL: &str = "unknown";

/// The prediction metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PredictionMetricsError {
    /// A metric cannot be registered, for example because it is registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// More than [`MAX_MODELS`] models or [`MAX_CLASSES`] classes.
    #[error("too many models or classes: {0}")]
    Full(#[from] LabelSetFull),
}

/// The prediction metrics of one service. Clones share the same metrics.
#[derive(Clone)]
pub struct PredictionMetrics(Arc<PredictionFamilies>);

impl PredictionMetrics {
    /// Registers the families, and exposes the series of the model `unknown` at 0.
    ///
    /// # Errors
    /// If `registry` has them already.
    pub fn register(registry: &MetricsRegistry) -> Result<Self, PredictionMetricsError> {
        let metrics = Self(Arc::new(PredictionFamilies::register(registry)?));
        metrics.model::<&str>(UNKNOWN_MODEL, &[])?;
        Ok(metrics)
    }

    /// The metrics of one model; every series of it is exposed from now on, at 0.
    ///
    /// # Errors
    /// [`PredictionMetricsError::Full`] if the bound on models or classes is reached.
    pub fn model<C: AsRef<str>>(&self, name: &str, classes: &[C]) -> Result<ModelMetrics, PredictionMetricsError> {
        Ok(ModelMetrics::expose(&self.0, name, classes)?)
    }
}
