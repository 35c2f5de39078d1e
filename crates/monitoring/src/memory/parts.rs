//! The units of a room: who has them, who waits for them, and who makes way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::kind::HeldKind;
use super::metrics::RoomMetrics;
use super::moving::{Helpful, MovingHolds};
use super::units::HeldUnits;
use crate::metrics::{MetricsError, MetricsRegistry};

/// Memory is counted in units of this many bytes: a count of single bytes would not fit into 32 bits.
pub(super) const UNIT: usize = 1024;
/// Holds of at most this many units are small.
pub(super) const SMALL_UNITS: usize = 256;
/// One of so many parts of the room is for small holds alone.
const SMALL_SHARE: usize = 4;
/// One of so many parts of the room is as much as exports may hold together, and no more than these units on a machine with a
/// large room: more of them at a time are no quicker.
const EXPORT_SHARE: usize = 2;
const MOST_EXPORT_UNITS: usize = 256 * 1024;
/// How often who waits looks for holds that have become late.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// For each part, holds are looked at for those that are late this often at most.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The units of a room, and its metrics.
pub(super) struct RoomParts {
    pub(super) metrics: RoomMetrics,
    pub(super) moving: MovingHolds,
    whole: RoomPart,
    /// The part that large holds may use. They need room in it and in the whole.
    for_large: RoomPart,
    /// The part that exports may use. They need room in it as well.
    for_exports: RoomPart,
    /// How long who finds no room waits before it is refused.
    patience: Duration,
}

/// A bounded number of units; who waits for some is served in the order of asking.
struct RoomPart {
    free: Arc<Semaphore>,
    units: usize,
    /// Units that somebody has. The others are free, or with somebody who waits for more of them.
    held: Arc<AtomicUsize>,
    /// Units that somebody waits for.
    wanted: AtomicUsize,
    helpful: Helpful,
    looked: Mutex<Option<Instant>>,
}

/// Units of the room.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) whole: Option<HeldUnits>,
    pub(super) for_large: Option<HeldUnits>,
    pub(super) for_exports: Option<HeldUnits>,
}

/// How many units are asked for, of the whole room and of the parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AskedUnits {
    pub(super) whole: usize,
    pub(super) for_large: usize,
    pub(super) for_exports: usize,
}

impl RoomParts {
    pub(super) fn register(bytes: u64, patience: Duration, registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let units = usize::try_from(bytes / UNIT as u64).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize);
        let metrics = RoomMetrics::register(registry)?;
        metrics.set_size((units * UNIT) as u64);
        Ok(Self {
            metrics,
            moving: MovingHolds::default(),
            whole: RoomPart::new(units, Helpful::All),
            for_large: RoomPart::new(units - units / SMALL_SHARE, Helpful::LargerThan(SMALL_UNITS)),
            for_exports: RoomPart::new((units / EXPORT_SHARE).min(MOST_EXPORT_UNITS), Helpful::Of(HeldKind::Export)),
            patience,
        })
    }

    /// Most bytes that one hold can have.
    pub(super) fn largest_hold(&self) -> usize {
        self.for_large.units * UNIT
    }

    /// Whether one hold could not even have so many units if nobody else held any.
    pub(super) fn never_has(&self, kind: HeldKind, units: usize) -> bool {
        let most = if units > SMALL_UNITS { self.for_large.units } else { self.whole.units };
        units > most || kind == HeldKind::Export && units > self.for_exports.units
    }

    /// Takes what there is now; `None` where it is not enough, and then nothing is taken.
    pub(super) fn take_now(&self, asked: AskedUnits) -> Option<Taken> {
        let for_exports = self.for_exports.take_now(asked.for_exports)?;
        let for_large = self.for_large.take_now(asked.for_large)?;
        let whole = self.whole.take_now(asked.whole)?;
        Some(Taken { whole, for_large, for_exports })
    }

    /// Waits shortly where there is not enough; `None` if there still is not then.
    pub(super) async fn take(&self, asked: AskedUnits) -> Option<Taken> {
        if let Some(taken) = self.take_now(asked) {
            return Some(taken);
        }
        let until = Instant::now() + self.patience;
        let for_exports = self.take_of(&self.for_exports, asked.for_exports, until).await?;
        let for_large = self.take_of(&self.for_large, asked.for_large, until).await?;
        let whole = self.take_of(&self.whole, asked.whole, until).await?;
        Some(Taken { whole, for_large, for_exports })
    }

    /// Ends slow clients for so many units; for who cannot wait.
    pub(super) fn make_way(&self, asked: AskedUnits) {
        self.make_way_in(&self.whole, asked.whole);
        self.make_way_in(&self.for_large, asked.for_large);
        self.make_way_in(&self.for_exports, asked.for_exports);
    }

    async fn take_of(&self, part: &RoomPart, units: usize, until: Instant) -> Option<Option<HeldUnits>> {
        if units == 0 {
            return Some(None);
        }
        if units > part.units {
            return None;
        }
        let _wanted = Wanted::add(&part.wanted, units);
        let permits = u32::try_from(units).ok()?;
        let mut taking = std::pin::pin!(part.free.clone().acquire_many_owned(permits));
        loop {
            self.make_way_in(part, part.wanted.load(Ordering::Relaxed));
            let again = until.min(Instant::now() + LOOK_AGAIN);
            tokio::select! {
                // The semaphore is never closed.
                taken = &mut taking => return taken.ok().map(|permit| Some(part.held(permit))),
                () = sleep_until(again) => if again >= until { return None },
            }
        }
    }

    fn make_way_in(&self, part: &RoomPart, wanted: usize) {
        let missing = (part.held.load(Ordering::Relaxed) + wanted).saturating_sub(part.units);
        if missing > 0 && part.may_look() {
            self.moving.make_way(missing, part.helpful).into_iter().for_each(|kind| self.metrics.evicted(kind));
        }
    }
}

impl RoomPart {
    fn new(units: usize, helpful: Helpful) -> Self {
        Self {
            free: Arc::new(Semaphore::new(units)),
            units,
            held: Arc::default(),
            wanted: AtomicUsize::new(0),
            helpful,
            looked: Mutex::default(),
        }
    }

    fn held(&self, permit: OwnedSemaphorePermit) -> HeldUnits {
        HeldUnits::new(permit, self.held.clone())
    }

    /// Whether it is time again to look for holds that are late.
    fn may_look(&self) -> bool {
        let now = Instant::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let may_look = looked.is_none_or(|looked| now.duration_since(looked) >= LOOK_INTERVAL);
        if may_look {
            *looked = Some(now);
        }
        may_look
    }

    fn take_now(&self, units: usize) -> Option<Option<HeldUnits>> {
        if units == 0 {
            return Some(None);
        }
        let permit = self.free.clone().try_acquire_many_owned(u32::try_from(units).ok()?).ok()?;
        Some(Some(self.held(permit)))
    }
}

/// Units that somebody waits for, as long as this is there.
struct Wanted<'a> {
    sum: &'a AtomicUsize,
    units: usize,
}

impl<'a> Wanted<'a> {
    fn add(sum: &'a AtomicUsize, units: usize) -> Self {
        sum.fetch_add(units, Ordering::Relaxed);
        Self { sum, units }
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.units, Ordering::Relaxed);
    }
}
