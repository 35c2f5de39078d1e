//! How far a command has come, said on standard error now and then.

use std::time::{Duration, Instant};

use terminal::warn;

/// Time between two lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Says how far a command has come.
pub(super) struct CommandProgress {
    begun: Instant,
    told: Instant,
    rows: u64,
}

impl CommandProgress {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Self { begun: now, told: now, rows: 0 }
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// More rows were read; says so if nothing was said for a while. `place` says where they come from.
    pub(super) fn advance(&mut self, rows: u64, place: impl FnOnce() -> String) {
        self.rows += rows;
        // A look at the clock costs as much as a small row.
        if (rows > 1 || self.rows.is_multiple_of(256)) && self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            warn(format_args!("{}: {} rows, {:.0} a second", place(), self.rows, self.rate()));
        }
    }

    /// Rows a second since the beginning.
    pub(super) fn rate(&self) -> f64 {
        self.rows as f64 / self.begun.elapsed().as_secs_f64().max(1e-3)
    }
}
