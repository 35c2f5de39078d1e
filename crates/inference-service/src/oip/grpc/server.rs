//! Connections over HTTP/2, from the first to the last.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use monitoring::Entrance;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, info, warn};

/// Most connections at a time; others wait until one is closed.
const MAX_CONNECTIONS: usize = 10_000;
/// Calls that one connection may have under way; each may hold a message.
const MAX_CALLS: u32 = 256;
/// How long a connection may be silent before it is asked whether it is still there, and for an answer to that.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(5));

/// Serves until `stop` completes; then closes the listener, tells clients to go elsewhere, and waits for the calls that
/// are under way, at most `patience`.
///
/// # Errors
/// If calls were still under way when patience ended.
pub(crate) async fn serve(
    entrance: Entrance,
    router: Router,
    patience: Duration,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let Entrance { mut listener, encryption } = entrance;
    info!(address = %listener.local_addr()?, "listening_grpc");
    let service = TowerToHyperService::new(router);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = GracefulShutdown::new();
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_CALLS);
    http2.keep_alive_interval(KEEP_ALIVE.0).keep_alive_timeout(KEEP_ALIVE.1);
    tokio::pin!(stop);
    loop {
        // Accepting goes on after an error, when there may be room for a connection again.
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok();
            (Listener::accept(&mut listener).await, place)
        };
        let ((stream, client), place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        // Without this, small answers wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let (encryption, http2, service) = (encryption.clone(), http2.clone(), service.clone());
        let watcher = connections.watcher();
        tokio::spawn(async move {
            let served = async {
                let stream = encryption.accept(stream).await?;
                let connection = watcher.watch(http2.serve_connection(TokioIo::new(stream), service));
                connection.await.map_err(io::Error::other)
            };
            if let Err(problem) = served.await {
                debug!(%client, %problem, "connection_failed");
            }
            drop(place);
        });
    }
    drop(listener);
    timeout(patience, connections.shutdown()).await.map_err(|_| {
        warn!(patience_seconds = patience.as_secs_f64(), "calls_abandoned");
        io::Error::new(io::ErrorKind::TimedOut, "calls were still under way when the time to drain was over")
    })
}
