use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::book::ConnectionPlaces;
use super::deadlines::ConnectionDeadlines;
use super::metrics::{ConnectionMetrics, PortMetrics};
use super::*;
use crate::http::{Access, AllowedOrigin, Instrumentation, Routes, instrument};
use crate::{Exposition, MetricsRegistry, Readiness};

mod book;
mod crowds;
mod http2;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

fn limits() -> ConnectionLimits {
    ConnectionLimits::new(ConnectionPlaces {
        all: 1000,
        of_one_address: 1000,
        reserved: 100,
        leaving: 100,
        requests: 1000,
        proxies: Vec::new(),
    })
}

async fn serving(limits: ConnectionLimits) -> SocketAddr {
    let router = Router::new().route("/", get(async || "here"));
    serving_router(RefusingService { router, refusals: HeadRefusals::default() }, limits).await
}

async fn serving_router(service: RefusingService, limits: ConnectionLimits) -> SocketAddr {
    serving_at("127.0.0.1:0", Protocol::Http1, service, limits).await
}

/// Serves until the test ends.
async fn serving_at(at: &str, protocol: Protocol, service: RefusingService, limits: ConnectionLimits) -> SocketAddr {
    let encryption = Tls::default().encryption(protocol).unwrap();
    let port = PortProtocol { protocol, encryption, metrics: PortMetrics::default() };
    opened(at, Connections::new(port, service, limits, Handle::current())).await
}

/// A port whose connections are counted.
async fn counted_at(registry: &MetricsRegistry, service: RefusingService, limits: ConnectionLimits) -> SocketAddr {
    let metrics = Arc::new(ConnectionMetrics::register(registry).unwrap());
    let metrics = PortMetrics::new(Some(&metrics), "http", limits.places.all);
    let encryption = Tls::default().encryption(Protocol::Http1).unwrap();
    let port = PortProtocol { protocol: Protocol::Http1, encryption, metrics };
    opened("127.0.0.1:0", Connections::new(port, service, limits, Handle::current())).await
}

async fn opened(at: &str, connections: Connections) -> SocketAddr {
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    std::mem::forget(Doorkeeper::start(listener, connections).unwrap());
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
    let time = Duration::from_millis(100);
    let deadlines = ConnectionDeadlines { head: time, idle: time, ..ConnectionDeadlines::default() };
    let address = serving(ConnectionLimits { deadlines, ..limits() }).await;
    for half in [&b""[..], &REQUEST[..20]] {
        assert!(!rest(&mut connected(address, half).await).await.contains("here"));
    }
    let answered = rest(&mut connected(address, REQUEST).await).await;
    assert!(answered.ends_with("here"), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_handler_sees_is_refused_in_the_one_shape() {
    let address = serving(limits()).await;
    let many = "a: b\r\n".repeat(101);
    let long = "x".repeat(70_000);
    for (request, status) in [
        ("This is no HTTP\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\nhost: test\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        ("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(), 501),
        ("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked, x\r\n\r\n".to_owned(), 501),
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
        let instrumentation = Instrumentation::register(&registry, Readiness::starting(), Access::default()).unwrap();
        let origins: Vec<AllowedOrigin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        let router = instrumentation.around(Routes::new().get("/", async || "here").open_to(&origins)).unwrap();
        let service = RefusingService { router, refusals: instrumentation.head_refusals(&origins) };
        let address = serving_router(service, limits()).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_rfc_9112_forbids_is_refused() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let routes = Routes::new().get("/", async || "here").post("/", async |body: String| format!("here {body}"));
    let router = instrument(routes, &registry, Readiness::starting()).unwrap();
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let address = serving_router(service, limits()).await;
    let chunked = "transfer-encoding: chunked\r\n";
    for (head, body, status) in [
        ("GET / HTTP/1.1\r\nhost: test\r\n", "", 200),
        ("GET / HTTP/1.1\r\nhost: [::1]:8000\r\n", "", 200),
        ("GET / HTTP/1.1\r\nhost:\r\n", "", 200),
        ("GET / HTTP/1.0\r\n", "", 200),
        ("GET http://test/ HTTP/1.1\r\nhost: test\r\n", "", 200),
        ("GET / HTTP/1.1\r\n", "", 400),
        ("GET http://test/ HTTP/1.1\r\n", "", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "", 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n", "", 400),
        ("GET / HTTP/1.1\r\nhost: a@b\r\n", "", 400),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n", "", 400),
        (&format!("POST / HTTP/1.1\r\nhost: test\r\n{chunked}"), "2\r\nok\r\n0\r\n\r\n", 200),
        (&format!("POST / HTTP/1.1\r\nhost: test\r\n{chunked}content-length: 12\r\n"), "2\r\nok\r\n0\r\n\r\n", 400),
        (&format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 12\r\n{chunked}"), "2\r\nok\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: gzip, chunked\r\n", "2\r\nok\r\n0\r\n\r\n", 501),
        (&format!("POST / HTTP/1.1\r\nhost: test\r\n{chunked}{chunked}"), "2\r\nok\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\ncontent-length: 3\r\n", "ok", 400),
        ("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: +2\r\n", "ok", 400),
        ("POST / HTTP/1.1\r\nhost: test\r\ncontent-length : 2\r\n", "ok", 400),
        ("POST / HTTP/1.1\r\nhost: test\r\n x: folded\r\n", "", 400),
        (&format!("POST / HTTP/1.0\r\nhost: test\r\n{chunked}"), "0\r\n\r\n", 400),
    ] {
        let request = format!("{head}connection: close\r\n\r\n{body}");
        let answer = rest(&mut connected(address, request.as_bytes()).await).await;
        let is_meant = answer.starts_with("HTTP/1.") && answer[8..].starts_with(&format!(" {status} "));
        assert!(is_meant, "{request:?}: {answer}");
        assert_eq!(answer.contains("here"), status == 200, "{request:?}: {answer}");
        assert!(status == 200 || answer.contains(r#""code":"invalid_request""#), "{request:?}: {answer}");
    }
}

/// How much of a head hyper reads before it gives up depends on how the bytes come.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_above_the_bound_is_refused_however_it_comes() {
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let router = instrument(Routes::new().get("/", async || "here"), &registry, Readiness::starting()).unwrap();
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let address = serving_router(service, limits()).await;
    for (bytes, status) in [(60_000, 200), (65_000, 431), (80_000, 431), (150_000, 431), (900_000, 431)] {
        let request =
            format!("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\nlong: {}\r\n\r\n", "x".repeat(bytes));
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
