//! The time that a client takes for bytes on their way, without the time in which the service itself works.
//!
//! Rule of thumb: every byte that moves buys time, up to a grace ahead. The clock stands still while the service reads a
//! page, waits for room or looks at a message: a client cannot be late with what it was not asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that buy a second.
const BYTES_A_SECOND: u64 = 64 * 1024;

/// The clock of one client.
pub(super) struct ClientTime {
    /// How long it may pause.
    grace: Duration,
    clock: Mutex<ClientClock>,
}

struct ClientClock {
    began: Instant,
    /// How long the service has worked since then, up to the last time that it began to.
    worked: Duration,
    /// Since when it works, and how many of its parts do.
    works_since: Option<Instant>,
    workers: u32,
    /// The client's time that its bytes have bought.
    bought: Duration,
}

impl ClientTime {
    pub(super) fn begin(grace: Duration) -> Self {
        let began = Instant::now();
        let clock = ClientClock { began, worked: Duration::ZERO, works_since: None, workers: 0, bought: grace };
        Self { grace, clock: Mutex::new(clock) }
    }

    /// So many bytes have moved.
    pub(super) fn moved(&self, bytes: usize) {
        let bought = Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / BYTES_A_SECOND);
        let mut clock = self.clock();
        clock.bought = clock.bought.saturating_add(bought).min(clock.spent(Instant::now()) + self.grace);
    }

    /// When its time was over, if it is: what it has bought, or `most` of it altogether.
    pub(super) fn late_since(&self, now: Instant, most: Option<Duration>) -> Option<Instant> {
        let clock = self.clock();
        let allowed = most.map_or(clock.bought, |most| clock.bought.min(most));
        let late = clock.spent(now).checked_sub(allowed)?;
        (clock.works_since.is_none() && !late.is_zero()).then(|| now.checked_sub(late)).flatten()
    }

    fn clock(&self) -> MutexGuard<'_, ClientClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientClock {
    /// The client's time until `now`.
    fn spent(&self, now: Instant) -> Duration {
        let until = self.works_since.unwrap_or(now);
        until.saturating_duration_since(self.began).saturating_sub(self.worked)
    }
}

/// The service works, and the clients of these bytes need not be there; until this is dropped.
#[must_use]
pub struct ServiceTime(Option<Arc<ClientTime>>);

impl ServiceTime {
    /// Stops the clock, where there is one.
    pub(super) fn begin(time: Option<&Arc<ClientTime>>) -> Self {
        if let Some(time) = time {
            let mut clock = time.clock();
            clock.workers += 1;
            clock.works_since.get_or_insert_with(Instant::now);
        }
        Self(time.cloned())
    }
}

impl Drop for ServiceTime {
    fn drop(&mut self) {
        let Some(time) = &self.0 else { return };
        let mut clock = time.clock();
        clock.workers -= 1;
        if clock.workers == 0
            && let Some(since) = clock.works_since.take()
        {
            clock.worked += since.elapsed();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    const GRACE: Duration = Duration::from_secs(1);

    /// As if so much time had passed.
    pub(in crate::memory) fn passed(time: &ClientTime, passed: Duration) {
        let mut clock = time.clock();
        let ClientClock { began, works_since, .. } = &mut *clock;
        for moment in [began].into_iter().chain(works_since) {
            *moment = moment.checked_sub(passed).expect("the machine runs long enough");
        }
    }

    fn is_late(time: &ClientTime) -> bool {
        time.late_since(Instant::now(), None).is_some()
    }

    #[test]
    fn a_client_that_pauses_or_trickles_runs_out_of_time_and_one_that_sends_does_not() {
        let time = ClientTime::begin(GRACE);
        assert!(!is_late(&time));
        passed(&time, GRACE * 3);
        let late = time.late_since(Instant::now(), None).expect("it is late").elapsed();
        assert!((GRACE * 2..GRACE * 3).contains(&late), "{late:?}");
        (0..100).for_each(|_| time.moved(1));
        assert!(is_late(&time), "bytes one at a time buy next to nothing");
        // What is sent at once buys no more than the pause that is allowed.
        time.moved(16 << 20);
        assert!(!is_late(&time));
        passed(&time, GRACE * 2);
        assert!(is_late(&time));
        time.moved(16 << 20);
        assert!(time.late_since(Instant::now(), Some(GRACE)).is_some(), "it takes too long altogether");
    }

    #[test]
    fn the_clock_stands_still_while_the_service_works() {
        let time = Arc::new(ClientTime::begin(GRACE));
        let working = ServiceTime::begin(Some(&time));
        let within = ServiceTime::begin(Some(&time));
        passed(&time, GRACE * 60);
        assert!(!is_late(&time));
        drop(within);
        assert!(!is_late(&time), "the outer work goes on");
        drop(working);
        assert!(!is_late(&time), "its own time has hardly begun");
        assert_eq!(time.late_since(Instant::now(), Some(GRACE)), None);
        passed(&time, GRACE * 2);
        assert!(is_late(&time));
        let again = ServiceTime::begin(Some(&time));
        assert!(!is_late(&time), "nobody waits for it now");
        drop(again);
        assert!(is_late(&time), "and its time is still over");
    }
}
