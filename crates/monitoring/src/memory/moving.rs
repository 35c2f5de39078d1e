//! Holds whose bytes are on their way from or to a client, and which of them make way for others.
//!
//! Rule of thumb: a client that stalls, or sends a byte at a time, runs out of time; those that ran out first make way
//! first, and only while somebody waits for room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::client_time::ClientTime;
use super::kind::HeldKind;

/// How long a client may pause before it may have to make way.
const GRACE: Duration = Duration::from_secs(1);
/// How long who reads may pause: what lies in between takes it in gulps.
const READERS_GRACE: Duration = Duration::from_secs(5);
/// How long a body or a message may take altogether before it may have to make way, however steadily it comes.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(10);

/// A hold whose bytes are moving.
pub(super) struct Moving {
    kind: HeldKind,
    /// The time that its client has.
    time: Arc<ClientTime>,
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
}

impl Moving {
    /// Bytes begin to move; `ended` is cancelled when they have to make way.
    pub(super) fn begin(kind: HeldKind, ended: CancellationToken) -> Self {
        Self { kind, time: Arc::new(ClientTime::begin(grace(kind))), units: AtomicUsize::new(0), ended }
    }

    pub(super) fn set_units(&self, units: usize) {
        self.units.store(units, Ordering::Relaxed);
    }

    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    pub(super) fn time(&self) -> &Arc<ClientTime> {
        &self.time
    }

    /// When its time was over, if it is.
    fn late_since(&self, now: Instant) -> Option<Instant> {
        let most = match self.kind {
            HeldKind::Body | HeldKind::Message => Some(LONGEST_ARRIVAL),
            _ => None,
        };
        self.time.late_since(now, most)
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
        let list = self.list();
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

#[cfg(test)]
mod tests {
    use super::super::client_time::tests::passed;
    use super::*;

    #[test]
    fn the_latest_make_way_and_no_more_of_them_than_are_needed() {
        let holds = MovingHolds::default();
        let added: Vec<Arc<Moving>> = [(8, 10), (1, 20), (6, 20), (0, 99)]
            .into_iter()
            .map(|(seconds, units)| {
                let one = Arc::new(Moving::begin(HeldKind::Body, CancellationToken::new()));
                passed(&one.time, GRACE + Duration::from_secs(seconds));
                if seconds == 0 {
                    one.time.moved(1 << 20);
                }
                one.set_units(units);
                holds.add(one.clone());
                one
            })
            .collect();
        let ended = || added.iter().map(|one| one.ended.is_cancelled()).collect::<Vec<_>>();
        let make_way = |units, helpful| holds.make_way(units, helpful).len();
        assert_eq!(make_way(5, Helpful::LargerThan(10)), 1);
        assert_eq!(ended(), [false, false, true, false], "the first is too small to help");
        assert_eq!(make_way(20, Helpful::All), 0, "so many are leaving already");
        assert_eq!(make_way(25, Helpful::All), 1);
        assert_eq!(ended(), [true, false, true, false]);
        assert_eq!(make_way(1_000, Helpful::All), 1, "the last one is in time");
        assert_eq!(ended(), [true, true, true, false]);
    }
}
