//! The metrics of what the store commits.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use monitoring::{
    Counter, Each, Family, Gauge, Histogram, IntGauge, LATENCY_BUCKETS, LabelEnum as _, LabelLease, LabelSetFull,
    LeasedFamily, LeasedSet, MetricsError, MetricsRegistry, NoLabels, each,
};

use crate::store::{CommitSummary, DatabaseCaution, Store, StoreError, StoreObserver};

/// Models that get series of their own. Whoever may post records chooses the names, so the models are bounded: the rest is
/// counted as `other`. The first to come have series until an evaluation prefers others.
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
    models: LeasedSet,
    leases: Mutex<HashMap<String, LabelLease>>,
    other: LabelLease,
    predictions: LeasedFamily<Counter, NoLabels>,
    defects: LeasedFamily<Counter, NoLabels>,
    duplicates: LeasedFamily<Counter, NoLabels>,
    undeclared: LeasedFamily<Counter, NoLabels>,
    initialized: IntGauge,
    write_seconds: Histogram,
    write_rows: Histogram,
    write_errors: Counter,
    last_write: Gauge,
    cautions: Family<Gauge, Each<DatabaseCaution>>,
}

impl LogMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// [`LogMetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, LogMetricsError> {
        let models = LeasedSet::new(&["model"], MAX_MODELS + 1);
        let other = models.lease(&[OTHER])?;
        let metrics = Self {
            leases: Mutex::default(),
            other,
            predictions: registry.leased_counters(
                "logging_predictions_total",
                "Predictions stored, failed ones too.",
                &models,
                NoLabels,
            )?,
            defects: registry.leased_counters(
                "logging_defects_total",
                "Predictions stored that name a defect.",
                &models,
                NoLabels,
            )?,
            duplicates: registry.leased_counters(
                "logging_duplicates_total",
                "Records acknowledged without storing them again, because their event_id was there.",
                &models,
                NoLabels,
            )?,
            undeclared: registry.leased_counters(
                "logging_undeclared_features_total",
                "Values of features that were left out of records, because their model declares features and not these.",
                &models,
                NoLabels,
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
            cautions: registry.gauges(
                "logging_database_caution",
                "1 where something about the database may cost rows one day, by what it is.",
                each(),
            )?,
            models,
        };
        metrics.expose_lease(&metrics.other);
        Ok(metrics)
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
        let damaged = store.clone();
        registry.gauge_fn(
            "logging_db_damaged_files",
            "Damaged files that were set aside beside the database, until a person removes their reports.",
            move || damaged.damage().files as f64,
        )?;
        let lost = store.clone();
        registry.gauge_fn(
            "logging_db_lost_predictions",
            "Acknowledged predictions that are known to be lost with damaged files, until a person removes the reports.",
            move || lost.damage().lost_predictions as f64,
        )?;
        let size = store.clone();
        registry.gauge_fn(
            "logging_db_bytes",
            "Bytes of the database on disk, its write-ahead log included.",
            move || size.size_bytes() as f64,
        )
    }

    /// Exposes the series of a model before its next record; it has predictions in the database already.
    pub(crate) fn expose(&self, model: &str) {
        self.expose_lease(&self.model(model));
    }

    /// Gives the models of an evaluation series of their own. Where there is no room, the models that it has not chosen
    /// are counted as `other` from now on; a counter that comes back begins at 0, which `rate` takes for a restart.
    pub(crate) fn prefer(&self, chosen: &[String]) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let newcomers = chosen.iter().filter(|model| !leases.contains_key(*model)).count();
        if leases.len() + newcomers > MAX_MODELS {
            let chosen: BTreeSet<&String> = chosen.iter().collect();
            leases.retain(|model, _| chosen.contains(model));
        }
        for model in chosen.iter().take(MAX_MODELS) {
            if !leases.contains_key(model)
                && let Ok(lease) = self.models.lease(&[model])
            {
                self.expose_lease(&lease);
                leases.insert(model.clone(), lease);
            }
        }
    }

    fn expose_lease(&self, lease: &LabelLease) {
        for family in [&self.predictions, &self.defects, &self.duplicates, &self.undeclared] {
            family.with(lease, NoLabels);
        }
    }

    fn model(&self, name: &str) -> LabelLease {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = leases.get(name) {
            return lease.clone();
        }
        let Ok(lease) = self.models.lease(&[name]) else { return self.other.clone() };
        leases.insert(name.to_owned(), lease.clone());
        lease
    }
}

impl StoreObserver for LogMetrics {
    fn committed(&self, summary: &CommitSummary) {
        self.write_seconds.observe(summary.seconds);
        self.write_rows.observe(summary.rows as f64);
        self.last_write.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        for (name, counts) in &summary.models {
            let model = self.model(name);
            self.predictions.with(&model, NoLabels).inc_by(counts.predictions);
            self.defects.with(&model, NoLabels).inc_by(counts.defects);
            self.duplicates.with(&model, NoLabels).inc_by(counts.duplicates);
        }
    }

    fn availability_changed(&self, is_available: bool) {
        self.initialized.set(is_available.into());
    }

    fn commit_failed(&self, _: &StoreError) {
        self.write_errors.inc();
    }

    fn cautions_changed(&self, cautions: &[DatabaseCaution]) {
        for caution in DatabaseCaution::ALL {
            self.cautions.with(*caution).set(f64::from(u8::from(cautions.contains(caution))));
        }
    }

    fn features_left_out(&self, model: &str, values: u64) {
        self.undeclared.with(&self.model(model), NoLabels).inc_by(values);
    }
}
