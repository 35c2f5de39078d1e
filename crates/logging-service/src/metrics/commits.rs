//! The metrics of what the store commits.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use monitoring::{
    Counter, Family, Gauge, Histogram, IntGauge, LATENCY_BUCKETS, LabelSet, LabelSetFull, Member, MetricsError,
    MetricsRegistry,
};

use crate::store::{CommitSummary, Store, StoreError, StoreObserver};

/// Models that get series of their own. Whoever may post records chooses the names, so the models are bounded: the rest is
/// counted as `other`.
const MAX_MODELS: usize = 100;
const OTHER: &str = "other";
const ROWS_BUCKETS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];

/// The metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogMetricsError {
    /// A name is taken.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The label set has no room for `other`.
    #[error(transparent)]
    Labels(#[from] LabelSetFull),
}

/// What the store has committed. The store tells it of every commit.
pub(crate) struct LogMetrics {
    models: LabelSet,
    other: Member,
    predictions: Family<Counter, LabelSet>,
    defects: Family<Counter, LabelSet>,
    duplicates: Family<Counter, LabelSet>,
    initialized: IntGauge,
    write_seconds: Histogram,
    write_rows: Histogram,
    write_errors: Counter,
    last_write: Gauge,
}

impl LogMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// [`LogMetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, LogMetricsError> {
        let models = LabelSet::new(&["model"], MAX_MODELS + 1);
        let other = models.admit(&[OTHER])?;
        Ok(Self {
            other,
            predictions: registry.counters(
                "logging_predictions_total",
                "Predictions stored, failed ones too.",
                models.clone(),
            )?,
            defects: registry.counters(
                "logging_defects_total",
                "Predictions stored that name a defect.",
                models.clone(),
            )?,
            duplicates: registry.counters(
                "logging_duplicates_total",
                "Records acknowledged without storing them again, because their event_id was there.",
                models.clone(),
            )?,
            initialized: registry.gauge("logging_db_initialized", "1 if the database can be written, else 0.")?,
            write_seconds: registry.histogram("logging_write_seconds", "Seconds of one commit.", LATENCY_BUCKETS)?,
            write_rows: registry.histogram("logging_write_rows", "Records of one commit.", ROWS_BUCKETS)?,
            write_errors: registry
                .counter("logging_write_errors_total", "Commits that failed and were rolled back.")?,
            last_write: registry.float_gauge(
                "logging_last_write_timestamp_seconds",
                "Unix time of the last commit since the start; 0 before the first.",
            )?,
            models,
        })
    }

    /// Registers the metrics that are read from the running store.
    ///
    /// # Errors
    /// [`MetricsError`] where a name is taken.
    pub(crate) fn register_store(registry: &MetricsRegistry, store: &Arc<Store>) -> Result<(), MetricsError> {
        let limit = registry.gauge("logging_queue_limit", "Records that may wait to be written; more are refused.")?;
        limit.set(store.queue_limit() as i64);
        let depth = store.clone();
        registry
            .gauge_fn("logging_queue_depth", "Records that wait to be written.", move || depth.queue_depth() as f64)?;
        let size = store.clone();
        registry.gauge_fn(
            "logging_db_bytes",
            "Bytes of the database on disk, its write-ahead log included.",
            move || size.size_bytes() as f64,
        )
    }

    /// Exposes the series of a model before its next record; it has predictions in the database already.
    pub(crate) fn expose(&self, model: &str) {
        let model = self.model(model);
        for family in [&self.predictions, &self.defects, &self.duplicates] {
            family.with(model);
        }
    }

    fn model(&self, name: &str) -> Member {
        self.models.admit(&[name]).unwrap_or(self.other)
    }
}

impl StoreObserver for LogMetrics {
    fn committed(&self, summary: &CommitSummary) {
        self.write_seconds.observe(summary.seconds);
        self.write_rows.observe(summary.rows as f64);
        self.last_write.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        for (name, counts) in &summary.models {
            let model = self.model(name);
            self.predictions.with(model).inc_by(counts.accepted);
            self.defects.with(model).inc_by(counts.defects);
            self.duplicates.with(model).inc_by(counts.duplicates);
        }
    }

    fn availability_changed(&self, is_available: bool) {
        self.initialized.set(is_available.into());
    }

    fn commit_failed(&self, _: &StoreError) {
        self.write_errors.inc();
    }
}
