//! The queue in front of the inference threads: [`Lanes`] under one lock, and guards for what is taken from them.
//!
//! Rule of thumb: a request holds a guard for each place and each item that waits, and what is dropped is free at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Flow;
use super::lanes::{Lanes, NextTurn, QueueFull, Turn, TurnSeconds};

/// A bounded queue of items. Clones share it.
#[derive(Debug)]
pub(super) struct LaneQueue<T>(Arc<SharedLanes<T>>);

#[derive(Debug)]
struct SharedLanes<T> {
    state: Mutex<QueueState<T>>,
    /// An item has come, or the end.
    changed: Condvar,
}

#[derive(Debug)]
struct QueueState<T> {
    lanes: Lanes<T>,
    closed: bool,
}

impl<T> Clone for LaneQueue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> LaneQueue<T> {
    /// A queue with so many places, for so many threads.
    pub(super) fn new(limit: usize, threads: usize) -> Self {
        let state = Mutex::new(QueueState { lanes: Lanes::new(limit, threads), closed: false });
        Self(Arc::new(SharedLanes { state, changed: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, QueueState<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are taken.
    pub(super) fn held(&self) -> usize {
        self.state().lanes.held()
    }

    /// Takes places for `items`, all or none; `alone` if no other model needs any.
    pub(super) fn admit(&self, flow: &Arc<Flow>, items: usize, alone: bool) -> Result<HeldPlaces<T>, QueueFull> {
        self.state().lanes.admit(flow, items, alone)?;
        Ok(HeldPlaces { queue: self.clone(), flow: Arc::clone(flow), free: items })
    }

    /// Waits for the next items, which go together; `None` when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<TakenTurn<T>> {
        let mut state = self.state();
        loop {
            let (now, closed) = (Instant::now(), state.closed);
            state = match state.lanes.next(now, closed) {
                NextTurn::Now(Turn { items, flow, charged }) => {
                    let seconds = TurnSeconds { charged, took: 0.0 };
                    return Some(TakenTurn { items, on_thread: TurnOnThread { queue: self.clone(), flow, seconds } });
                }
                NextTurn::Nobody if closed => return None,
                NextTurn::Nobody => self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                NextTurn::At(due) => {
                    let waited = self.0.changed.wait_timeout(state, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Takes no more; what waits can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.0.changed.notify_all();
    }
}

/// Items whose turn it is, and the guard that ends it.
#[derive(Debug)]
pub(super) struct TakenTurn<T> {
    pub(super) items: Vec<T>,
    pub(super) on_thread: TurnOnThread<T>,
}

/// Places in the queue, given back when dropped.
#[derive(Debug)]
pub(super) struct HeldPlaces<T> {
    queue: LaneQueue<T>,
    flow: Arc<Flow>,
    free: usize,
}

impl<T> HeldPlaces<T> {
    /// Queues an item on one of the places. Dropping the ticket takes it out again, if it still waits.
    ///
    /// # Errors
    /// The item, where every place has one or the queue is closed.
    pub(super) fn queue(&mut self, item: T) -> Result<QueueTicket<T>, T> {
        let mut state = self.queue.state();
        if self.free == 0 || state.closed {
            return Err(item);
        }
        let number = state.lanes.push(&self.flow, item, Instant::now());
        drop(state);
        self.free -= 1;
        self.queue.0.changed.notify_one();
        Ok(QueueTicket { queue: self.queue.clone(), flow: Arc::clone(&self.flow), number: Some(number) })
    }
}

impl<T> Drop for HeldPlaces<T> {
    fn drop(&mut self) {
        if self.free > 0 {
            self.queue.state().lanes.give_back(&self.flow, self.free);
        }
    }
}

/// An item in the queue.
#[derive(Debug)]
pub(super) struct QueueTicket<T> {
    queue: LaneQueue<T>,
    flow: Arc<Flow>,
    number: Option<u64>,
}

impl<T> QueueTicket<T> {
    /// Leaves nothing to take out: the item is answered.
    pub(super) fn mark_used(&mut self) {
        self.number = None;
    }
}

impl<T> Drop for QueueTicket<T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let removed = self.queue.state().lanes.remove(&self.flow, number);
            // After the lock is released: an item may have megabytes.
            drop(removed);
        }
    }
}

/// A turn on a thread, which ends when this is dropped. Without [`TurnOnThread::record_run`], it costs its model nothing.
#[derive(Debug)]
pub(super) struct TurnOnThread<T> {
    queue: LaneQueue<T>,
    flow: Arc<Flow>,
    seconds: TurnSeconds,
}

impl<T> TurnOnThread<T> {
    /// Sets how many seconds of the thread it took to run so many items.
    pub(super) fn record_run(&mut self, items: usize, seconds: f64) {
        self.seconds.took = seconds;
        self.flow.record_run(seconds / items.max(1) as f64);
    }
}

impl<T> Drop for TurnOnThread<T> {
    fn drop(&mut self) {
        let frees_instance = self.queue.state().lanes.end_turn(&self.flow, self.seconds);
        if frees_instance {
            // This thread may be given another model's item, while a thread that waits could go on with this model.
            self.queue.0.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
