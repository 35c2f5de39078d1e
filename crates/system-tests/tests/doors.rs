//! Proves that nobody keeps others out of a port: clients that open connections and do nothing with them, from one address
//! or from hundreds, a process without files, and what SIGHUP and new files do.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;
use testkit::{HttpRequest, Launch, Metrics, Service, Signal, alone, program, wait_until};
use tokio::net::TcpSocket;

const PATIENCE: Duration = Duration::from_secs(30);
/// Places of the port in these tests.
const PLACES: &str = "200";
/// Connections that each attacker holds.
const HELD: usize = 400;
/// Requests of the honest client.
const REQUESTS: usize = 200;

/// The connections that gave way to others.
const MADE_ROOM: [(&str, &str); 2] = [("port", "http"), ("reason", "made_room")];

/// Clients that open connections without end, say this on each, and never read.
struct Flood {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    /// From the addresses `127.1.0.1` to `127.1.0.<addresses>`.
    fn of(address: SocketAddr, addresses: u8, says: &'static [u8]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let attack = |number: u8| {
            let stop = stop.clone();
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let mut held = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    for client in (1..=addresses).filter(|client| client % 4 == number) {
                        held.extend(runtime.block_on(connect(Ipv4Addr::new(127, 1, 0, client), address, says)));
                    }
                    let keep = held.len().saturating_sub(HELD);
                    held.drain(..keep);
                    thread::sleep(Duration::from_millis(1));
                }
            })
        };
        let threads = (0..4).map(attack).collect();
        Self { stop, threads }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

async fn connect(client: Ipv4Addr, to: SocketAddr, says: &[u8]) -> Option<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind((client, 0).into()).ok()?;
    let connection = socket.connect(to).await.ok()?;
    connection.try_write(says).ok()?;
    Some(connection)
}

/// A new connection for each request, and what part of them was answered with 200.
async fn answered(address: SocketAddr, request: &HttpRequest) -> f64 {
    let mut answers = 0;
    for _ in 0..REQUESTS {
        answers += usize::from(request.send(address).await.is_ok_and(|answer| answer.status == 200));
    }
    answers as f64 / REQUESTS as f64
}

/// What a metric counts. In a flood one probe in twenty may go without its answer; then it asks again.
async fn counted(service: &Service, name: &str, labels: &[(&str, &str)]) -> u64 {
    loop {
        if let Ok(answer) = service.ask("/metrics").await
            && answer.status == 200
        {
            return Metrics::parse(&answer.text()).count(name, labels);
        }
    }
}

fn health_check(name: &str, service: &Service) {
    let asked = Command::new(program(name)).args(["--health-check", "--listen", &service.address.to_string()]).output();
    let asked = asked.unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_connections_keep_neither_clients_nor_probes_out() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    let logging = Launch::logging(&folder.path().join("p.db")).flag("--max-connections=", PLACES).start().await;
    let inference = Launch::inference().flag("--max-connections=", PLACES).start().await;
    let record = r#"{"model":"m","label":"a","confidence":0.5}"#;
    let log = HttpRequest::post("/log", record).header("content-type", "application/json");
    for (name, service, request) in
        [("logging-service", &logging, log), ("inference-service", &inference, HttpRequest::get("/models"))]
    {
        for (what, addresses, says) in [
            ("silent ones of one address", 1, &b""[..]),
            ("silent ones", 200, b""),
            ("half heads", 200, b"POST /log HTTP/1.1\r\nhost: x\r\ncontent"),
            ("idle ones", 200, b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"),
            ("greetings of TLS", 200, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ] {
            let flood = Flood::of(service.address, addresses, says);
            let made_room = async || counted(service, "connections_closed_total", &MADE_ROOM).await;
            let before = made_room().await;
            wait_until(what, PATIENCE, async || made_room().await > before).await;
            let part = answered(service.address, &request).await;
            let probes = answered(service.address, &HttpRequest::get("/health/live")).await;
            eprintln!("{name}, {what}: {part} of the requests and {probes} of the probes were answered");
            assert!(part >= 0.95 && probes >= 0.95, "{name}, {what}: {part} of the requests, {probes} of the probes");
            health_check(name, service);
            drop(flood);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_one_address_that_are_busy_leave_places_for_others() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    let service = Launch::logging(&folder.path().join("p.db")).flag("--max-connections=", PLACES).start().await;
    let slow = b"POST /log HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let flood = Flood::of(service.address, 1, slow);
    let refused =
        async |reason| counted(&service, "connections_refused_total", &[("port", "http"), ("reason", reason)]).await;
    wait_until("an address has its share", PATIENCE, async || refused("address").await > 0).await;
    assert!(answered(service.address, &HttpRequest::get("/models")).await >= 0.95);
    health_check("logging-service", &service);
    drop(flood);
    // From many addresses they take all places, and probes still get in.
    let _flood = Flood::of(service.address, 200, slow);
    wait_until("all places are taken", PATIENCE, async || refused("full").await > 0).await;
    let probes = answered(service.address, &HttpRequest::get("/health/live")).await;
    assert!(probes >= 0.95, "{probes} of the probes");
    health_check("logging-service", &service);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_files_goes_on() {
    let _alone = alone().await;
    let folder = TempDir::new().unwrap();
    let service = Launch::logging(&folder.path().join("p.db")).start().await;
    let most = service.metrics().await.value("process_max_fds", &[]);
    let hard = rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    assert!(most as u64 >= hard.min(1_048_576), "{most} of {hard}");
    // As if the system had fewer than the service saw at its start.
    let process = Pid::from_raw(i32::try_from(service.id()).unwrap());
    let open = service.metrics().await.count("process_open_fds", &[]);
    prlimit(process, Resource::Nofile, Rlimit { current: Some(open + 20), maximum: Some(hard) }).unwrap();
    let flood = Flood::of(service.address, 200, b"");
    wait_until("the system refuses to accept", PATIENCE, async || {
        let asked = service.ask("/metrics").await.map(|answer| answer.text());
        asked.is_ok_and(|text| !text.contains("connection_accept_failures_total{port=\"http\"} 0\n"))
    })
    .await;
    drop(flood);
    wait_until("it answers again", PATIENCE, async || service.ask("/models").await.is_ok_and(|a| a.status == 200))
        .await;
    assert!(service.log().contains("connections_not_accepted"));
    assert!(service.log().matches("connections_not_accepted").count() < 10, "each failure is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_limit_of_files_lowers_the_connections() {
    let folder = TempDir::new().unwrap();
    let database = format!("sqlite:{}", folder.path().join("p.db").display());
    let address = testkit::free_address();
    let shell = format!(
        "ulimit -n 128; exec {} --listen {address} --database {database}",
        program("logging-service").display()
    );
    let log = folder.path().join("log");
    let mut child = Command::new("sh").args(["-c", &shell]).stdout(fs::File::create(&log).unwrap()).spawn().unwrap();
    wait_until("there are fewer connections", PATIENCE, async || {
        let answer = HttpRequest::get("/metrics").send(address).await;
        answer.is_ok_and(|answer| answer.text().contains("connections_limit{port=\"http\"} 32\n"))
    })
    .await;
    let is_told = async || fs::read_to_string(&log).unwrap().contains("connections_lowered");
    wait_until("it is told", PATIENCE, is_told).await;
    child.kill().unwrap();
    child.wait().unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display())).permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn new_files_are_private_wide_ones_are_told_and_sighup_reads_keys_again() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let keys = file("keys");
    fs::write(&keys, "ann:0123456789abcdef\n").unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let launch = Launch::logging(&file("data/p.db"))
        .flag("--api-keys=", &keys)
        .flag("--backup-dir=", file("backups"))
        .flag("--backup-hours=", "0.0001");
    let service = launch.start().await;
    let ask = |key: &str| HttpRequest::get("/models").header("authorization", &format!("Bearer {key}"));
    assert_eq!(service.send(&ask("0123456789abcdef")).await.status, 200);
    let backup = || fs::read_dir(file("backups")).ok()?.next()?.ok();
    wait_until("there is a backup", PATIENCE, async || backup().is_some()).await;
    for (path, expected) in
        [("data", 0o750), ("data/p.db", 0o640), ("data/p.db-wal", 0o640), ("data/p.db-shm", 0o640), ("backups", 0o750)]
    {
        assert_eq!(mode(&file(path)) & !expected, 0, "{path}: {:o}", mode(&file(path)));
    }
    assert_eq!(mode(&backup().unwrap().path()) & !0o640, 0);

    fs::write(&keys, "bob:fedcba9876543210\n").unwrap();
    service.signal(Signal::HUP);
    wait_until("the new key is known", PATIENCE, async || service.send(&ask("fedcba9876543210")).await.status == 200)
        .await;
    wait_until("both is told", PATIENCE, async || {
        let log = service.log();
        log.contains("files_read_again_by_signal") && log.contains("credential_reloaded")
    })
    .await;
    drop(service);

    fs::set_permissions(file("data/p.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let service = launch.start().await;
    wait_until("the wide file is told", PATIENCE, async || service.log().contains("files_open_to_others")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_spool_is_private_and_sighup_reads_models_again() {
    let folder = TempDir::new().unwrap();
    let (spool, models) = (folder.path().join("spool"), folder.path().join("models"));
    // Another model says that it is the one that is taken where none is named, which two cannot say.
    let surface = testkit::root().join("deploy/models/surface");
    let copy = |to: &str| {
        let copied = Command::new("cp").arg("-r").arg(&surface).arg(models.join(to)).status().unwrap();
        assert!(copied.success());
    };
    fs::create_dir(&models).unwrap();
    copy("one");
    let launch = Launch::inference_logging_to(([127, 0, 0, 1], 9).into()).models(&models);
    let service = launch.flag("--spool=", &spool).flag("--model-poll-seconds=", "0").start().await;
    assert_eq!(mode(&spool) & !0o750, 0);
    for entry in fs::read_dir(&spool).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & !0o640, 0, "{}", path.display());
    }
    copy("two");
    service.signal(Signal::HUP);
    wait_until("the new model serves", PATIENCE, async || service.get("/models").await.text().contains("\"two\""))
        .await;
}
