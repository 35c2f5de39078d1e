//! Which request is sent next, and when.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

/// How to send.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Requests a second of all connections together; or, in a closed loop, as many as are answered.
    pub rate: Option<f64>,
    /// Requests of all connections together, if there is a limit.
    pub requests: Option<usize>,
    /// How long requests are sent, if there is a limit.
    pub duration: Option<Duration>,
}

/// The requests of a load that is under way.
pub(super) struct Schedule {
    load: Load,
    started: Instant,
    sent: AtomicUsize,
    stopped: AtomicBool,
}

/// A request that is to be sent now.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScheduledRequest {
    /// Counted from 0.
    pub(super) number: usize,
    /// When it was due: in a closed loop, now.
    pub(super) due: Instant,
}

impl Load {
    /// A closed loop without an end.
    pub const fn closed(connections: usize) -> Self {
        Self { connections, rate: None, requests: None, duration: None }
    }

    /// An open loop without an end.
    pub const fn open(connections: usize, rate: f64) -> Self {
        Self { connections, rate: Some(rate), requests: None, duration: None }
    }

    /// The same with a limit to the requests.
    #[must_use]
    pub const fn requests(self, requests: usize) -> Self {
        Self { requests: Some(requests), ..self }
    }

    /// The same with a limit to the time in which requests are sent.
    #[must_use]
    pub const fn lasting(self, duration: Duration) -> Self {
        Self { duration: Some(duration), ..self }
    }
}

impl Schedule {
    /// Begins now.
    pub(super) fn begin(load: Load) -> Self {
        Self { load, started: Instant::now(), sent: AtomicUsize::new(0), stopped: AtomicBool::new(false) }
    }

    /// Waits until the next request is due; `None` where there is none any more.
    pub(super) async fn next(&self) -> Option<ScheduledRequest> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let due = self.load.rate.map_or(now, |rate| self.started + Duration::from_secs_f64(number as f64 / rate));
        let is_over = |duration| due.max(now).duration_since(self.started) >= duration;
        if self.load.requests.is_some_and(|requests| number >= requests) || self.load.duration.is_some_and(is_over) {
            return None;
        }
        sleep_until(due).await;
        (!self.stopped.load(Ordering::Relaxed)).then_some(ScheduledRequest { number, due })
    }

    /// Begins no further request.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Waits on a thread of its own: the runtime's timers are rounded to milliseconds, which is longer than a prediction takes.
async fn sleep_until(moment: Instant) {
    let left = moment.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        spawn_blocking(move || thread::sleep(left)).await.expect("a thread that sleeps ends well");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_moment_comes_early() {
        for microseconds in [0, 50, 700, 3000] {
            let moment = Instant::now() + Duration::from_micros(microseconds);
            sleep_until(moment).await;
            assert!(Instant::now() >= moment);
        }
    }
}
