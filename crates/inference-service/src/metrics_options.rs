//! The settings of what a scrape may bring.

use clap::Args;
use monitoring::prediction::PredictionBounds;

use crate::serving::{SERIES_OF_A_MODEL, series_of_features};

/// Series that have nothing to do with models: those of HTTP and gRPC for each route, of the prediction log and of the
/// process, when all of them have happened.
const OTHER_SERIES: usize = 4_600;

/// How many models and classes have series of their own, and how many series that may make.
#[derive(Clone, Debug, Args)]
pub struct MetricsOptions {
    /// Models that have series of their own in the metrics; further ones serve as well, and are counted together as
    /// the model `other`.
    #[arg(long, env = "INFERENCE_MAX_METRIC_MODELS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub max_metric_models: u32,

    /// Classes of all models together that have series of their own in the metrics; the further classes of a model are
    /// counted together as its class `other`.
    #[arg(long, env = "INFERENCE_MAX_METRIC_CLASSES", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub max_metric_classes: u32,

    /// Series that whoever scrapes the metrics takes, which is `sample_limit` of Prometheus; the log warns where the bounds
    /// above allow more, and when there are more.
    #[arg(long, env = "INFERENCE_METRICS_SERIES_BUDGET", default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub metrics_series_budget: u32,
}

impl MetricsOptions {
    /// The bounds of the metrics of predictions.
    #[must_use]
    pub fn bounds(&self) -> PredictionBounds {
        PredictionBounds { models: self.max_metric_models as usize, classes: self.max_metric_classes as usize }
    }

    /// The most series that a scrape can have with these bounds.
    #[must_use]
    pub fn most_series(&self) -> usize {
        let features = series_of_features(self.max_metric_models as usize);
        self.bounds().series(SERIES_OF_A_MODEL).saturating_add(OTHER_SERIES).saturating_add(features)
    }
}
