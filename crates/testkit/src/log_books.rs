//! The books of the prediction log in one scrape.

use crate::Metrics;

/// What the inference service says of the records it took in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBooks {
    /// Taken in.
    pub recorded: u64,
    /// Acknowledged by the logging service.
    pub delivered: u64,
    /// Waiting.
    pub spooled: u64,
    /// Given up, for any reason.
    pub dropped: u64,
}

impl LogBooks {
    /// Reads them from a scrape of the inference service.
    pub fn of(metrics: &Metrics) -> Self {
        let count = |name| metrics.count(name, &[]);
        Self {
            recorded: count("prediction_log_recorded_total"),
            delivered: count("prediction_log_delivered_total"),
            spooled: count("prediction_log_spooled_records"),
            dropped: count("prediction_log_dropped_total"),
        }
    }

    /// Whether nothing is missing and nothing is there twice.
    pub fn balance(self) -> bool {
        self.recorded == self.delivered + self.spooled + self.dropped
    }
}
