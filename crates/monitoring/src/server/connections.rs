//! The connections of a port, and what each may cost.
//!
//! Rule of thumb: a client that sends nothing, or sends it a byte at a time, holds a connection and no more, and not
//! for long.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::backlog;
use super::heads::RefusingConnection;
use crate::http::HeadRefusals;
use crate::tls::{Encryption, Protocol};

/// How long a client that has just connected may take to send its request when the service stops. What it sends later
/// meets a closed connection, as does what an idle connection sends.
const FIRST_REQUEST_PATIENCE: Duration = Duration::from_millis(200);
/// How long the stop waits for handshakes that are under way.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);
/// How long an HTTP/2 connection may be silent before it is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer that.
const PING_PATIENCE: Duration = Duration::from_secs(5);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// How long an HTTP/1 connection may wait for its next request, and the head of that may take; then it is closed.
    head: Duration,
    /// Requests that one HTTP/2 connection may have under way; each may hold a body.
    streams: u32,
    /// Most connections at a time; others wait until one is closed.
    connections: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        // The head has longer than clients and proxies keep a connection that they do not use, so that it is they who
        // close it.
        Self { head: Duration::from_secs(75), streams: 256, connections: 10_000 }
    }
}

/// What answers the requests of a port: those whose heads can be read, and the others.
pub(super) struct RefusingService {
    pub(super) router: Router,
    pub(super) refusals: HeadRefusals,
}

/// The connections of one port, from the first to the last.
pub(super) struct Connections {
    http: auto::Builder<TokioExecutor>,
    encryption: Encryption,
    service: TowerToHyperService<Router>,
    refusals: HeadRefusals,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    /// Each connection holds a clone of this until its handshake is over.
    shaking_hands: mpsc::Sender<Infallible>,
    /// Ends when no clone is left.
    all_greeted: mpsc::Receiver<Infallible>,
}

impl Connections {
    pub(super) fn new(
        protocol: Protocol,
        encryption: Encryption,
        service: RefusingService,
        limits: ConnectionLimits,
    ) -> Self {
        let RefusingService { router, refusals } = service;
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head);
        let mut http2 = http.http2();
        http2.timer(TokioTimer::new()).max_concurrent_streams(limits.streams);
        http2.keep_alive_interval(PING_INTERVAL).keep_alive_timeout(PING_PATIENCE);
        // The builder could also tell the two apart by what a client sends first, but it waits for that without a limit.
        let http = match protocol {
            Protocol::Http1 => http.http1_only(),
            Protocol::Http2 => http.http2_only(),
        };
        let (shaking_hands, all_greeted) = mpsc::channel(1);
        Self {
            http,
            encryption,
            service: TowerToHyperService::new(router),
            refusals,
            places: Arc::new(Semaphore::new(limits.connections)),
            graceful: GracefulShutdown::new(),
            shaking_hands,
            all_greeted,
        }
    }

    /// Serves what the listener accepts until `stop` completes.
    pub(super) async fn accept_until(&self, listener: &mut TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let accepted = async {
                let place = self.place().await;
                // After an error this goes on when there may be room for a connection again.
                (listener.accept().await, place)
            };
            let ((stream, client), place) = tokio::select! {
                accepted = accepted => accepted,
                () = &mut stop => return,
            };
            self.open(stream, client, place);
        }
    }

    /// Closes the listener, serves the clients that wait in it, and lets each connection finish the requests that it has
    /// under way.
    pub(super) async fn finish(self, listener: TcpListener) {
        for (stream, client) in backlog::close(listener) {
            self.open(stream, client, self.place().await);
        }
        let Self { shaking_hands, mut all_greeted, graceful, .. } = self;
        drop(shaking_hands);
        // A client that was accepted last may still be in its handshake.
        let _ = timeout(LAST_HANDSHAKES, all_greeted.recv()).await;
        sleep(FIRST_REQUEST_PATIENCE).await;
        graceful.shutdown().await;
    }

    /// Waits until there may be one more connection.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        self.places.clone().acquire_owned().await.ok()
    }

    /// Serves one connection on a task of its own.
    fn open(&self, stream: TcpStream, client: SocketAddr, place: Option<OwnedSemaphorePermit>) {
        // Without this, small answers wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let (http, encryption, service) = (self.http.clone(), self.encryption.clone(), self.service.clone());
        let refusals = self.refusals.clone();
        let (watcher, shaking_hands) = (self.graceful.watcher(), self.shaking_hands.clone());
        tokio::spawn(async move {
            let stream = encryption.accept(stream).await;
            drop(shaking_hands);
            match stream {
                Ok(stream) => {
                    let stream = TokioIo::new(RefusingConnection::new(stream, refusals));
                    let connection = watcher.watch(http.serve_connection(stream, service));
                    if let Err(problem) = connection.await {
                        // Clients leave as they like.
                        debug!(%client, %problem, "connection_ended_early");
                    }
                }
                Err(problem) => debug!(%client, %problem, "handshake_failed"),
            }
            drop(place);
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::future::pending;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http::{Access, AllowedOrigin, Instrumentation, Routes, instrument};
    use crate::tls::Tls;
    use crate::{Exposition, MetricsRegistry, Readiness};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    async fn serving(limits: ConnectionLimits) -> SocketAddr {
        let router = Router::new().route("/", get(async || "here"));
        serving_router(RefusingService { router, refusals: HeadRefusals::default() }, limits).await
    }

    async fn serving_router(service: RefusingService, limits: ConnectionLimits) -> SocketAddr {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let encryption = Tls::default().encryption(Protocol::Http1).unwrap();
        let connections = Connections::new(Protocol::Http1, encryption, service, limits);
        tokio::spawn(async move { connections.accept_until(&mut listener, pending()).await });
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
    async fn a_connection_without_a_head_is_closed() {
        let address =
            serving(ConnectionLimits { head: Duration::from_millis(100), ..ConnectionLimits::default() }).await;
        for half in [&b""[..], &REQUEST[..20]] {
            assert!(!rest(&mut connected(address, half).await).await.contains("here"));
        }
        let answered = rest(&mut connected(address, REQUEST).await).await;
        assert!(answered.ends_with("here"), "{answered}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_no_handler_sees_is_refused_in_the_one_shape() {
        let address = serving(ConnectionLimits::default()).await;
        let many = "a: b\r\n".repeat(101);
        let long = "x".repeat(70_000);
        for (request, status) in [
            ("This is no HTTP\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(), 400),
            (format!("GET /{long} HTTP/1.1\r\nhost: test\r\n\r\n"), 414),
            (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        ] {
            let answer = rest(&mut connected(address, request.as_bytes()).await).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["code"], "invalid_request");
            assert!(head.contains(&format!("x-request-id: {}", body["request_id"].as_str().unwrap())), "{answer}");
            assert!(body["error"].as_str().unwrap().len() > 30, "{body}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn refusals_that_no_handler_sees_are_counted_and_pages_may_read_them() {
        for (origins, told) in [
            (&[][..], None),
            (&["*"], Some("*")),
            (&["https://example.org"], Some("https://example.org")),
            (&["https://example.org", "https://example.com"], None),
        ] {
            let registry = MetricsRegistry::new("test", "1").unwrap();
            let instrumentation =
                Instrumentation::register(&registry, Readiness::starting(), Access::default()).unwrap();
            let origins: Vec<AllowedOrigin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
            let router = instrumentation.around(Routes::new().get("/", async || "here").open_to(&origins)).unwrap();
            let service = RefusingService { router, refusals: instrumentation.head_refusals(&origins) };
            let address = serving_router(service, ConnectionLimits::default()).await;
            let counted = |status: u16, expected: u32| {
                let text = registry.render(Exposition::Classic);
                let series = format!(r#"http_requests_total{{method="other",route="unmatched",status="{status}"}}"#);
                assert!(text.contains(&format!("{series} {expected}\n")), "{series}: {text}");
            };
            for status in [400, 414, 431] {
                counted(status, 0);
            }
            let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
            let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));
            for (request, status) in [("no HTTP\r\n\r\n", 400), (&long, 414), (&many, 431)] {
                let answer = rest(&mut connected(address, request.as_bytes()).await).await;
                let header = told.map(|origin| format!("access-control-allow-origin: {origin}\r\n"));
                match header {
                    Some(header) => assert!(answer.contains(&header), "{answer}"),
                    None => assert!(!answer.contains("access-control"), "{answer}"),
                }
                counted(status, 1);
            }
        }
    }

    /// How much of a head hyper reads before it gives up depends on how the bytes come.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_head_above_the_bound_is_refused_however_it_comes() {
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let router = instrument(Routes::new().get("/", async || "here"), &registry, Readiness::starting()).unwrap();
        let service = RefusingService { router, refusals: HeadRefusals::default() };
        let address = serving_router(service, ConnectionLimits::default()).await;
        for (bytes, status) in [(390_000, 200), (401_000, 431), (420_000, 431), (500_000, 431), (900_000, 431)] {
            let request = format!("GET / HTTP/1.1\r\nconnection: close\r\nlong: {}\r\n\r\n", "x".repeat(bytes));
            for piece in [1_448, 20_000, request.len()] {
                let connection = TcpStream::connect(address).await.unwrap();
                let (mut reading, mut writing) = connection.into_split();
                let mut begin = [0; 12];
                let (_, read) = tokio::join!(
                    async {
                        for piece in request.as_bytes().chunks(piece) {
                            // A refusal may come before the end.
                            let _ = writing.write_all(piece).await;
                            tokio::task::yield_now().await;
                        }
                    },
                    timeout(Duration::from_secs(30), reading.read_exact(&mut begin))
                );
                read.expect("no answer").unwrap();
                let answer = String::from_utf8_lossy(&begin);
                assert_eq!(answer, format!("HTTP/1.1 {status}"), "{bytes} bytes, {piece} at a time");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_connection_too_many_waits_for_a_place() {
        let address = serving(ConnectionLimits { connections: 1, ..ConnectionLimits::default() }).await;
        let mut first = connected(address, REQUEST).await;
        let mut begin = [0; 8];
        first.read_exact(&mut begin).await.unwrap();
        let mut second = connected(address, REQUEST).await;
        assert!(timeout(Duration::from_millis(50), second.readable()).await.is_err(), "there was no place");
        drop(first);
        timeout(Duration::from_secs(30), second.read_exact(&mut begin)).await.unwrap().unwrap();
    }
}
