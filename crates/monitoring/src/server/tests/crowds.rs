//! More clients than places, and clients that stand still.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use axum::body::Body;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::*;
use crate::health::{HealthReport, health_routes};

/// A request after which its connection is closed.
const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
const PROBE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: test\r\n\r\n";

fn places(all: usize, of_one_address: usize) -> ConnectionPlaces {
    ConnectionPlaces { all, of_one_address, reserved: 8, leaving: 32, requests: 1000, proxies: Vec::new() }
}

/// A service whose `/wait` is answered when the sender is dropped.
async fn waiting_service(limits: ConnectionLimits) -> (SocketAddr, watch::Sender<()>) {
    let (sender, receiver) = watch::channel(());
    let wait = move || {
        let mut receiver = receiver.clone();
        async move {
            while receiver.changed().await.is_ok() {}
            "waited"
        }
    };
    let routes = health_routes(Readiness::starting(), HealthReport::default);
    let routes = routes.get("/", async || "here").get("/wait", wait);
    let router = instrument(routes, &MetricsRegistry::new("test", "1").unwrap(), Readiness::starting()).unwrap();
    // All of 127.0.0.0/8 is this machine.
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    (serving_at("0.0.0.0:0", Protocol::Http1, service, limits).await, sender)
}

async fn from(client: &str, address: SocketAddr, send: &[u8]) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(client.parse().unwrap(), 0)).unwrap();
    let mut connection = socket.connect(([127, 0, 0, 1], address.port()).into()).await.unwrap();
    connection.write_all(send).await.unwrap();
    connection
}

/// The first bytes of the answer.
async fn status(connection: &mut TcpStream) -> String {
    let mut begin = [0; 12];
    timeout(Duration::from_secs(30), connection.read_exact(&mut begin)).await.expect("no answer").unwrap();
    String::from_utf8(begin.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_port_answers_probes_and_refuses_everything_else() {
    let (address, release) = waiting_service(ConnectionLimits { places: places(4, 4), ..limits() }).await;
    let wait = b"GET /wait HTTP/1.1\r\nhost: test\r\n\r\n";
    let mut busy = Vec::new();
    for _ in 0..4 {
        busy.push(from("127.0.0.1", address, wait).await);
    }
    // Until the requests are under way, their connections are idle and give way.
    let refused = async {
        loop {
            let answer = rest(&mut from("127.0.0.2", address, LAST_REQUEST).await).await;
            if answer.starts_with("HTTP/1.1 429 ") {
                return answer;
            }
            busy.push(from("127.0.0.1", address, wait).await);
        }
    };
    let refused = timeout(Duration::from_secs(30), refused).await.unwrap();
    assert!(refused.contains(r#""code":"overloaded""#) && refused.contains("connection: close"), "{refused}");
    for _ in 0..20 {
        let answer = rest(&mut from("127.0.0.3", address, PROBE).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("live"), "{answer}");
    }
    // Clients that say nothing take all reserved places, and probes still get in.
    let mut silent = Vec::new();
    for last in 0..40 {
        silent.push(from(&format!("127.0.1.{last}"), address, b"").await);
        assert_eq!(status(&mut from("127.0.0.3", address, PROBE).await).await, "HTTP/1.1 200");
    }
    drop(release);
    let mut answered = JoinSet::new();
    for mut connection in busy {
        answered.spawn(async move { rest_or_status(&mut connection).await });
    }
    let answers = answered.join_all().await;
    // A request that came while its connection gave way is answered as well.
    assert!(answers.iter().filter(|answer| *answer == "HTTP/1.1 200").count() >= 4, "{answers:?}");
}

/// How the answer begins, or nothing if the connection was closed.
async fn rest_or_status(connection: &mut TcpStream) -> String {
    let mut begin = [0; 12];
    let read = timeout(Duration::from_secs(30), connection.read_exact(&mut begin)).await.expect("no end");
    read.map_or(String::new(), |_| String::from_utf8_lossy(&begin).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_give_way_to_those_that_come() {
    let address = waiting_service(ConnectionLimits { places: places(50, 25), ..limits() }).await.0;
    let mut silent = Vec::new();
    for count in 0..500 {
        silent.push(from(&format!("127.0.2.{}", count % 20), address, b"").await);
        if count % 10 == 0 {
            assert_eq!(status(&mut from("127.0.0.9", address, REQUEST).await).await, "HTTP/1.1 200");
        }
    }
    let mut one_address = Vec::new();
    for _ in 0..100 {
        one_address.push(from("127.0.0.4", address, b"").await);
    }
    assert_eq!(status(&mut from("127.0.0.9", address, REQUEST).await).await, "HTTP/1.1 200");
    // An idle one of the same address gives way first.
    assert_eq!(status(&mut from("127.0.0.4", address, REQUEST).await).await, "HTTP/1.1 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_is_sent_away() {
    let body = || async { Body::from(vec![b'x'; 64 * 1024 * 1024]) };
    let router = Router::new().route("/", get(body));
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let limits = ConnectionLimits { write: Duration::from_millis(300), ..limits() };
    let registry = MetricsRegistry::new("test", "1").unwrap();
    let address = counted_at(&registry, service, limits).await;
    let mut connection = connected(address, REQUEST).await;
    assert_eq!(status(&mut connection).await, "HTTP/1.1 200");
    let mut reader = connected(address, LAST_REQUEST).await;
    assert!(rest(&mut reader).await.len() > 64 * 1024 * 1024, "one that reads has all of it");
    // What it does not read fills the buffers of both sides; then the service gives it up.
    let given_up = async {
        while !registry.render(Exposition::Classic).contains(r#"reason="unread"} 1"#) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), given_up).await.expect("it is never given up");
    assert!(rest(&mut connection).await.len() < 64 * 1024 * 1024);
}

/// The threads of the service stand still until the probe is answered.
#[test]
fn no_work_of_the_service_keeps_a_probe_waiting() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (begun, beginning) = mpsc::channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let block = move || {
        begun.send(()).unwrap();
        let released = released.clone();
        async move {
            let _ = released.lock().map(|released| released.recv());
            "blocked"
        }
    };
    let routes = health_routes(Readiness::starting(), HealthReport::default).get("/block", block);
    let router = instrument(routes, &MetricsRegistry::new("test", "1").unwrap(), Readiness::starting()).unwrap();
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let address = runtime.block_on(serving_router(service, limits()));
    let ask = move |path: &str| {
        let mut connection = std::net::TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    let blocked: Vec<_> = (0..2).map(|_| thread::spawn(move || ask("/block"))).collect();
    (0..2).for_each(|_| beginning.recv_timeout(Duration::from_secs(30)).unwrap());
    for _ in 0..10 {
        assert!(ask("/health/live").ends_with(r#"{"status":"live"}"#));
    }
    drop(release);
    blocked.into_iter().for_each(|asking| assert!(asking.join().unwrap().ends_with("blocked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come_give_way_once_their_time_is_over() {
    let router = Router::new().route("/", axum::routing::post(async |body: String| body));
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let address =
        serving_at("127.0.0.1:0", Protocol::Http1, service, ConnectionLimits { places: places(4, 4), ..limits() });
    let address = address.await;
    let slow = b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\nx";
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(connected(address, slow).await);
    }
    let quick = b"POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 5\r\n\r\nquick";
    let getting_in = async {
        while !rest(&mut connected(address, quick).await).await.ends_with("quick") {
            // One that is idle when it comes may have given way to it.
            held.push(connected(address, slow).await);
        }
    };
    timeout(Duration::from_secs(30), getting_in).await.expect("slow bodies keep others out");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_way_and_goes_on_sending_is_bounded_too() {
    let router = Router::new().route("/", axum::routing::post(async |body: String| body));
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let limits = ConnectionLimits { places: places(4, 4), ..limits() };
    let address = serving_at("127.0.0.1:0", Protocol::Http1, service, limits).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let half = b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n";
        clients.push(connected(address, half).await);
        // Those of before have to give way, and finish their heads.
        for client in &clients {
            let _ = client.try_write(b"\r\nx");
        }
    }
    let held = async || {
        let mut held = 0;
        for client in &clients {
            let _ = timeout(Duration::from_millis(1), client.readable()).await;
            let read = client.try_read(&mut [0; 64]);
            held += usize::from(read.is_err_and(|problem| problem.kind() == std::io::ErrorKind::WouldBlock));
        }
        held
    };
    let bounded = async { while held().await > 4 + 8 + 32 {} };
    timeout(Duration::from_secs(4), bounded).await.expect("more are here than have places");
}

/// What begins with a probe is served where probes are, and must not stay there.
#[test]
fn a_body_behind_a_probe_is_not_read_where_probes_are_answered() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let routes = health_routes(Readiness::starting(), HealthReport::default);
    let where_read = async |body: Body| {
        let mut body = body.into_data_stream();
        let mut names = Vec::new();
        while futures_util::StreamExt::next(&mut body).await.is_some() {
            names.push(thread::current().name().unwrap_or_default().to_owned());
        }
        names.join(" ")
    };
    let routes = routes.post("/where", where_read);
    let router = instrument(routes, &MetricsRegistry::new("test", "1").unwrap(), Readiness::starting()).unwrap();
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let address = runtime.block_on(serving_router(service, limits()));
    let mut connection = std::net::TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let body = "x".repeat(1_000_000);
    let head = format!("POST /where HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(PROBE).unwrap();
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(body.as_bytes()).unwrap();
    connection.write_all(&[PROBE, LAST_REQUEST].concat()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert!(answer.contains("tokio-runtime-worker") || answer.contains("tokio-rt-worker"), "{answer}");
    assert!(!answer.contains("doors"), "{answer}");
}
