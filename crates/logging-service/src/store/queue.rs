//! The queue in front of the writer, bounded by records.
//!
//! Rule of thumb: a caller that is let in gets an answer; one that is refused learns why, and when to come back. Callers wait
//! shortly for room, in the order in which they come, and a part of it is for small writes alone: those who send much keep
//! nobody out who sends little.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::StoreError;
use super::queued_write::QueuedWrite;

/// How long a caller waits for room.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// A write of at most this part of the limit is small.
const SMALL_PART: usize = 20;
/// The room for small writes alone, as a part of the limit, on top of it.
const ROOM_FOR_SMALL: usize = 4;
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
    room: Arc<Semaphore>,
    room_for_small: Arc<Semaphore>,
    patience: Duration,
    state: Mutex<QueueState>,
    /// Something has arrived, or the queue was closed.
    changed: Condvar,
}

/// Room in the queue, given back when the writer takes what it was asked for.
pub(super) struct QueueRoom(#[expect(dead_code, reason = "it is given back when it is dropped")] OwnedSemaphorePermit);

struct QueueState {
    waiting: VecDeque<(QueuedWrite, QueueRoom)>,
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
        let semaphore = |records: usize| Arc::new(Semaphore::new(records.min(Semaphore::MAX_PERMITS)));
        Self {
            limit,
            room: semaphore(limit),
            room_for_small: semaphore(limit.div_ceil(ROOM_FOR_SMALL)),
            patience: PATIENCE,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Lets a write in, once there is room for it.
    ///
    /// # Errors
    /// [`StoreError::BatchTooLarge`] if it could never fit, [`StoreError::Overloaded`] if there was no room for it in time,
    /// [`StoreError::Unavailable`] if the database cannot be written or the queue is closed.
    pub(super) async fn push(&self, write: QueuedWrite) -> Result<(), StoreError> {
        let records = write.weight();
        self.lock().check_open()?;
        let room = self.room(records).await?;
        let mut state = self.lock();
        state.check_open()?;
        state.records += records;
        state.waiting.push_back((write, room));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    async fn room(&self, records: usize) -> Result<QueueRoom, StoreError> {
        let too_large = || StoreError::BatchTooLarge { records, limit: self.limit };
        let permits = u32::try_from(records).ok().filter(|_| records <= self.limit).ok_or_else(too_large)?;
        if let Ok(room) = self.room.clone().try_acquire_many_owned(permits) {
            return Ok(QueueRoom(room));
        }
        let is_small = records <= (self.limit / SMALL_PART).max(1);
        let room = if is_small { &self.room_for_small } else { &self.room };
        match timeout(self.patience, room.clone().acquire_many_owned(permits)).await {
            Ok(Ok(room)) => Ok(QueueRoom(room)),
            _ => Err(self.lock().overloaded()),
        }
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
            && (writes.is_empty() || taken + next.0.weight() <= max_records)
        {
            taken += next.0.weight();
            writes.extend(state.waiting.pop_front().map(|(write, _)| write));
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
        state.waiting.drain(..).map(|(write, _)| write).collect()
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

impl QueueState {
    /// Whether writes are let in.
    fn check_open(&self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// The refusal of a caller for which there is no room, which says when there will be.
    fn overloaded(&self) -> StoreError {
        let seconds = self.records as f64 / self.rows_per_second;
        let retry_after_seconds = seconds.clamp(LEAST_RETRY_AFTER_SECONDS, MOST_RETRY_AFTER_SECONDS);
        StoreError::Overloaded { retry_after_seconds }
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

    /// A queue in which nobody waits for long.
    fn open(limit: usize) -> WriteQueue {
        let queue = WriteQueue { patience: Duration::from_millis(5), ..WriteQueue::new(limit) };
        queue.accept();
        queue
    }

    fn sizes(work: WriterTask) -> Vec<usize> {
        match work {
            WriterTask::Write(writes) => writes.iter().map(QueuedWrite::weight).collect(),
            WriterTask::Idle | WriterTask::Closed => Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_bound_counts_records_and_not_batches() {
        let queue = open(10);
        queue.push(batch(6)).await.unwrap();
        queue.push(batch(4)).await.unwrap();
        assert!(matches!(queue.push(batch(2)).await, Err(StoreError::Overloaded { .. })));
        assert_eq!(queue.push(batch(11)).await, Err(StoreError::BatchTooLarge { records: 11, limit: 10 }));
        assert_eq!(queue.depth(), 10);
        assert_eq!(sizes(queue.take(100, NOW)), [6, 4]);
        queue.push(batch(10)).await.unwrap();
    }

    #[tokio::test]
    async fn who_sends_little_finds_room_beside_those_who_send_much() {
        let queue = open(100);
        queue.push(batch(100)).await.unwrap();
        for _ in 0..5 {
            queue.push(batch(5)).await.unwrap();
        }
        for records in [5, 6] {
            assert!(matches!(queue.push(batch(records)).await, Err(StoreError::Overloaded { .. })), "{records}");
        }
        assert_eq!(sizes(queue.take(5, NOW)), [100]);
        queue.push(batch(100)).await.unwrap();
    }

    #[tokio::test]
    async fn who_came_first_is_let_in_first() {
        let queue = Arc::new(WriteQueue::new(10));
        queue.accept();
        queue.push(batch(10)).await.unwrap();
        let mut waiting = Vec::new();
        for records in [8, 7, 6] {
            let (queue, (begun, has_begun)) = (queue.clone(), oneshot::channel());
            waiting.push(tokio::spawn(async move {
                let _ = begun.send(());
                queue.push(batch(records)).await.unwrap();
            }));
            has_begun.await.unwrap();
        }
        for (pushed, records) in waiting.into_iter().zip([10, 8, 7]) {
            assert_eq!(sizes(queue.take(1, NOW)), [records]);
            pushed.await.unwrap();
        }
        assert_eq!(sizes(queue.take(1, NOW)), [6]);
    }

    #[tokio::test]
    async fn groups_are_in_order_and_bounded_but_never_empty() {
        let queue = open(100);
        for size in [9, 3, 2, 1] {
            queue.push(batch(size)).await.unwrap();
        }
        assert_eq!(sizes(queue.take(5, NOW)), [9], "a write above the bound goes alone");
        assert_eq!(sizes(queue.take(5, NOW)), [3, 2]);
        assert_eq!(sizes(queue.take(5, NOW)), [1]);
        assert!(matches!(queue.take(5, NOW), WriterTask::Idle));
        assert_eq!(queue.depth(), 0);
    }

    #[tokio::test]
    async fn retry_after_follows_depth_and_speed() {
        let retry_after = async |queue: &WriteQueue| match queue.push(batch(1000)).await {
            Err(StoreError::Overloaded { retry_after_seconds }) => retry_after_seconds,
            other => panic!("{other:?}"),
        };
        let queue = open(1000);
        queue.push(batch(1000)).await.unwrap();
        (0..100).for_each(|_| queue.observe_speed(500, 1.0));
        assert!((retry_after(&queue).await - 2.0).abs() < 0.01);
        (0..100).for_each(|_| queue.observe_speed(1, 1.0));
        assert_eq!(retry_after(&queue).await, 60.0);
        (0..100).for_each(|_| queue.observe_speed(1_000_000, 0.0));
        assert_eq!(retry_after(&queue).await, 0.1);
    }

    #[tokio::test]
    async fn refusing_hands_back_what_waits_and_closing_does_not() {
        let queue = WriteQueue::new(10);
        assert!(!queue.is_accepting());
        assert!(matches!(queue.push(batch(1)).await, Err(StoreError::Unavailable(_))), "before it was opened");
        queue.accept();
        queue.push(batch(2)).await.unwrap();
        let why = StoreError::Unavailable("disk full".to_owned());
        assert_eq!(queue.refuse(why.clone()).len(), 1);
        assert_eq!(queue.push(batch(1)).await, Err(why));
        queue.accept();
        queue.push(batch(10)).await.unwrap();
        queue.close();
        queue.accept();
        assert!(!queue.is_accepting());
        assert!(matches!(queue.push(batch(1)).await, Err(StoreError::Unavailable(_))), "after it was closed");
        assert_eq!(sizes(queue.take(1, NOW)), [10]);
        assert!(matches!(queue.take(1, Duration::MAX / 4), WriterTask::Closed), "closed means no waiting");
    }
}
