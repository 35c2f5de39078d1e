//! The requests that a port has under way over HTTP/2, and which connection may begin another.
//!
//! A connection over HTTP/1 has one request at a time. Over HTTP/2 it may have hundreds, and each keeps some 20 KiB of a handler that
//! waits, for a message that does not come or for a client that takes no answer.
//!
//! Rule of thumb: while there is room, everybody takes what they like. Where half of it is taken, a connection has its share and
//! no more, so that many who take everything leave something to each who comes.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::memory::{MemoryLimit, memory_limit};

/// What a request that waits keeps in memory, at the most.
const REQUEST_BYTES: u64 = 24 * 1024;
/// One of so many parts of the memory is for requests that wait.
const MEMORY_SHARE: u64 = 16;
/// Fewest and most requests of a port.
const PLACES: (u64, u64) = (1024, 16 * 1024);

/// The requests of a port.
pub(super) struct RequestCrowd {
    places: usize,
    under_way: AtomicUsize,
    connections: AtomicUsize,
}

impl RequestCrowd {
    pub(super) fn new(places: usize) -> Self {
        Self { places, under_way: AtomicUsize::new(0), connections: AtomicUsize::new(0) }
    }

    /// So many connections are open.
    pub(super) fn set_connections(&self, connections: usize) {
        self.connections.store(connections, Ordering::Relaxed);
    }

    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a connection that has so many requests under way may begin another.
    pub(super) fn may_begin(&self, of_connection: u32) -> bool {
        !self.is_crowded() || (of_connection as usize) < self.share()
    }

    /// Whether a connection with so many requests under way has more than its share, while others could do with it.
    pub(super) fn is_too_many(&self, of_connection: u32) -> bool {
        self.is_crowded() && of_connection as usize > self.share()
    }

    fn is_crowded(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) >= self.places / 2
    }

    fn share(&self) -> usize {
        (self.places / 2 / self.connections.load(Ordering::Relaxed).max(1)).max(1)
    }
}

/// How many requests of a port fit into the memory that there is.
pub(super) fn request_places() -> usize {
    let bytes = match memory_limit() {
        Some(MemoryLimit::Container(bytes) | MemoryLimit::Machine(bytes)) => bytes,
        None => 0,
    };
    let (least, most) = PLACES;
    usize::try_from((bytes / MEMORY_SHARE / REQUEST_BYTES).clamp(least, most)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_half_is_taken_everybody_has_a_share() {
        let crowd = RequestCrowd::new(100);
        crowd.set_connections(5);
        (0..49).for_each(|_| crowd.begin());
        assert!(crowd.may_begin(49) && !crowd.is_too_many(49), "there is room");
        crowd.begin();
        assert!(!crowd.may_begin(10) && crowd.may_begin(9), "ten are a fifth of the other half");
        assert!(crowd.is_too_many(11) && !crowd.is_too_many(10));
        crowd.set_connections(10_000);
        assert!(crowd.may_begin(0) && !crowd.may_begin(1), "one is for everybody");
        crowd.end();
        assert!(crowd.may_begin(49));
    }
}
