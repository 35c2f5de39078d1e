//! Accepting the connections of a port, whatever the system says to it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::sleep;
use tracing::error;

use super::connections::Connections;
use crate::Backoff;

/// The first and the longest wait after the system refused to accept a connection.
const ACCEPT_RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How often that is logged at most.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Serves what the listener accepts until `stop` completes.
pub(super) async fn accept_until(connections: &Connections, listener: &TcpListener, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let mut failures = AcceptFailures { backoff: Backoff::new(ACCEPT_RETRY.0, ACCEPT_RETRY.1), logged: None };
    loop {
        tokio::select! {
            (stream, client) = failures.accept(connections, listener) => {
                connections.open(stream, client);
                if connections.book().is_crowded_at_the_door() {
                    // Those that have to end get their turn before the next comes in.
                    yield_now().await;
                }
            }
            () = &mut stop => return,
        }
    }
}

/// What the system refused lately.
struct AcceptFailures {
    backoff: Backoff,
    logged: Option<Instant>,
}

impl AcceptFailures {
    /// The next connection. It may be given up at any time: what was accepted is returned at once.
    async fn accept(&mut self, connections: &Connections, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        loop {
            match listener.accept().await {
                Ok(accepted) => {
                    self.backoff.reset();
                    return accepted;
                }
                // The client has left, and the next one may be there.
                Err(problem) if is_of_one_client(&problem) => {}
                Err(problem) => {
                    connections.metrics().accept_failed();
                    connections.book().give_back_files();
                    if self.logged.is_none_or(|logged| logged.elapsed() > LOG_INTERVAL) {
                        self.logged = Some(Instant::now());
                        error!(%problem, "connections_not_accepted");
                    }
                    sleep(self.backoff.next_delay()).await;
                }
            }
        }
    }
}

fn is_of_one_client(problem: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(problem.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
