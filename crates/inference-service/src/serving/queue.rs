//! The queue in front of the inference threads: [`Lanes`] behind one lock, and the guards of what is taken from them.
//!
//! Rule of thumb: whoever holds a place or waits for an answer holds a guard, and what is dropped is free at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Flow;
use super::lanes::{Full, Lanes, Turn};

/// A bounded queue of items. Clones share it.
#[derive(Debug)]
pub(super) struct Queue<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// An item has come, or the end.
    news: Condvar,
}

#[derive(Debug)]
struct State<T> {
    lanes: Lanes<T>,
    closed: bool,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Queue<T> {
    pub(super) fn new(limit: usize) -> Self {
        let state = Mutex::new(State { lanes: Lanes::new(limit), closed: false });
        Self(Arc::new(Shared { state, news: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are taken.
    pub(super) fn held(&self) -> usize {
        self.state().lanes.held()
    }

    /// Places for `items`, all or none; `alone` if no other model needs any.
    pub(super) fn admit(&self, flow: &Arc<Flow>, items: usize, alone: bool) -> Result<Places<T>, Full> {
        self.state().lanes.admit(flow, items, alone)?;
        Ok(Places { queue: self.clone(), flow: Arc::clone(flow), free: items })
    }

    /// Waits for the next item; `None` when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<Taken<T>> {
        let mut state = self.state();
        loop {
            if let Some(Turn { item, flow, charged }) = state.lanes.next() {
                let turn = OnThread { queue: self.clone(), flow, charged, took: 0.0 };
                return Some((item, turn));
            }
            if state.closed {
                return None;
            }
            state = self.0.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more; what waits can still be taken out.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.0.news.notify_all();
    }
}

/// An item whose turn it is, and what is to be told when it has ended.
pub(super) type Taken<T> = (T, OnThread<T>);

/// Places in the queue, given back when dropped.
#[derive(Debug)]
pub(super) struct Places<T> {
    queue: Queue<T>,
    flow: Arc<Flow>,
    free: usize,
}

impl<T> Places<T> {
    /// Queues an item on one of the places. Dropping the ticket takes it out again, if it still waits.
    ///
    /// # Errors
    /// The item, where every place has one or the queue is closed.
    pub(super) fn queue(&mut self, item: T) -> Result<Ticket<T>, T> {
        let mut state = self.queue.state();
        if self.free == 0 || state.closed {
            return Err(item);
        }
        let number = state.lanes.push(&self.flow, item);
        drop(state);
        self.free -= 1;
        self.queue.0.news.notify_one();
        Ok(Ticket { queue: self.queue.clone(), flow: Arc::clone(&self.flow), number: Some(number) })
    }
}

impl<T> Drop for Places<T> {
    fn drop(&mut self) {
        if self.free > 0 {
            self.queue.state().lanes.give_back(&self.flow, self.free);
        }
    }
}

/// An item in the queue.
#[derive(Debug)]
pub(super) struct Ticket<T> {
    queue: Queue<T>,
    flow: Arc<Flow>,
    number: Option<u64>,
}

impl<T> Ticket<T> {
    /// The item is answered, so there is nothing to take out.
    pub(super) fn used(&mut self) {
        self.number = None;
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let removed = self.queue.state().lanes.remove(&self.flow, number);
            // Behind the lock: an item may be megabytes.
            drop(removed);
        }
    }
}

/// An item on a thread. Dropped without [`OnThread::took`], it has cost its model nothing.
#[derive(Debug)]
pub(super) struct OnThread<T> {
    queue: Queue<T>,
    flow: Arc<Flow>,
    charged: f64,
    took: f64,
}

impl<T> OnThread<T> {
    /// It has taken so many seconds of the thread.
    pub(super) fn took(&mut self, seconds: f64) {
        self.took = seconds;
        self.flow.served(seconds);
    }
}

impl<T> Drop for OnThread<T> {
    fn drop(&mut self) {
        self.queue.state().lanes.ended(&self.flow, (self.charged, self.took));
    }
}

#[cfg(test)]
mod tests;
