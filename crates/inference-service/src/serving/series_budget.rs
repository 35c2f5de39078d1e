//! How many series a scrape may have before whoever scrapes refuses it as a whole.
//!
//! Rule of thumb: the bounds of models and classes keep the number; the budget only says in time that they allow too much.

use std::sync::atomic::{AtomicBool, Ordering};

use monitoring::MetricsRegistry;
use tracing::warn;

use crate::config::MetricsOptions;

/// Compares the series with what is taken.
pub(crate) struct SeriesBudget {
    registry: MetricsRegistry,
    budget: usize,
    is_exceeded: AtomicBool,
}

impl SeriesBudget {
    /// Warns where the bounds allow more than the budget.
    pub(crate) fn start(registry: &MetricsRegistry, options: &MetricsOptions) -> Self {
        let (allowed, budget) = (options.most_series(), options.metrics_series_budget as usize);
        if allowed > budget {
            warn!(
                allowed,
                budget,
                "metrics_bounds_exceed_budget: --max-metric-models and --max-metric-classes allow more series than \
                 --metrics-series-budget; lower them, or raise sample_limit of Prometheus and the budget"
            );
        }
        Self { registry: registry.clone(), budget, is_exceeded: AtomicBool::new(false) }
    }

    /// Warns once when there are more series than the budget has.
    pub(crate) fn check(&self) {
        let series = self.registry.series();
        let is_exceeded = series > self.budget;
        if is_exceeded && !self.is_exceeded.swap(is_exceeded, Ordering::Relaxed) {
            warn!(series, budget = self.budget, "metrics_budget_exceeded");
        }
        self.is_exceeded.store(is_exceeded, Ordering::Relaxed);
    }
}
