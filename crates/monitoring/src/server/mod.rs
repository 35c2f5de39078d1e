//! One port: its connections are accepted, served, and ended without losing a request.
//!
//! Rule of thumb: HTTP/1 and HTTP/2 are served by the same code; a [`Protocol`] is a choice of its settings.

mod accept;
mod address;
mod answer;
mod attendant;
mod backlog;
mod body_time;
mod book;
mod connections;
mod crowd;
mod deadlines;
mod drain;
mod end_order;
mod framing;
mod handover;
mod heads;
mod metrics;
mod open_files;
mod options;
mod probes;
mod request_body;
mod spoken;
mod stream;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
mod visit;

use std::future::Future;
use std::io;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::warn;

use crate::http::HeadRefusals;
use crate::tls::{Protocol, Tls};
use accept::accept_until;
pub use address::AddressRange;
use connections::{ConnectionLimits, Connections, PortProtocol, RefusingService};
pub use drain::{Drain, drain_seconds, shutdown_signal};
pub use options::{ConnectionOptions, Doors};

/// A port of the service.
pub struct Entrance {
    /// What the port is called in metrics.
    pub name: &'static str,
    /// Accepts the connections.
    pub listener: TcpListener,
    /// The certificate to show; by default connections are not encrypted.
    pub tls: Tls,
    /// The protocol of the port.
    pub protocol: Protocol,
    /// What is done about requests whose heads cannot be read.
    pub refusals: HeadRefusals,
    /// How many connections there may be.
    pub doors: Doors,
}

impl From<TcpListener> for Entrance {
    /// HTTP/1 without encryption, and the usual number of connections, which is not measured.
    fn from(listener: TcpListener) -> Self {
        Self {
            name: "http",
            listener,
            tls: Tls::default(),
            protocol: Protocol::Http1,
            refusals: HeadRefusals::default(),
            doors: Doors::default(),
        }
    }
}

/// Serves until `shutdown` completes; then turns readiness off, goes on for `drain.notice`, closes the listener, and waits
/// for the requests that it has accepted, at most `drain.patience`. Probes are answered by a thread of the port's own.
///
/// # Errors
/// If that thread cannot be started, or requests were still running when patience ended.
pub async fn serve(
    entrance: impl Into<Entrance>,
    router: Router,
    drain: Drain,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let Entrance { name, listener, tls, protocol, refusals, doors } = entrance.into();
    let (places, metrics) = doors.port(name);
    let port = PortProtocol { protocol, encryption: tls.encryption(protocol)?, metrics };
    let service = RefusingService { router, refusals };
    let connections = Connections::new(port, service, ConnectionLimits::new(places), Handle::current());
    let doorkeeper = Doorkeeper::start(listener, connections)?;
    shutdown.await;
    drain.announce().await;
    timeout(drain.patience, doorkeeper.close()).await.map_err(|_| {
        let patience_seconds = drain.patience.as_secs_f64();
        match protocol {
            Protocol::Http1 => warn!(patience_seconds, "requests_abandoned"),
            Protocol::Http2 => warn!(patience_seconds, "calls_abandoned"),
        }
        io::Error::new(io::ErrorKind::TimedOut, "requests were still running when the time to drain was over")
    })
}

/// The thread that accepts the connections of a port, so that no work of the service keeps a probe waiting.
struct Doorkeeper {
    runtime: Option<Runtime>,
    stop: oneshot::Sender<()>,
    closed: oneshot::Receiver<()>,
}

impl Doorkeeper {
    fn start(listener: TcpListener, connections: Connections) -> io::Result<Self> {
        let runtime =
            runtime::Builder::new_multi_thread().worker_threads(1).thread_name("doors").enable_all().build()?;
        let listener = listener.into_std()?;
        let (stop, stopped) = oneshot::channel();
        let (is_closed, closed) = oneshot::channel();
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let looking = connections.look_after();
        let serving = async move {
            accept_until(&connections, &listener, async {
                // An error says that nobody serves any longer.
                let _ = stopped.await;
            })
            .await;
            connections.finish(listener).await;
        };
        runtime.spawn(async move {
            // Until the last connection is closed: whoever is late may not keep the service from its end, either.
            tokio::select! {
                () = serving => {}
                () = looking => {}
            }
            let _ = is_closed.send(());
        });
        Ok(Self { runtime: Some(runtime), stop, closed })
    }

    /// Closes the port, and waits until all connections are closed.
    async fn close(mut self) {
        let (stop, _) = oneshot::channel();
        let _ = std::mem::replace(&mut self.stop, stop).send(());
        let _ = (&mut self.closed).await;
    }
}

impl Drop for Doorkeeper {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime cannot wait for its end inside of another.
            runtime.shutdown_background();
        }
    }
}
