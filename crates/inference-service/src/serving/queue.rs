//! The queue in front of the inference threads: [`Lanes`] behind one lock, and the guards of what is taken from them.
//!
//! Rule of thumb: whoever holds a place or waits for an answer holds a guard, and what is dropped is free at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Flow;
use super::lanes::{Lanes, NextTurn, QueueFull, Turn};

/// A bounded queue of items. Clones share it.
#[derive(Debug)]
pub(super) struct LaneQueue<T>(Arc<SharedLanes<T>>);

#[derive(Debug)]
struct SharedLanes<T> {
    state: Mutex<QueueState<T>>,
    /// An item has come, or the end.
    news: Condvar,
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
    /// For so many places and threads.
    pub(super) fn new(limit: usize, threads: usize) -> Self {
        let state = Mutex::new(QueueState { lanes: Lanes::new(limit, threads), closed: false });
        Self(Arc::new(SharedLanes { state, news: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, QueueState<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are taken.
    pub(super) fn held(&self) -> usize {
        self.state().lanes.held()
    }

    /// Places for `items`, all or none; `alone` if no other model needs any.
    pub(super) fn admit(&self, flow: &Arc<Flow>, items: usize, alone: bool) -> Result<HeldPlaces<T>, QueueFull> {
        self.state().lanes.admit(flow, items, alone)?;
        Ok(HeldPlaces { queue: self.clone(), flow: Arc::clone(flow), free: items })
    }

    /// Waits for the next items, which go together; `None` when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<Taken<T>> {
        let mut state = self.state();
        loop {
            let (now, closed) = (Instant::now(), state.closed);
            state = match state.lanes.next(now, closed) {
                NextTurn::Now(Turn { items, flow, charged }) => {
                    return Some((items, TurnOnThread { queue: self.clone(), flow, charged, took: 0.0 }));
                }
                NextTurn::Nobody if closed => return None,
                NextTurn::Nobody => self.0.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                NextTurn::At(due) => {
                    let waited = self.0.news.wait_timeout(state, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Takes no more; what waits can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.0.news.notify_all();
    }
}

/// Items whose turn it is, and what is to be told when they have ended.
pub(super) type Taken<T> = (Vec<T>, TurnOnThread<T>);

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
        self.queue.0.news.notify_one();
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
    /// The item is answered, so there is nothing to take out.
    pub(super) fn used(&mut self) {
        self.number = None;
    }
}

impl<T> Drop for QueueTicket<T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let removed = self.queue.state().lanes.remove(&self.flow, number);
            // Behind the lock: an item may be megabytes.
            drop(removed);
        }
    }
}

/// Items on a thread. Dropped without [`TurnOnThread::took`], they have cost their model nothing.
#[derive(Debug)]
pub(super) struct TurnOnThread<T> {
    queue: LaneQueue<T>,
    flow: Arc<Flow>,
    charged: f64,
    took: f64,
}

impl<T> TurnOnThread<T> {
    /// So many of them have taken so many seconds of the thread.
    pub(super) fn took(&mut self, items: usize, seconds: f64) {
        self.took = seconds;
        self.flow.served(seconds / items.max(1) as f64);
    }
}

impl<T> Drop for TurnOnThread<T> {
    fn drop(&mut self) {
        self.queue.state().lanes.ended(&self.flow, (self.charged, self.took));
    }
}

#[cfg(test)]
mod tests;
