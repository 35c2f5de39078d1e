//! The metrics of labels, CloudEvents, retention and backups.

use monitoring::{Counter, Each, Family, Gauge, MetricsError, MetricsRegistry, each, label_enum};

use crate::cloudevents::EventRefusal;
use crate::store::labels::UncountedLabels;

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
    /// Why a label counts for no prediction.
    pub(crate) enum UncountedReason: "reason" {
        /// Its predictions are numbers, and it is none.
        NoNumber = "no_number",
        /// Its predictions say neither a class nor a number.
        NothingToJudge = "nothing_to_judge",
        /// Its predictions have failed.
        FailedPrediction = "failed_prediction",
    }
}

label_enum! {
    /// What became of a CloudEvent.
    pub(crate) enum EventOutcome: "outcome" {
        /// It completed a pair, whose predictions are stored.
        Stored = "stored",
        /// It waits for its counterpart.
        Waiting = "waiting",
        /// The event, or its predictions, were there already.
        Duplicate = "duplicate",
        /// It cannot be read.
        Unreadable = "unreadable",
        /// It has waited too long.
        Expired = "expired",
    }
}

label_enum! {
    /// Why predictions are deleted.
    pub(crate) enum DeletionReason: "reason" {
        /// They are too old.
        Age = "age",
        /// The database is too large.
        Size = "size",
    }
}

/// What waits in the database, and how far back it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpkeepStanding {
    /// Labels that wait for their predictions.
    pub(crate) labels_waiting: u64,
    /// Labels that count for none of their predictions.
    pub(crate) labels_uncounted: UncountedLabels,
    /// CloudEvents that wait for their counterparts.
    pub(crate) events_waiting: u64,
    /// Erasures that are not done.
    pub(crate) erasures_unfinished: u64,
    /// When the oldest prediction was made, in microseconds since 1970.
    pub(crate) oldest_prediction: Option<i64>,
}

/// The metrics, with a named method for each thing that happens.
pub(crate) struct UpkeepMetrics {
    feedback: Family<Counter, Each<FeedbackOutcome>>,
    feedback_waiting: Gauge,
    feedback_uncounted: Family<Gauge, Each<UncountedReason>>,
    events: Family<Counter, Each<EventOutcome>>,
    events_refused: Family<Counter, Each<EventRefusal>>,
    events_waiting: Gauge,
    erasures_unfinished: Gauge,
    deleted: Family<Counter, Each<DeletionReason>>,
    oldest: Gauge,
    backup_enabled: Gauge,
    backup_verified: Gauge,
    backup_bytes: Gauge,
    backup_failures: Counter,
}

/// The newest backup that was verified.
pub(crate) struct NewestBackup {
    /// When, in seconds since 1970.
    pub(crate) verified_at: f64,
    /// How large it is.
    pub(crate) bytes: f64,
}

impl UpkeepMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// [`MetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        Ok(Self {
            feedback: registry.counters("logging_feedback_total", "Labels taken by POST /feedback.", each())?,
            feedback_waiting: registry
                .float_gauge("logging_feedback_waiting", "Labels whose prediction has not arrived.")?,
            feedback_uncounted: registry.gauges(
                "logging_feedback_uncounted",
                "Labels that are stored and count for no prediction, by reason.",
                each(),
            )?,
            events: registry.counters("logging_cloudevents_total", "CloudEvents, by what became of them.", each())?,
            events_refused: registry.counters(
                "logging_events_refused_total",
                "CloudEvents that were refused because they cannot be read, by the kind of reason.",
                each(),
            )?,
            events_waiting: registry
                .float_gauge("logging_cloudevents_waiting", "CloudEvents that wait for their counterpart.")?,
            erasures_unfinished: registry
                .float_gauge("logging_erasures_unfinished", "Erasures that were asked for and are not done.")?,
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

    /// Labels have come.
    pub(crate) fn count_labels(&self, outcome: FeedbackOutcome, labels: u64) {
        self.feedback.with(outcome).inc_by(labels);
    }

    /// A CloudEvent has come, or expired.
    pub(crate) fn count_event(&self, outcome: EventOutcome) {
        self.events.with(outcome).inc();
    }

    /// A CloudEvent was refused.
    pub(crate) fn count_event_refusal(&self, reason: EventRefusal) {
        self.events_refused.with(reason).inc();
    }

    /// Retention has deleted predictions.
    pub(crate) fn count_deleted(&self, reason: DeletionReason, rows: u64) {
        self.deleted.with(reason).inc_by(rows);
    }

    /// Shows what waits, and the oldest prediction.
    pub(crate) fn set_standing(&self, standing: &UpkeepStanding) {
        self.feedback_waiting.set(standing.labels_waiting as f64);
        let UncountedLabels { no_number, nothing_to_judge, failed_prediction } = standing.labels_uncounted;
        for (reason, labels) in [
            (UncountedReason::NoNumber, no_number),
            (UncountedReason::NothingToJudge, nothing_to_judge),
            (UncountedReason::FailedPrediction, failed_prediction),
        ] {
            self.feedback_uncounted.with(reason).set(labels as f64);
        }
        self.events_waiting.set(standing.events_waiting as f64);
        self.erasures_unfinished.set(standing.erasures_unfinished as f64);
        self.oldest.set(standing.oldest_prediction.map_or(0.0, |time| time as f64 / 1e6));
    }

    /// Backups are scheduled from now on.
    pub(crate) fn backups_scheduled(&self) {
        self.backup_enabled.set(1.0);
    }

    /// A backup was made at this Unix time, opened and found sound.
    pub(crate) fn backup_verified(&self, time: f64, bytes: u64) {
        self.backup_verified.set(time);
        self.backup_bytes.set(bytes as f64);
    }

    /// The newest backup; nothing before there is one.
    pub(crate) fn newest_backup(&self) -> Option<NewestBackup> {
        let newest = NewestBackup { verified_at: self.backup_verified.get(), bytes: self.backup_bytes.get() };
        Some(newest).filter(|newest| newest.verified_at > 0.0)
    }

    /// A backup failed, or was not sound.
    pub(crate) fn backup_failed(&self) {
        self.backup_failures.inc();
    }
}
