//! The inbox of the spool's thread, which takes all that is in it at once.
//!
//! The bound: when too many records wait here, the disk has not kept up for long, and the newest are not
//! taken.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::line::{Amount, RecordLine};
use super::keeper::Settlement;

/// What may wait for the thread. Each record belongs to a request that waits as well, so there are seldom more than some
/// hundred, unless the disk does not answer.
const BOUND: Amount = Amount::bound(50_000, 32 * 1024 * 1024);
/// Transactions that have nothing but refusals come no faster than this: a flood of refusals shares them.
const REFUSALS_APART: Duration = Duration::from_millis(20);

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
    amount: Amount,
    /// The earliest moment for a transaction that has refusals only.
    refusals_due: Option<Instant>,
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
    pub(in super::super) fn hand_in(&self, lines: Vec<RecordLine>) -> Result<oneshot::Receiver<bool>, Vec<RecordLine>> {
        let mut batch = self.lock();
        if batch.closed || !batch.has_room(&lines) {
            return Err(lines);
        }
        let (receipt, kept) = oneshot::channel();
        batch.amount = batch.amount.plus(Amount::of(&lines));
        batch.submissions.push(Submission { lines, receipt });
        drop(batch);
        self.changed.notify_one();
        Ok(kept)
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

    /// Throws away what waits, so that no request waits for an answer; says how much that is.
    pub(super) fn abandon(&self) -> Amount {
        let left = std::mem::replace(&mut *self.lock(), SpoolBatch { closed: true, ..SpoolBatch::default() });
        left.amount
    }

    /// Waits for something to do, until `deadline` if there is one, and takes all of it.
    pub(super) fn take(&self, deadline: Option<Instant>) -> SpoolBatch {
        let mut batch = self.lock();
        loop {
            let now = Instant::now();
            let due = batch.due(now).map(|due| deadline.map_or(due, |deadline| deadline.min(due))).or(deadline);
            batch = match due {
                Some(due) if due <= now => break,
                Some(due) => {
                    let waited = self.changed.wait_timeout(batch, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(batch).unwrap_or_else(PoisonError::into_inner),
            };
        }
        let next =
            if batch.amount.refusal_bytes > 0 { Some(Instant::now() + REFUSALS_APART) } else { batch.refusals_due };
        let closed = batch.closed;
        std::mem::replace(&mut *batch, SpoolBatch { closed, refusals_due: next, ..SpoolBatch::default() })
    }

    fn lock(&self) -> MutexGuard<'_, SpoolBatch> {
        // No code panics while it holds the lock halfway through a change.
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpoolBatch {
    fn has_room(&self, lines: &[RecordLine]) -> bool {
        let mut held = self.amount;
        lines.iter().all(|line| {
            let fits = BOUND.has_room(held, line);
            held = held.plus(line.amount());
            fits
        })
    }

    /// When there is something to do: at once, unless there are only refusals; `None` if there is nothing.
    fn due(&self, now: Instant) -> Option<Instant> {
        let Self { submissions, settlements, loans, amount, .. } = self;
        let has_predictions = amount.bytes > amount.refusal_bytes;
        if self.closed || has_predictions || !settlements.is_empty() || !loans.is_empty() {
            return Some(now);
        }
        (!submissions.is_empty()).then(|| self.refusals_due.map_or(now, |due| due.max(now)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn refusals_share_transactions_and_a_prediction_takes_them_along() {
        let inbox = SpoolInbox::default();
        let refusal = || vec![RecordLine::of_refusal("refused".into())];
        let taken = |batch: SpoolBatch| batch.submissions.len();
        let _first = inbox.hand_in(refusal()).unwrap();
        assert_eq!(taken(inbox.take(None)), 1, "a refusal that comes alone does not wait");
        let begun = Instant::now();
        let _others = [inbox.hand_in(refusal()).unwrap(), inbox.hand_in(refusal()).unwrap()];
        assert_eq!(taken(inbox.take(Some(begun))), 2, "the thread has something else to do");
        let _more = inbox.hand_in(refusal()).unwrap();
        assert_eq!(taken(inbox.take(None)), 1);
        assert!(begun.elapsed() >= REFUSALS_APART);
        let _refused = inbox.hand_in(refusal()).unwrap();
        let _predicted = inbox.hand_in(vec![RecordLine::new("predicted".into())]).unwrap();
        assert_eq!(taken(inbox.take(None)), 2);
    }

    #[test]
    fn refusals_leave_room_for_predictions() {
        let inbox = SpoolInbox::default();
        let text: String = "x".repeat(1 << 20);
        let refusal = || vec![RecordLine::of_refusal(text.clone().into())];
        let accepted: Vec<_> = std::iter::from_fn(|| inbox.hand_in(refusal()).ok()).collect();
        assert_eq!(accepted.len(), 3);
        assert!(inbox.hand_in(vec![RecordLine::new(text.clone().into())]).is_ok());
        assert_eq!(inbox.abandon().records, 4);
        assert!(inbox.hand_in(refusal()).is_err());
    }
}
