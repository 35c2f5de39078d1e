//! What waits for the spool's thread, which takes all of it at once.
//!
//! The bound: when too many records wait here, the disk has not kept up for long, and the newest are not
//! taken.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::super::line::RecordLine;
use super::keeper::Settlement;

/// Records that may wait for the thread. Each belongs to a request that waits as well, so there are seldom more
/// than some hundred.
const MAX_LINES: usize = 10_000;

/// The records of one request.
pub(super) struct Submission {
    pub(super) lines: Vec<RecordLine>,
    /// Told whether they are kept as asked.
    pub(super) answer: oneshot::Sender<bool>,
}

/// What the delivery wants.
pub(super) enum Errand {
    /// The oldest lines, at most so many records and about so many bytes.
    Lend(usize, u64, oneshot::Sender<Vec<RecordLine>>),
    /// Those that were lent last are done with.
    Settle(Settlement),
}

/// All that was handed in since the last time.
#[derive(Default)]
pub(super) struct SpoolBatch {
    pub(super) submissions: Vec<Submission>,
    pub(super) errands: Vec<Errand>,
    lines: usize,
    pub(super) closed: bool,
}

/// Where work is handed in.
#[derive(Default)]
pub(super) struct SpoolInbox {
    work: Mutex<SpoolBatch>,
    rung: Condvar,
}

impl SpoolInbox {
    /// Hands records in. False if there is no room or nobody to take them.
    pub(super) fn submit(&self, submission: Submission) -> bool {
        let mut work = self.lock();
        if work.closed || work.lines + submission.lines.len() > MAX_LINES {
            return false;
        }
        work.lines += submission.lines.len();
        work.submissions.push(submission);
        drop(work);
        self.rung.notify_one();
        true
    }

    /// Hands an errand in; there are never more than two, because the one delivery waits for its lines. Dropped
    /// if there is nobody to take it.
    pub(super) fn send(&self, errand: Errand) {
        let mut work = self.lock();
        if !work.closed {
            work.errands.push(errand);
            drop(work);
            self.rung.notify_one();
        }
    }

    /// Takes nothing from now on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.rung.notify_one();
    }

    /// Throws away what waits, so that nobody waits for an answer.
    pub(super) fn abandon(&self) {
        *self.lock() = SpoolBatch { closed: true, ..SpoolBatch::default() };
    }

    /// Waits for work, until `deadline` if there is one, and takes all of it.
    pub(super) fn take(&self, deadline: Option<Instant>) -> SpoolBatch {
        let mut work = self.lock();
        while work.submissions.is_empty() && work.errands.is_empty() && !work.closed {
            let Some(deadline) = deadline else {
                work = self.rung.wait(work).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                break;
            }
            (work, _) = self.rung.wait_timeout(work, patience).unwrap_or_else(PoisonError::into_inner);
        }
        let closed = work.closed;
        std::mem::replace(&mut *work, SpoolBatch { closed, ..SpoolBatch::default() })
    }

    fn lock(&self) -> MutexGuard<'_, SpoolBatch> {
        // No code panics while it holds the lock halfway through a change.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
