//! Holds whose bytes are on their way from or to a client, and which of them make way for others.
//!
//! Rule of thumb: every byte that moves buys its hold some time, up to a second ahead. A client that stalls, or sends a
//! byte at a time, runs out of time; those that ran out first make way first, and only while somebody waits for room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::kind::HeldKind;

/// How long a client may pause before it may have to make way.
const GRACE: Duration = Duration::from_secs(1);
/// How long who reads may pause: what lies in between takes it in gulps.
const READERS_GRACE: Duration = Duration::from_secs(5);
/// Bytes that buy a second.
const BYTES_A_SECOND: u64 = 64 * 1024;
/// How long a body or a message may take altogether before it may have to make way, however steadily it comes.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(10);
/// Holds are looked at for those that are late this often at most.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A hold whose bytes are moving.
pub(super) struct Moving {
    kind: HeldKind,
    began: Instant,
    /// Until when its bytes have bought time, in microseconds after `began`.
    paid_until: AtomicU64,
    /// The room's units that it has.
    units: AtomicUsize,
    /// Ends what moves the bytes.
    ended: CancellationToken,
}

/// Which holds can help who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Helpful {
    /// Any of them.
    All,
    /// Holds of more units than this.
    LargerThan(usize),
    /// Holds of this kind.
    Of(HeldKind),
}

/// All holds of a room that are moving.
#[derive(Default)]
pub(super) struct MovingHolds(Mutex<MovingList>);

#[derive(Default)]
struct MovingList {
    holds: HashMap<u64, Arc<Moving>>,
    next: u64,
    looked: Option<Instant>,
}

impl Moving {
    /// Bytes begin to move; `ended` is cancelled when they have to make way.
    pub(super) fn begin(kind: HeldKind, ended: CancellationToken) -> Self {
        let paid_until = AtomicU64::new(micros(grace(kind)));
        Self { kind, began: Instant::now(), paid_until, units: AtomicUsize::new(0), ended }
    }

    pub(super) fn set_units(&self, units: usize) {
        self.units.store(units, Ordering::Relaxed);
    }

    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// So many bytes have moved.
    pub(super) fn moved(&self, bytes: usize) {
        let bought = (bytes as u64).saturating_mul(1_000_000) / BYTES_A_SECOND;
        let most = micros(self.began.elapsed() + grace(self.kind));
        // Only the task that moves the bytes writes here.
        let paid = self.paid_until.load(Ordering::Relaxed).saturating_add(bought).min(most);
        self.paid_until.store(paid, Ordering::Relaxed);
    }

    /// When its time was over, if it is.
    fn late_since(&self, now: Instant) -> Option<Instant> {
        let paid = self.began + Duration::from_micros(self.paid_until.load(Ordering::Relaxed));
        let until = match self.kind {
            HeldKind::Body | HeldKind::Message => paid.min(self.began + LONGEST_ARRIVAL),
            _ => paid,
        };
        (until < now).then_some(until)
    }
}

impl Helpful {
    fn includes(self, kind: HeldKind, units: usize) -> bool {
        match self {
            Self::All => units > 0,
            Self::LargerThan(least) => units > least,
            Self::Of(helpful) => kind == helpful && units > 0,
        }
    }
}

impl MovingHolds {
    pub(super) fn add(&self, moving: Arc<Moving>) -> u64 {
        let mut list = self.list();
        let id = list.next;
        list.next += 1;
        list.holds.insert(id, moving);
        id
    }

    pub(super) fn remove(&self, id: u64) {
        self.list().holds.remove(&id);
    }

    /// Ends holds that are late, the latest first, until those that are ended give back `units`; returns the kinds of
    /// those that end now.
    pub(super) fn make_way(&self, units: usize, helpful: Helpful) -> Vec<HeldKind> {
        let now = Instant::now();
        let mut list = self.list();
        if list.looked.is_some_and(|looked| now.duration_since(looked) < LOOK_INTERVAL) {
            return Vec::new();
        }
        list.looked = Some(now);
        let mut leaving = 0;
        let mut late = Vec::new();
        for moving in list.holds.values() {
            let held = moving.units.load(Ordering::Relaxed);
            if !helpful.includes(moving.kind, held) {
                continue;
            }
            if moving.ended.is_cancelled() {
                leaving += held;
            } else if let Some(since) = moving.late_since(now) {
                late.push((since, held, moving));
            }
        }
        late.sort_unstable_by_key(|(since, ..)| *since);
        let mut ended = Vec::new();
        for (_, held, moving) in late {
            if leaving >= units {
                break;
            }
            leaving += held;
            moving.ended.cancel();
            ended.push(moving.kind);
        }
        ended
    }

    fn list(&self) -> MutexGuard<'_, MovingList> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn grace(kind: HeldKind) -> Duration {
    match kind {
        HeldKind::Answer | HeldKind::Export => READERS_GRACE,
        _ => GRACE,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving(paid_until: Duration, began: Instant) -> Moving {
        let moving = Moving::begin(HeldKind::Body, CancellationToken::new());
        moving.paid_until.store(micros(paid_until), Ordering::Relaxed);
        Moving { began, ..moving }
    }

    #[test]
    fn a_client_that_pauses_or_trickles_runs_out_of_time_and_one_that_sends_does_not() {
        let began = Instant::now();
        let stalled = moving(GRACE, began);
        assert_eq!(stalled.late_since(began), None);
        assert_eq!(stalled.late_since(began + Duration::from_secs(3)), Some(began + GRACE));
        for _ in 0..100 {
            stalled.moved(1);
        }
        assert!(
            stalled.late_since(began + Duration::from_secs(3)).is_some(),
            "bytes one at a time buy next to nothing"
        );
        // What is sent at once buys no more than the pause that is allowed.
        stalled.moved(16 << 20);
        assert!(stalled.late_since(Instant::now() + GRACE * 2).is_some());
        assert_eq!(stalled.late_since(Instant::now()), None);
        let steady = moving(Duration::from_secs(60), began);
        assert_eq!(steady.late_since(began + Duration::from_secs(9)), None);
        assert!(steady.late_since(began + Duration::from_secs(11)).is_some(), "it takes too long altogether");
    }

    #[test]
    fn the_latest_make_way_and_no_more_of_them_than_are_needed() {
        let holds = MovingHolds::default();
        let now = Instant::now();
        let began = now.checked_sub(Duration::from_secs(9)).unwrap_or(now);
        let added: Vec<Arc<Moving>> = [(1, 10), (8, 20), (3, 20), (60, 99)]
            .into_iter()
            .map(|(seconds, units)| {
                let one = Arc::new(moving(Duration::from_secs(seconds), began));
                one.set_units(units);
                holds.add(one.clone());
                one
            })
            .collect();
        let ended = || added.iter().map(|one| one.ended.is_cancelled()).collect::<Vec<_>>();
        let make_way = |units, helpful| {
            holds.list().looked = None;
            holds.make_way(units, helpful).len()
        };
        assert_eq!(make_way(5, Helpful::LargerThan(10)), 1);
        assert_eq!(ended(), [false, false, true, false], "the first is too small to help");
        assert_eq!(make_way(20, Helpful::All), 0, "so many are leaving already");
        assert_eq!(make_way(25, Helpful::All), 1);
        assert_eq!(ended(), [true, false, true, false]);
        assert_eq!(make_way(1_000, Helpful::All), 1, "the last one is in time");
        assert_eq!(ended(), [true, true, true, false]);
    }
}
