//! How long the bodies of a connection's requests may keep it waiting.
//!
//! Rule of thumb: every byte buys a little time, and time runs only while a body waits for its client, never while the
//! service does something else.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long bodies may keep a connection waiting before it may have to make way.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes that buy another second, so that a byte at a time buys next to nothing.
const BYTES_A_SECOND: u64 = 8_000;

/// The time that the bodies of one connection have left.
pub(super) struct BodyTime(Mutex<BodyClock>);

struct BodyClock {
    /// Requests that wait for bytes of their bodies.
    waiting: u32,
    /// Since when none of them waits, while none does.
    rests_since: Instant,
    /// Until when they may wait, if they do.
    due: Instant,
}

impl BodyTime {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(BodyClock { waiting: 0, rests_since: now, due: now + GRACE }))
    }

    /// The first of some requests begins.
    pub(super) fn begin(&self) {
        let now = Instant::now();
        let mut clock = self.clock();
        (clock.rests_since, clock.due) = (now, now + GRACE);
    }

    /// A body begins or ends to wait for its client.
    pub(super) fn waits(&self, is_waiting: bool) {
        let now = Instant::now();
        let mut clock = self.clock();
        if is_waiting {
            if clock.waiting == 0 {
                let rested = now.duration_since(clock.rests_since);
                clock.due += rested;
            }
            clock.waiting += 1;
        } else {
            clock.waiting = clock.waiting.saturating_sub(1);
            clock.rests_since = now;
        }
    }

    /// So many bytes of a body have come.
    pub(super) fn came(&self, bytes: usize) {
        let bought = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / BYTES_A_SECOND);
        let mut clock = self.clock();
        clock.due = (clock.due + bought.min(GRACE)).min(Instant::now() + GRACE);
    }

    /// Since when so many requests, which are all that there are, wait for bodies that come too slowly, if they do.
    pub(super) fn slow_since(&self, busy: u32) -> Option<Instant> {
        let clock = self.clock();
        (busy > 0 && clock.waiting >= busy && clock.due < Instant::now()).then_some(clock.due)
    }

    fn clock(&self) -> MutexGuard<'_, BodyClock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn passed(time: &BodyTime, seconds: u64) {
        let passed = Duration::from_secs(seconds);
        let mut clock = time.clock();
        let BodyClock { rests_since, due, .. } = &mut *clock;
        for moment in [rests_since, due] {
            *moment = moment.checked_sub(passed).expect("the machine runs long enough");
        }
    }

    #[test]
    fn time_runs_only_while_a_body_waits_for_its_client() {
        let time = BodyTime::new();
        passed(&time, 60);
        time.waits(true);
        assert_eq!(time.slow_since(1), None, "until now the service was busy with something else");
        passed(&time, 4);
        assert_eq!(time.slow_since(1), None);
        passed(&time, 2);
        assert!(time.slow_since(1).is_some());
        assert_eq!(time.slow_since(2), None, "another request is being answered");
        time.came(1);
        assert!(time.slow_since(1).is_some(), "a byte buys next to nothing");
        time.came(100_000);
        assert_eq!(time.slow_since(1), None);
        time.waits(false);
        assert_eq!(time.slow_since(1), None);
    }
}
