//! The connections of a server, and what each may cost.
//!
//! Rule of thumb: a client that sends nothing, or sends it a byte at a time, holds a connection and no more, and not
//! for long.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::closing_listener::ClosingListener;
use crate::shutdown::FIRST_REQUEST_PATIENCE;
use crate::tls::{Encryption, Stream};

/// How long the stop waits for handshakes that are under way.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long a connection may wait for its next request, and that request's head may take; then it is closed.
    head: Duration,
    /// Most connections at a time; others wait until one is closed.
    connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Longer than clients and proxies keep a connection that they do not use, so that it is they who close it.
        Self { head: Duration::from_secs(75), connections: 10_000 }
    }
}

/// Serves what the listener accepts until `stop` completes; then lets each connection finish the request it is at.
pub(crate) async fn serve(
    (mut listener, encryption): (ClosingListener, Encryption),
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    // Held by each connection that is not encrypted yet.
    let (shaking_hands, mut all_greeted) = mpsc::channel::<Infallible>(1);
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await.ok();
            (listener.accept().await.0, place)
        };
        let (stream, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        // Without this, small answers wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let (http, watcher) = (http.clone(), graceful.watcher());
        let greeting = encryption.is_on().then(|| (encryption.clone(), shaking_hands.clone()));
        tokio::spawn(async move {
            let stream = match greeting {
                None => Ok(Stream::Plain(stream)),
                Some((encryption, _shaking_hands)) => encryption.accept(stream).await,
            };
            match stream {
                Ok(stream) => {
                    let connection = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
                    if let Err(problem) = connection.await {
                        // Clients leave as they like.
                        debug!(%problem, "connection_ended_early");
                    }
                }
                Err(problem) => debug!(%problem, "handshake_failed"),
            }
            drop(place);
        });
    }
    drop(shaking_hands);
    if encryption.is_on() {
        // Who was let in with the last has a handshake before the first request.
        let _ = timeout(LAST_HANDSHAKES, all_greeted.recv()).await;
        sleep(FIRST_REQUEST_PATIENCE).await;
    }
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::future::pending;
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    async fn serving(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (_close, closing) = oneshot::channel();
            let (listener, _drained) = ClosingListener::new(listener, closing).unwrap();
            serve((listener, Encryption::default()), Router::new().route("/", get(async || "here")), limits, pending())
                .await;
        });
        address
    }

    async fn connected(address: SocketAddr, send: &[u8]) -> TcpStream {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(send).await.unwrap();
        connection
    }

    /// What comes until the service closes the connection.
    async fn rest(connection: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        let reading = timeout(Duration::from_secs(30), connection.read_to_end(&mut bytes));
        // A reset is an end, too.
        let _ = reading.await.expect("the connection is never closed");
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_does_not_send_a_head_is_shown_the_door() {
        let address = serving(Limits { head: Duration::from_millis(100), ..Limits::default() }).await;
        for half in [&b""[..], &REQUEST[..20]] {
            assert!(!rest(&mut connected(address, half).await).await.contains("here"));
        }
        let answered = rest(&mut connected(address, REQUEST).await).await;
        assert!(answered.ends_with("here"), "{answered}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_is_one_too_many_waits_for_a_place() {
        let address = serving(Limits { connections: 1, ..Limits::default() }).await;
        let mut first = connected(address, REQUEST).await;
        let mut begin = [0; 8];
        first.read_exact(&mut begin).await.unwrap();
        let mut second = connected(address, REQUEST).await;
        assert!(timeout(Duration::from_millis(50), second.readable()).await.is_err(), "there was no place");
        drop(first);
        timeout(Duration::from_secs(30), second.read_exact(&mut begin)).await.unwrap().unwrap();
    }
}
