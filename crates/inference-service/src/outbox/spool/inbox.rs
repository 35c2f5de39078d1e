//! The inbox of the spool's thread, which takes all that is in it at once.
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
    pub(super) receipt: oneshot::Sender<bool>,
}

/// The delivery asks for the oldest lines: at most `records` of them and about `bytes`.
pub(super) struct LoanRequest {
    pub(super) records: usize,
    pub(super) bytes: u64,
    pub(super) lines: oneshot::Sender<Vec<RecordLine>>,
}

/// All that was handed in since the thread last took something.
#[derive(Default)]
pub(super) struct SpoolBatch {
    pub(super) submissions: Vec<Submission>,
    /// The one delivery waits for its lines, so there is never more than one settlement and one request.
    pub(super) settlements: Vec<Settlement>,
    pub(super) loans: Vec<LoanRequest>,
    lines: usize,
    pub(super) closed: bool,
}

/// The way to the spool's thread.
#[derive(Default)]
pub(in super::super) struct SpoolInbox {
    batch: Mutex<SpoolBatch>,
    changed: Condvar,
}

impl SpoolInbox {
    /// Hands lines in, without waiting. The receiver is told whether they are kept as asked; there is none if the inbox
    /// is full or closed, and they are not taken.
    pub(in super::super) fn hand_in(&self, lines: Vec<RecordLine>) -> Option<oneshot::Receiver<bool>> {
        let mut batch = self.lock();
        if batch.closed || batch.lines + lines.len() > MAX_LINES {
            return None;
        }
        let (receipt, kept) = oneshot::channel();
        batch.lines += lines.len();
        batch.submissions.push(Submission { lines, receipt });
        drop(batch);
        self.changed.notify_one();
        Some(kept)
    }

    /// The oldest lines, at most `records` of them and about `bytes`. They stay in the spool until they are settled.
    pub(in super::super) async fn lend(&self, records: usize, bytes: u64) -> Vec<RecordLine> {
        let (lines, lent) = oneshot::channel();
        self.send(|batch| batch.loans.push(LoanRequest { records, bytes, lines }));
        lent.await.unwrap_or_default()
    }

    /// Says what became of the lines that were lent last.
    pub(in super::super) fn settle(&self, settlement: Settlement) {
        self.send(|batch| batch.settlements.push(settlement));
    }

    /// Adds something for the thread, unless there is none any more.
    fn send(&self, add: impl FnOnce(&mut SpoolBatch)) {
        let mut batch = self.lock();
        if !batch.closed {
            add(&mut batch);
            drop(batch);
            self.changed.notify_one();
        }
    }

    /// Takes nothing from now on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Throws away what waits, so that no request waits for an answer.
    pub(super) fn abandon(&self) {
        *self.lock() = SpoolBatch { closed: true, ..SpoolBatch::default() };
    }

    /// Waits for something to do, until `deadline` if there is one, and takes all of it.
    pub(super) fn take(&self, deadline: Option<Instant>) -> SpoolBatch {
        let mut batch = self.lock();
        while batch.is_empty() && !batch.closed {
            let Some(deadline) = deadline else {
                batch = self.changed.wait(batch).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                break;
            }
            (batch, _) = self.changed.wait_timeout(batch, patience).unwrap_or_else(PoisonError::into_inner);
        }
        let closed = batch.closed;
        std::mem::replace(&mut *batch, SpoolBatch { closed, ..SpoolBatch::default() })
    }

    fn lock(&self) -> MutexGuard<'_, SpoolBatch> {
        // No code panics while it holds the lock halfway through a change.
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpoolBatch {
    fn is_empty(&self) -> bool {
        self.submissions.is_empty() && self.settlements.is_empty() && self.loans.is_empty()
    }
}
