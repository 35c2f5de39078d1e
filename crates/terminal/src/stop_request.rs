//! A person's Ctrl-C, or a service manager's SIGTERM, as a question that a loop can ask.
//!
//! Rule of thumb: as long as a `StopRequest` lives, these signals no longer end the program, so its owner
//! asks it often. Once it is dropped, they end the program again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Notes SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal was closed) while it lives.
#[derive(Default)]
pub struct StopRequest {
    asked: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
}

impl StopRequest {
    /// Listens from now on. One in the life of the program: once dropped, the signals end the program at
    /// once, also while a later one would listen.
    ///
    /// # Errors
    /// Where the system refuses a signal handler.
    pub fn listen() -> io::Result<Self> {
        let request = Self::default();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&request.released))?;
            flag::register(signal, Arc::clone(&request.asked))?;
        }
        Ok(request)
    }

    /// True once for each request, so that a second Ctrl-C is told from the first.
    pub fn take(&self) -> bool {
        self.asked.swap(false, Ordering::SeqCst)
    }

    /// Whether there is a request that has not been taken.
    pub fn is_waiting(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Asks in the place of a signal.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }
}

impl Drop for StopRequest {
    fn drop(&mut self) {
        self.released.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_signal_is_noted_once_and_does_not_end_the_program() {
        let request = StopRequest::listen().unwrap();
        assert!(!request.take());
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::low_level::raise(signal).unwrap();
            assert!(request.is_waiting(), "signal {signal} was not noted");
            assert!(request.take(), "signal {signal} was not noted");
            assert!(!request.take(), "signal {signal} was noted twice");
        }
    }
}
