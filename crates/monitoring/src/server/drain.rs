//! How a service is told to stop, and what it does before it closes its ports.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tracing::info;

use crate::hangup::tell_of_hangups;
use crate::health::Readiness;

/// How a server stops. A service with several ports hands the same to each of them.
#[derive(Clone, Debug)]
pub struct Drain {
    /// The readiness of the service, which is turned off first.
    pub readiness: Readiness,
    /// How long requests are still accepted after that, so that load balancers notice.
    pub notice: Duration,
    /// How long running requests may take after the port was closed.
    pub patience: Duration,
}

impl Drain {
    /// Turns readiness off, and gives load balancers the time to notice.
    pub(super) async fn announce(&self) {
        // The first of a service's ports logs it.
        if !self.readiness.is_draining() {
            self.readiness.set_draining();
            info!(notice_seconds = self.notice.as_secs_f64(), "draining");
        }
        sleep(self.notice).await;
    }
}

/// Reads a flag's value for [`Drain::notice`]: seconds, 0 to 600.
///
/// # Errors
/// A sentence for the user.
pub fn drain_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds, 0 to 600".to_owned()),
    }
}

/// Completes at SIGTERM or SIGINT. From now on SIGHUP does not end the process; a line of the log tells of it, and files that
/// are read again are read at once. Needs a tokio runtime.
///
/// # Errors
/// If the signal handlers cannot be installed.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    tell_of_hangups()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
