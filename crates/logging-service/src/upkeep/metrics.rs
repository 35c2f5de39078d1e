//! The metrics of what goes on beside ingestion: labels, CloudEvents, retention and backups.

use monitoring::{Counter, Each, Family, Gauge, MetricsError, MetricsRegistry, each, label_enum};

label_enum! {
    /// What became of a label.
    pub(crate) enum FeedbackOutcome: "outcome" {
        /// It is stored.
        Accepted = "accepted",
        /// It was there already.
        Duplicate = "duplicate",
    }
}

label_enum! {
    /// What became of a CloudEvent.
    pub(crate) enum EventOutcome: "outcome" {
        /// It completed a pair, whose predictions are stored.
        Stored = "stored",
        /// It waits for its counterpart.
        Waiting = "waiting",
        /// It, or its predictions, were there already.
        Duplicate = "duplicate",
        /// It cannot be read.
        Unreadable = "unreadable",
        /// It has waited too long.
        Expired = "expired",
    }
}

label_enum! {
    /// Why predictions are deleted.
    pub(crate) enum DeletedBecause: "reason" {
        /// They are too old.
        Age = "age",
        /// The database is too large.
        Size = "size",
    }
}

/// The metrics, and named methods for what happens.
pub(crate) struct UpkeepMetrics {
    feedback: Family<Counter, Each<FeedbackOutcome>>,
    feedback_waiting: Gauge,
    events: Family<Counter, Each<EventOutcome>>,
    events_waiting: Gauge,
    deleted: Family<Counter, Each<DeletedBecause>>,
    oldest: Gauge,
    backup_enabled: Gauge,
    backup_verified: Gauge,
    backup_bytes: Gauge,
    backup_failures: Counter,
}

impl UpkeepMetrics {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        Ok(Self {
            feedback: registry.counters("logging_feedback_total", "Labels taken by POST /feedback.", each())?,
            feedback_waiting: registry
                .float_gauge("logging_feedback_waiting", "Labels whose prediction has not arrived.")?,
            events: registry.counters("logging_cloudevents_total", "CloudEvents, by what became of them.", each())?,
            events_waiting: registry
                .float_gauge("logging_cloudevents_waiting", "CloudEvents that wait for their counterpart.")?,
            deleted: registry.counters(
                "logging_retention_deleted_total",
                "Predictions deleted by retention.",
                each(),
            )?,
            oldest: registry.float_gauge(
                "logging_oldest_prediction_timestamp_seconds",
                "Unix time of the oldest stored prediction; 0 if there is none.",
            )?,
            backup_enabled: registry.float_gauge("logging_backup_enabled", "1 if backups are scheduled, else 0.")?,
            backup_verified: registry.float_gauge(
                "logging_backup_last_verified_timestamp_seconds",
                "Unix time of the last backup that was opened and found sound; 0 before the first.",
            )?,
            backup_bytes: registry.float_gauge("logging_backup_bytes", "Bytes of the last verified backup.")?,
            backup_failures: registry
                .counter("logging_backup_failures_total", "Backups that failed or were not sound.")?,
        })
    }

    pub(crate) fn feedback(&self, outcome: FeedbackOutcome, labels: u64) {
        self.feedback.with(outcome).inc_by(labels);
    }

    pub(crate) fn event(&self, outcome: EventOutcome) {
        self.events.with(outcome).inc();
    }

    pub(super) fn deleted(&self, because: DeletedBecause, rows: u64) {
        self.deleted.with(because).inc_by(rows);
    }

    /// What waits, and the Unix time of the oldest prediction.
    pub(super) fn standing(&self, labels: u64, events: u64, oldest: f64) {
        self.feedback_waiting.set(labels as f64);
        self.events_waiting.set(events as f64);
        self.oldest.set(oldest);
    }

    pub(super) fn backups_scheduled(&self) {
        self.backup_enabled.set(1.0);
    }

    /// A backup is sound; `time` is its Unix time.
    pub(super) fn backup_verified(&self, time: f64, bytes: u64) {
        self.backup_verified.set(time);
        self.backup_bytes.set(bytes as f64);
    }

    pub(super) fn backup_failed(&self) {
        self.backup_failures.inc();
    }
}
