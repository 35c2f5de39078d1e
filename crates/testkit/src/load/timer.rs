//! Waiting for a moment, to some millionths of a second.

use std::io;
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer of the system. The runtime's own timers are rounded to milliseconds, which is longer than a prediction takes.
pub(super) struct PreciseTimer(AsyncFd<OwnedFd>);

impl PreciseTimer {
    /// A timer of the runtime that this is called in.
    pub(super) fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self(AsyncFd::with_interest(timer, Interest::READABLE)?))
    }

    /// Waits until this moment, which may be over.
    pub(super) async fn sleep_until(&self, moment: Instant) -> io::Result<()> {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let value =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        self.0.async_io(Interest::READABLE, |timer| Ok(rustix::io::read(timer, &mut [0_u8; 8])?)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_moment_comes_early_and_one_that_is_over_comes_at_once() {
        let timer = PreciseTimer::new().unwrap();
        for microseconds in [0, 50, 700, 3000] {
            let moment = Instant::now() + Duration::from_micros(microseconds);
            timer.sleep_until(moment).await.unwrap();
            assert!(Instant::now() >= moment);
        }
    }
}
