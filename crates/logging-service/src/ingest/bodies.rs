//! How much memory the bodies of all requests together may take.
//!
//! Rule of thumb: room is taken before the first byte is read and given back when the last is dropped, so no crowd of
//! large or slow bodies takes more than the bound.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies of the most bytes that may be there at once. Small ones take less room, so there may be many more of them.
const LARGEST_AT_ONCE: usize = 8;
/// The unit of room, in bytes: a count of bytes would not fit into 32 bits.
const UNIT: usize = 1024;

/// The room for bodies.
#[derive(Clone)]
pub(crate) struct Bodies {
    free: Arc<Semaphore>,
    most_bytes: usize,
}

/// The room of one body.
pub(super) struct Room(OwnedSemaphorePermit);

impl Bodies {
    /// Room for bodies of at most `most_bytes` each.
    pub(crate) fn new(most_bytes: usize) -> Self {
        let units = units(most_bytes).saturating_mul(LARGEST_AT_ONCE).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(units)), most_bytes }
    }

    /// Room for the body that these headers announce; for the largest where they do not say. `None` if there is none.
    pub(super) fn room_for(&self, headers: &HeaderMap) -> Option<Room> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // What is larger is refused before it is read.
        let bytes = announced.unwrap_or(self.most_bytes).min(self.most_bytes);
        let units = u32::try_from(units(bytes)).unwrap_or(u32::MAX);
        self.free.clone().try_acquire_many_owned(units).ok().map(Room)
    }
}

impl Room {
    /// The body, which gives the room back when it and all its slices are dropped.
    pub(super) fn around(self, body: Bytes) -> Bytes {
        Bytes::from_owner(Held { body, _room: self.0 })
    }
}

/// A body in its room.
struct Held {
    body: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn announced(bytes: usize) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(bytes))])
    }

    #[test]
    fn bodies_beyond_the_bound_find_no_room_until_one_is_dropped() {
        let bodies = Bodies::new(10 * UNIT);
        let mut held: Vec<Bytes> = Vec::new();
        for headers in [announced(10 * UNIT), announced(usize::MAX), HeaderMap::new()].iter().cycle().take(8) {
            held.push(bodies.room_for(headers).unwrap().around(Bytes::from_static(b"body")));
        }
        assert!(bodies.room_for(&announced(0)).is_none());
        let slice = held.pop().unwrap().slice(1..3);
        assert!(bodies.room_for(&announced(1)).is_none());
        assert_eq!(&slice[..], b"od");
        drop(slice);
        let small: Vec<_> = (0..10).map(|_| bodies.room_for(&announced(UNIT)).unwrap()).collect();
        assert!(bodies.room_for(&announced(1)).is_none());
        drop(small);
        assert!(bodies.room_for(&HeaderMap::new()).is_some());
    }
}
