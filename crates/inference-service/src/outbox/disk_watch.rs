//! Notices that the disk does not answer.
//!
//! Rule of thumb: a call into a file system that is frozen returns when it is thawed, and nothing can end it before. So nobody
//! waits for the spool's thread without looking here.

use std::time::{Duration, Instant};

use tracing::{error, warn};

/// What the spool's thread is waiting for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DiskWatch {
    work: Option<DiskWork>,
    is_told: bool,
}

/// Something that the disk has to do.
#[derive(Clone, Copy, Debug)]
struct DiskWork {
    since: Instant,
    /// How long it may take.
    patience: Duration,
}

impl DiskWatch {
    pub(super) fn begin(&mut self, patience: Duration) {
        self.work = Some(DiskWork { since: Instant::now(), patience });
    }

    /// Ends the work, and logs how long it took where the stall was logged.
    pub(super) fn end(&mut self) {
        let work = self.work.take();
        if std::mem::take(&mut self.is_told) {
            let seconds = work.map_or(0.0, |work| work.since.elapsed().as_secs_f64());
            warn!(seconds, "prediction_log_spool_answers_again");
        }
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.work.is_some_and(|work| work.since.elapsed() >= work.patience)
    }

    /// True once for each stall, which it logs.
    pub(super) fn tells_of_stall(&mut self) -> bool {
        let is_news = self.is_stalled() && !self.is_told;
        if is_news {
            self.is_told = true;
            error!("prediction_log_spool_stalled: the disk does not answer, and records wait in memory until it does");
        }
        is_news
    }
}
