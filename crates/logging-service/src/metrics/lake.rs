//! The metrics of the lake.

use jiff::Timestamp;
use monitoring::{Counter, Each, Family, Gauge, MetricsError, MetricsRegistry, each, label_enum};

use crate::lake::{LakeError, LakeTurn};

label_enum! {
    /// Why something was not written into the lake.
    pub(crate) enum LakeFailure: "reason" {
        /// The object store cannot be reached, or refuses.
        Store = "store",
        /// The database cannot be read or written.
        Database = "database",
        /// The lake holds something else than the database says.
        Disagreement = "disagreement",
        /// Anything else.
        Other = "other",
    }
}

/// The metrics, with a named method for each thing that happens.
pub(crate) struct LakeMetrics {
    enabled: Gauge,
    waiting: Gauge,
    rows: Counter,
    bytes: Counter,
    failures: Family<Counter, Each<LakeFailure>>,
    last_success: Gauge,
}

impl LakeMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// [`MetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        Ok(Self {
            enabled: registry.float_gauge("logging_lake_enabled", "1 if closed days go to a lake, else 0.")?,
            waiting: registry.float_gauge(
                "logging_lake_backlog",
                "Closed days that have rows or labels which are not in the lake.",
            )?,
            rows: registry
                .counter("logging_lake_rows_written_total", "Predictions and labels written into the lake.")?,
            bytes: registry.counter("logging_lake_bytes_written_total", "Bytes of files written into the lake.")?,
            failures: registry.counters(
                "logging_lake_failures_total",
                "Turns of the lake that failed, and days on which it disagrees with the database.",
                each(),
            )?,
            last_success: registry.float_gauge(
                "logging_lake_last_success_timestamp_seconds",
                "Unix time of the last turn of the lake without a failure; 0 before the first.",
            )?,
        })
    }

    /// There is a lake.
    pub(crate) fn set_enabled(&self) {
        self.enabled.set(1.0);
    }

    /// A turn came to its end.
    pub(crate) fn observe_turn(&self, turn: &LakeTurn) {
        self.waiting.set(turn.waiting as f64);
        self.rows.inc_by(turn.growth.rows);
        self.bytes.inc_by(turn.growth.bytes);
        self.failures.with(LakeFailure::Disagreement).inc_by(turn.disagreements);
        if turn.disagreements == 0 {
            self.last_success.set(Timestamp::now().as_microsecond() as f64 / 1e6);
        }
    }

    /// A turn failed.
    pub(crate) fn observe_failure(&self, problem: &LakeError) {
        let reason = match problem {
            LakeError::Store(_) => LakeFailure::Store,
            LakeError::Books(_) => LakeFailure::Database,
            LakeError::Disagrees(_) => LakeFailure::Disagreement,
            LakeError::Encode(_) | LakeError::Unreadable(_) | LakeError::Full(_) | LakeError::Interrupted(_) => {
                LakeFailure::Other
            }
        };
        self.failures.with(reason).inc();
    }
}
