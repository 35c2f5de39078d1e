//! How long to wait before an attempt that has failed is made again.
//!
//! Rule of thumb: wait longer after each failure, never longer than the bound, and never exactly as long as others do.

use std::time::Duration;

/// The delays between the attempts at one thing: each is twice the one before, up to a bound, and a random part of it is
/// left out, so that several clients of a service that was away do not come back together.
///
/// ```
/// # use std::time::Duration;
/// # use monitoring::Backoff;
/// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// assert!(!backoff.is_failing());
/// let delay = backoff.next_delay(); // after a failure; the caller sleeps
/// assert!((50..=100).contains(&delay.as_millis()));
/// assert!(backoff.is_failing());
/// backoff.reset(); // after a success
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    is_failing: bool,
}

impl Backoff {
    /// Begins with `first`, and never waits for more than `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first, is_failing: false }
    }

    /// The time to wait after a failure: between half and all of `first`, then of twice that, and so on.
    #[must_use]
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next.min(self.longest);
        self.next = delay.saturating_mul(2);
        self.is_failing = true;
        delay.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Begins anew, after a success.
    pub fn reset(&mut self) {
        *self = Self::new(self.first, self.longest);
    }

    /// Whether the last attempt failed: a delay was given since the beginning or the last reset.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.is_failing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(500));
        for _ in 0..2 {
            for full in [100, 200, 400, 500, 500].map(Duration::from_millis) {
                let delay = backoff.next_delay();
                assert!(full / 2 <= delay && delay <= full, "{delay:?} of {full:?}");
            }
            assert!(backoff.is_failing());
            backoff.reset();
            assert!(!backoff.is_failing());
        }
    }

    #[test]
    fn two_clients_do_not_come_back_together() {
        let delays = || {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
            [(); 5].map(|()| backoff.next_delay())
        };
        assert_ne!(delays(), delays());
    }
}
