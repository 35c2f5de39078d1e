//! SIGHUP: whoever administers the service wants the files that it reads again to be read now.
//!
//! Rule of thumb: the signal only hastens what happens at intervals anyway, and ends nothing.

use std::future::pending;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// Hears each SIGHUP from its making on.
pub struct Hangup(Option<Signal>);

impl Hangup {
    /// From now on the signal does not end the process.
    fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(|signal| Self(Some(signal)))
    }

    /// Begins to listen, and hears nothing if the system refuses that. Needs a tokio runtime.
    #[must_use]
    pub fn listen_or_ignore() -> Self {
        Self::listen().unwrap_or(Self(None))
    }

    /// Completes at the next SIGHUP.
    pub async fn heard(&mut self) {
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        pending::<()>().await;
    }
}

/// Writes a log line at each SIGHUP, as long as the runtime lasts.
///
/// # Errors
/// If the system refuses to install the handler.
pub(crate) fn tell_of_hangups() -> io::Result<()> {
    let mut hangup = Hangup::listen()?;
    tokio::spawn(async move {
        loop {
            hangup.heard().await;
            info!("files_read_again_by_signal");
        }
    });
    Ok(())
}
