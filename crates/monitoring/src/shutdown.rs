//! Serving until told to stop, and stopping without losing a request.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::closing_listener::ClosingListener;
use crate::connections::{self, Limits};
use crate::health::Readiness;
use crate::tls::Encryption;

/// How long a client that has just connected may take to send its request. What it sends later meets a closed
/// connection, as does whatever an idle connection sends.
pub(crate) const FIRST_REQUEST_PATIENCE: Duration = Duration::from_millis(200);

/// How a server stops.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long readiness says 503 while requests are still taken, so that load balancers notice.
    pub notice: Duration,
    /// How long running requests may take after that.
    pub patience: Duration,
}

/// Where connections come in.
pub struct Entrance {
    /// Takes them.
    pub listener: TcpListener,
    /// What is done with them first.
    pub encryption: Encryption,
}

impl From<TcpListener> for Entrance {
    /// Without encryption.
    fn from(listener: TcpListener) -> Self {
        Self { listener, encryption: Encryption::default() }
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

/// Completes at SIGTERM or SIGINT.
///
/// # Errors
/// If the signal handlers cannot be installed.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Serves until `shutdown` completes; then turns readiness off, goes on for `drain.notice`, closes
/// the listener, and waits for the requests that it has accepted, at most `drain.patience`.
///
/// # Errors
/// If requests were still running when patience ended.
pub async fn serve(
    entrance: impl Into<Entrance>,
    router: Router,
    (readiness, drain): (Readiness, Drain),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (close, closing) = oneshot::channel();
    let Entrance { listener, encryption } = entrance.into();
    let (listener, drained) = ClosingListener::new(listener, closing)?;
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        shutdown.await;
        // A service may have several servers, and is told of once.
        if !readiness.is_draining() {
            readiness.set_draining();
            info!(notice_seconds = drain.notice.as_secs_f64(), "draining");
        }
        sleep(drain.notice).await;
        // The receivers end with the server only, and this with them.
        let _ = close.send(());
        let _ = drained.await;
        sleep(FIRST_REQUEST_PATIENCE).await;
        let _ = stopping.send(());
    };
    let served = connections::serve((listener, encryption), router, Limits::default(), stop);
    let overdue = async {
        // An error means that the server ended first, and with it the other branch.
        let _ = stopped.await;
        sleep(drain.patience).await;
    };
    tokio::select! {
        () = served => Ok(()),
        () = overdue => {
            warn!(patience_seconds = drain.patience.as_secs_f64(), "requests_abandoned");
            Err(io::Error::new(io::ErrorKind::TimedOut, "requests were still running when the time to drain was over"))
        }
    }
}
