//! The queue in front of the writer, bounded by records.
//!
//! Rule of thumb: a caller that is let in gets an answer; one that is refused learns at once why, and when to come back.
//! No caller waits for room.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::queued_write::QueuedWrite;

/// Rows per second assumed until the first commit was measured.
const ASSUMED_ROWS_PER_SECOND: f64 = 5_000.0;
/// Weight of the latest commit in the average speed.
const LATEST_WEIGHT: f64 = 0.2;
/// The soonest that a refused caller is told to come back.
const LEAST_RETRY_AFTER_SECONDS: f64 = 0.1;
/// The latest that a refused caller is told to come back.
const MOST_RETRY_AFTER_SECONDS: f64 = 60.0;

/// What the writer is to do next.
pub(super) enum WriterTask {
    /// Write these in one transaction.
    Write(Vec<QueuedWrite>),
    /// Nothing has arrived for as long as the writer was ready to wait.
    Idle,
    /// Nothing is left, and nothing will come.
    Closed,
}

/// A bounded queue with many producers and one consumer.
pub(super) struct WriteQueue {
    limit: usize,
    state: Mutex<QueueState>,
    /// Something has arrived, or the queue was closed.
    changed: Condvar,
}

struct QueueState {
    waiting: VecDeque<QueuedWrite>,
    records: usize,
    rows_per_second: f64,
    /// Why nothing is let in for now.
    refusal: Option<StoreError>,
    closed: bool,
}

impl WriteQueue {
    /// An empty queue that takes up to `limit` records, and refuses them until [`WriteQueue::accept`].
    pub(super) fn new(limit: usize) -> Self {
        let state = QueueState {
            waiting: VecDeque::new(),
            records: 0,
            rows_per_second: ASSUMED_ROWS_PER_SECOND,
            refusal: Some(StoreError::Unavailable("the database is being opened".to_owned())),
            closed: false,
        };
        Self { limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Lets a write in.
    ///
    /// # Errors
    /// [`StoreError::BatchTooLarge`] if it could never fit, [`StoreError::Overloaded`] if it does not fit now,
    /// [`StoreError::Unavailable`] if the database cannot be written or the queue is closed.
    pub(super) fn push(&self, write: QueuedWrite) -> Result<(), StoreError> {
        let records = write.weight();
        if records > self.limit {
            return Err(StoreError::BatchTooLarge { records, limit: self.limit });
        }
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        if state.records + records > self.limit {
            let seconds = state.records as f64 / state.rows_per_second;
            let retry_after_seconds = seconds.clamp(LEAST_RETRY_AFTER_SECONDS, MOST_RETRY_AFTER_SECONDS);
            return Err(StoreError::Overloaded { retry_after_seconds });
        }
        state.records += records;
        state.waiting.push_back(write);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the oldest writes: at least one, and no more than `max_records` in all unless the first alone is larger.
    /// Waits for the first of them for up to `patience`.
    pub(super) fn take(&self, max_records: usize, patience: Duration) -> WriterTask {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while state.waiting.is_empty() && !state.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return WriterTask::Idle;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut writes = Vec::new();
        let mut taken = 0;
        while let Some(next) = state.waiting.front()
            && (writes.is_empty() || taken + next.weight() <= max_records)
        {
            taken += next.weight();
            writes.extend(state.waiting.pop_front());
        }
        state.records -= taken;
        if writes.is_empty() { WriterTask::Closed } else { WriterTask::Write(writes) }
    }

    /// Notes how fast the writer is, so that refused callers learn when to come back.
    pub(super) fn observe_speed(&self, rows: usize, seconds: f64) {
        let mut state = self.lock();
        let latest = rows as f64 / seconds.max(1e-6);
        state.rows_per_second += LATEST_WEIGHT * (latest - state.rows_per_second);
    }

    /// Lets writes in from now on.
    pub(super) fn accept(&self) {
        self.lock().refusal = None;
    }

    /// Lets nothing in from now on, and hands back what was waiting.
    pub(super) fn refuse(&self, why: StoreError) -> Vec<QueuedWrite> {
        let mut state = self.lock();
        state.refusal = Some(why);
        state.records = 0;
        state.waiting.drain(..).collect()
    }

    /// Lets nothing in ever again; what is waiting can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Why nothing is let in, or was not a moment ago.
    pub(super) fn refusal(&self) -> StoreError {
        let refusal = self.lock().refusal.clone();
        refusal.unwrap_or_else(|| StoreError::Unavailable("the database is being opened".to_owned()))
    }

    /// Whether writes are let in.
    pub(super) fn is_accepting(&self) -> bool {
        let state = self.lock();
        state.refusal.is_none() && !state.closed
    }

    /// Records that wait.
    pub(super) fn depth(&self) -> usize {
        self.lock().records
    }

    /// The most records that may wait.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // Every change is complete before the lock is released, so a panic elsewhere leaves a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use prediction_record::PredictionRecord;
    use tokio::sync::oneshot;

    use super::super::row::NewRow;
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn batch(records: usize) -> QueuedWrite {
        let row =
            || NewRow::of(PredictionRecord { model: records.to_string(), ..<_>::default() }, &<_>::default()).unwrap();
        QueuedWrite::Records {
            rows: (0..records).map(|_| row()).collect(),
            counted: None,
            answer: oneshot::channel().0,
        }
    }

    fn open(limit: usize) -> WriteQueue {
        let queue = WriteQueue::new(limit);
        queue.accept();
        queue
    }

    fn sizes(work: WriterTask) -> Vec<usize> {
        match work {
            WriterTask::Write(writes) => writes.iter().map(QueuedWrite::weight).collect(),
            WriterTask::Idle | WriterTask::Closed => Vec::new(),
        }
    }

    #[test]
    fn the_bound_counts_records_and_not_batches() {
        let queue = open(10);
        queue.push(batch(6)).unwrap();
        queue.push(batch(4)).unwrap();
        assert!(matches!(queue.push(batch(1)), Err(StoreError::Overloaded { .. })));
        assert_eq!(queue.push(batch(11)), Err(StoreError::BatchTooLarge { records: 11, limit: 10 }));
        assert_eq!(queue.depth(), 10);
        assert_eq!(sizes(queue.take(100, NOW)), [6, 4]);
        queue.push(batch(10)).unwrap();
    }

    #[test]
    fn groups_are_in_order_and_bounded_but_never_empty() {
        let queue = open(100);
        for size in [9, 3, 2, 1] {
            queue.push(batch(size)).unwrap();
        }
        assert_eq!(sizes(queue.take(5, NOW)), [9], "a write above the bound goes alone");
        assert_eq!(sizes(queue.take(5, NOW)), [3, 2]);
        assert_eq!(sizes(queue.take(5, NOW)), [1]);
        assert!(matches!(queue.take(5, NOW), WriterTask::Idle));
        assert_eq!(queue.depth(), 0);
    }

    #[test]
    fn retry_after_follows_depth_and_speed() {
        let retry_after = |queue: &WriteQueue| match queue.push(batch(1000)) {
            Err(StoreError::Overloaded { retry_after_seconds }) => retry_after_seconds,
            other => panic!("{other:?}"),
        };
        let queue = open(1000);
        queue.push(batch(1000)).unwrap();
        (0..100).for_each(|_| queue.observe_speed(500, 1.0));
        assert!((retry_after(&queue) - 2.0).abs() < 0.01);
        (0..100).for_each(|_| queue.observe_speed(1, 1.0));
        assert_eq!(retry_after(&queue), 60.0);
        (0..100).for_each(|_| queue.observe_speed(1_000_000, 0.0));
        assert_eq!(retry_after(&queue), 0.1);
    }

    #[test]
    fn refusing_hands_back_what_waits_and_closing_does_not() {
        let queue = WriteQueue::new(10);
        assert!(!queue.is_accepting());
        assert!(matches!(queue.push(batch(1)), Err(StoreError::Unavailable(_))), "before it was opened");
        queue.accept();
        queue.push(batch(2)).unwrap();
        let why = StoreError::Unavailable("disk full".to_owned());
        assert_eq!(queue.refuse(why.clone()).len(), 1);
        assert_eq!(queue.push(batch(1)), Err(why));
        queue.accept();
        queue.push(batch(10)).unwrap();
        queue.close();
        queue.accept();
        assert!(!queue.is_accepting());
        assert!(matches!(queue.push(batch(1)), Err(StoreError::Unavailable(_))), "after it was closed");
        assert_eq!(sizes(queue.take(1, NOW)), [10]);
        assert!(matches!(queue.take(1, Duration::MAX / 4), WriterTask::Closed), "closed means no waiting");
    }
}
