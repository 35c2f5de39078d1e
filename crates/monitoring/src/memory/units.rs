//! Units of a part of the room, counted from when they are taken until they are given back.
//!
//! Rule of thumb: the semaphore says whether there is enough, but not how much is held: what is free goes to whoever waits
//! first, bit by bit, while it still waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::OwnedSemaphorePermit;

/// Units that one hold has of one part of the room.
pub(super) struct HeldUnits {
    permit: OwnedSemaphorePermit,
    held: Arc<AtomicUsize>,
}

impl HeldUnits {
    /// Counts the units of `permit` among those that are held of its part.
    pub(super) fn new(permit: OwnedSemaphorePermit, held: Arc<AtomicUsize>) -> Self {
        held.fetch_add(permit.num_permits(), Ordering::Relaxed);
        Self { permit, held }
    }

    pub(super) fn count(&self) -> usize {
        self.permit.num_permits()
    }

    /// Adds `more` of the same part.
    pub(super) fn merge(&mut self, mut more: Self) {
        if let Some(permit) = more.permit.split(more.count()) {
            // They stay among those that are held: what is left of `more` is nothing.
            self.permit.merge(permit);
        }
    }

    /// Gives back all but so many.
    pub(super) fn keep(&mut self, units: usize) {
        let less = self.count().saturating_sub(units);
        if let Some(permit) = self.permit.split(less) {
            drop(Self { permit, held: self.held.clone() });
        }
    }
}

impl Drop for HeldUnits {
    fn drop(&mut self) {
        // Before the permit itself goes, so that whoever takes it is not counted twice.
        self.held.fetch_sub(self.count(), Ordering::Relaxed);
    }
}
