//! One port: its connections are accepted, served, and ended without losing a request.
//!
//! Rule of thumb: HTTP/1 and HTTP/2 are served by the same code; a [`Protocol`] is a choice of its settings.

mod backlog;
mod connections;
mod drain;
mod heads;

use std::future::Future;
use std::io;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tracing::warn;

use crate::http::HeadRefusals;
use crate::tls::{Protocol, Tls};
use connections::{ConnectionLimits, Connections, RefusingService};
pub use drain::{Drain, drain_seconds, shutdown_signal};

/// A port of the service.
pub struct Entrance {
    /// Accepts the connections.
    pub listener: TcpListener,
    /// The certificate to show; by default connections are not encrypted.
    pub tls: Tls,
    /// The protocol of the port.
    pub protocol: Protocol,
    /// What is done about requests whose heads cannot be read.
    pub refusals: HeadRefusals,
}

impl From<TcpListener> for Entrance {
    /// HTTP/1 without encryption.
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: Tls::default(), protocol: Protocol::Http1, refusals: HeadRefusals::default() }
    }
}

/// Serves until `shutdown` completes; then turns readiness off, goes on for `drain.notice`, closes the listener, and waits
/// for the requests that it has accepted, at most `drain.patience`.
///
/// # Errors
/// If requests were still running when patience ended.
pub async fn serve(
    entrance: impl Into<Entrance>,
    router: Router,
    drain: Drain,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let Entrance { mut listener, tls, protocol, refusals } = entrance.into();
    let service = RefusingService { router, refusals };
    let connections = Connections::new(protocol, tls.encryption(protocol)?, service, ConnectionLimits::default());
    let stop = async {
        shutdown.await;
        drain.announce().await;
    };
    connections.accept_until(&mut listener, stop).await;
    timeout(drain.patience, connections.finish(listener)).await.map_err(|_| {
        let patience_seconds = drain.patience.as_secs_f64();
        match protocol {
            Protocol::Http1 => warn!(patience_seconds, "requests_abandoned"),
            Protocol::Http2 => warn!(patience_seconds, "calls_abandoned"),
        }
        io::Error::new(io::ErrorKind::TimedOut, "requests were still running when the time to drain was over")
    })
}
