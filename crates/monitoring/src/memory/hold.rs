//! Memory that is held for one client.

use std::sync::Arc;

use axum::body::Bytes;
use tokio_util::sync::CancellationToken;

use super::client_time::ServiceTime;
use super::kind::HeldKind;
use super::moving::Moving;
use super::parts::{AskedUnits, RoomParts, SMALL_UNITS, Taken, UNIT};
use super::units::HeldUnits;
use crate::http::{ApiError, ErrorCode};

/// Seconds after which there may be room again.
const RETRY_SECONDS: f64 = 1.0;

/// Bytes of a [`MemoryRoom`](super::MemoryRoom) that are taken for one thing; given back when this is dropped.
pub struct Hold {
    room: Arc<RoomParts>,
    kind: HeldKind,
    bytes: usize,
    taken: Taken,
    moving: Option<(u64, Arc<Moving>)>,
}

impl Hold {
    pub(super) fn new(room: Arc<RoomParts>, kind: HeldKind, ended: Option<CancellationToken>) -> Self {
        let moving = ended.map(|ended| {
            let moving = Arc::new(Moving::begin(kind, ended));
            (room.moving.add(moving.clone()), moving)
        });
        Self { room, kind, bytes: 0, taken: Taken::default(), moving }
    }

    /// The bytes that are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds so many bytes more. Where there is no room, waits shortly for others to give back theirs.
    ///
    /// # Errors
    /// `overloaded`, or `too_large` where it would not fit into an empty room; with what is held as it was.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.check_fits(bytes)?;
        let missing = self.missing(bytes);
        let _waiting = self.service_time();
        let taken =
            if missing == AskedUnits::default() { Some(Taken::default()) } else { self.room.take(missing).await };
        self.add(bytes, taken)
    }

    /// Holds so many bytes more, where nobody can wait.
    ///
    /// # Errors
    /// `overloaded`, or `too_large` where it would not fit into an empty room; with what is held as it was.
    pub fn grow_now(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.check_fits(bytes)?;
        let missing = self.missing(bytes);
        let taken = self.room.take_now(missing);
        if taken.is_none() {
            self.room.make_way(missing);
        }
        self.add(bytes, taken)
    }

    /// Gives back what is held of more than so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let Some(less) = self.bytes.checked_sub(bytes) else { return };
        self.room.metrics.given_back(self.kind, less);
        self.bytes = bytes;
        let units = units(bytes);
        give_back(&mut self.taken.whole, units);
        give_back(&mut self.taken.for_large, if units > SMALL_UNITS { units } else { 0 });
        give_back(&mut self.taken.for_exports, units);
        self.tell_units();
    }

    /// Says that so many bytes have come from the client, or gone to it.
    pub fn moved(&self, bytes: usize) {
        self.moving.iter().for_each(|(_, moving)| moving.time().moved(bytes));
    }

    /// As if its client had done nothing for so long.
    #[cfg(test)]
    pub(super) fn client_pauses(&self, pause: std::time::Duration) {
        self.moving.iter().for_each(|(_, moving)| super::client_time::tests::passed(moving.time(), pause));
    }

    /// Says that until this is dropped the service works on its own, and waits for no client.
    pub fn service_time(&self) -> ServiceTime {
        ServiceTime::begin(self.moving.as_ref().map(|(_, moving)| moving.time()))
    }

    /// Ends when the bytes have to make way for others; never for bytes that are not moving.
    pub async fn must_make_way(&self) {
        match &self.moving {
            Some((_, moving)) => moving.ended().cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Says that everything has come: nobody waits for the client any more.
    pub fn settle(&mut self) {
        if let Some((id, _)) = self.moving.take() {
            self.room.moving.remove(id);
        }
    }

    /// The same bytes; the memory is given back when they and all their slices are dropped.
    #[must_use]
    pub fn of(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        Bytes::from_owner(HeldBytes { bytes, _hold: self })
    }

    /// Bytes that are a part of what is held and are handed to a client now; the memory is given back when the last such part
    /// is dropped.
    #[must_use]
    pub fn share(hold: &Arc<Self>, bytes: Bytes) -> Bytes {
        hold.moved(bytes.len());
        Bytes::from_owner(SharedBytes { bytes, _hold: hold.clone() })
    }

    /// The refusal of a client that made way.
    #[must_use]
    pub fn too_slow(&self) -> ApiError {
        let sentence = "The body came too slowly while others waited for memory; try again later, and faster.";
        ApiError::new(ErrorCode::Overloaded, sentence).retry_after(RETRY_SECONDS)
    }

    /// Refuses what would not fit if nobody else held anything.
    fn check_fits(&self, more: usize) -> Result<(), ApiError> {
        if !self.room.never_has(self.kind, units(self.bytes.saturating_add(more))) {
            return Ok(());
        }
        self.room.metrics.refused(self.kind);
        let sentence = "This needs more memory than there is for one request; send it in parts.";
        Err(ApiError::new(ErrorCode::TooLarge, sentence))
    }

    /// The units that so many bytes more need, of the whole room and of the parts.
    fn missing(&self, more: usize) -> AskedUnits {
        let needed = units(self.bytes.saturating_add(more));
        let missing = |taken: &Option<HeldUnits>| needed.saturating_sub(taken.as_ref().map_or(0, HeldUnits::count));
        let Taken { whole, for_large, for_exports } = &self.taken;
        AskedUnits {
            whole: missing(whole),
            for_large: if needed > SMALL_UNITS { missing(for_large) } else { 0 },
            for_exports: if self.kind == HeldKind::Export { missing(for_exports) } else { 0 },
        }
    }

    fn add(&mut self, bytes: usize, taken: Option<Taken>) -> Result<(), ApiError> {
        let metrics = &self.room.metrics;
        let Some(Taken { whole, for_large, for_exports }) = taken else {
            metrics.refused(self.kind);
            let sentence = "The service holds as much for its clients as it may; try again later.";
            return Err(ApiError::new(ErrorCode::Overloaded, sentence).retry_after(RETRY_SECONDS));
        };
        metrics.taken(self.kind, bytes);
        self.bytes += bytes;
        merge(&mut self.taken.whole, whole);
        merge(&mut self.taken.for_large, for_large);
        merge(&mut self.taken.for_exports, for_exports);
        self.tell_units();
        Ok(())
    }

    fn tell_units(&self) {
        self.moving.iter().for_each(|(_, moving)| moving.set_units(units(self.bytes)));
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.settle();
        self.room.metrics.given_back(self.kind, self.bytes);
    }
}

/// Bytes together with the memory that is held for them.
struct HeldBytes<B> {
    bytes: B,
    _hold: Hold,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for HeldBytes<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// Bytes together with the memory that is held for them and for others.
struct SharedBytes {
    bytes: Bytes,
    _hold: Arc<Hold>,
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}

fn merge(taken: &mut Option<HeldUnits>, more: Option<HeldUnits>) {
    match (taken.as_mut(), more) {
        (Some(taken), Some(more)) => taken.merge(more),
        (None, more) => *taken = more,
        (Some(_), None) => {}
    }
}

/// Keeps so many units at most.
fn give_back(taken: &mut Option<HeldUnits>, keep: usize) {
    if keep == 0 {
        *taken = None;
    } else if let Some(units) = taken {
        units.keep(keep);
    }
}
