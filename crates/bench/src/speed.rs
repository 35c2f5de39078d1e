//! How fast rows are stored, and with how much of the processors.

use anyhow::Result;

use super::program::{ServiceProgram, ThreadSeconds};

/// The name of the service's thread that writes.
pub(super) const WRITER: &str = "store-writer";

/// How fast rows were stored, and with how much of the processors.
#[derive(Clone, Copy, Debug)]
pub(super) struct IngestionSpeed {
    pub(super) rows: usize,
    pub(super) seconds: f64,
    /// Processor seconds of the one thread that writes.
    pub(super) writer: f64,
    /// Processor seconds of the service's other threads.
    pub(super) others: f64,
}

impl IngestionSpeed {
    /// Rows a second.
    pub(super) fn per_second(&self) -> f64 {
        self.rows as f64 / self.seconds
    }

    /// Of rows that a service has stored since it had used this much.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(super) fn since(before: ThreadSeconds, service: &ServiceProgram, rows: usize, seconds: f64) -> Result<Self> {
        let used = service.processor_seconds(WRITER)?.since(before);
        Ok(Self { rows, seconds, writer: used.named, others: used.others })
    }
}
