//! A running service.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Answer, Failure, HttpRequest, LogLine, Metrics, read_log_lines, wait_until};

const START_PATIENCE: Duration = Duration::from_secs(20);
const LOG_PATIENCE: Duration = Duration::from_secs(10);

/// Where the process writes its log to.
pub(crate) enum StandardOutput {
    /// Read from here.
    File(PathBuf),
    /// A pipe that is held open and never read.
    Unread(#[expect(dead_code, reason = "held open")] ChildStdout),
}

/// A process of one of the services. It is killed when this is dropped.
pub struct Service {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
    stdout: StandardOutput,
}

impl Service {
    pub(crate) fn new(address: SocketAddr, child: Child, folder: TempDir, stdout: StandardOutput) -> Self {
        Self { address, child, folder, stdout }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The URL of a path of the service.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks for a path; the answer may be a refusal.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn ask(&self, path: &str) -> Result<Answer, Failure> {
        HttpRequest::get(path).send(self.address).await
    }

    /// Asks for a path.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(path).await.unwrap_or_else(|failure| panic!("GET {path}: {failure:?}; {}", self.output()))
    }

    /// Sends a body.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(&HttpRequest::post(path, body).header("content-type", content_type)).await
    }

    /// Sends a request.
    ///
    /// # Panics
    /// If no complete answer comes.
    pub async fn send(&self, request: &HttpRequest) -> Answer {
        let answer = request.send(self.address).await;
        answer.unwrap_or_else(|failure| panic!("{failure:?} after {request:?}; {}", self.output()))
    }

    /// A scrape.
    ///
    /// # Panics
    /// If it fails.
    pub async fn metrics(&self) -> Metrics {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Metrics::parse(&answer.text())
    }

    /// Waits until `/health/ready` says 200, or the process has ended; says which.
    ///
    /// # Panics
    /// If neither happens within 20 seconds.
    pub async fn becomes_ready(&mut self) -> bool {
        let mut ready = false;
        wait_until("the service becomes ready", START_PATIENCE, async || {
            ready = self.ask("/health/ready").await.is_ok_and(|answer| answer.status == 200);
            ready || self.has_ended()
        })
        .await;
        ready
    }

    /// Whether the process is gone.
    ///
    /// # Panics
    /// If the system does not say; so do the others below.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the process can be asked for").is_some()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process takes a signal");
    }

    /// Where it serves gRPC, which its log says.
    ///
    /// # Panics
    /// If it does not.
    pub fn grpc_address(&self) -> SocketAddr {
        self.address_in("listening_grpc")
    }

    /// Where it listens to administrators, which its log says.
    ///
    /// # Panics
    /// If it does not.
    pub fn admin_address(&self) -> SocketAddr {
        self.address_in("listening_admin")
    }

    /// The address in the line of this message.
    fn address_in(&self, message: &str) -> SocketAddr {
        let (lines, quoted) = (self.log(), format!("\"{message}\""));
        let line =
            lines.lines().find(|line| line.contains(&quoted)).unwrap_or_else(|| panic!("no line says {message}"));
        let line = read_log_lines(line).remove(0);
        line["address"].as_str().and_then(|address| address.parse().ok()).expect("the line has an address")
    }

    /// Waits until the process has ended, and says how.
    pub async fn ends_within(&mut self, patience: Duration) -> ExitStatus {
        wait_until("the process ends", patience, async || self.has_ended()).await;
        self.child.wait().expect("the process has ended")
    }

    /// Kills the process at once, as a crash would.
    pub fn crash(&mut self) {
        self.child.kill().expect("the process is killed");
        self.child.wait().expect("the process has ended");
    }

    /// All that it wrote to stdout (if that is read) and stderr.
    pub fn output(&self) -> String {
        format!("{}{}", self.log(), self.stderr())
    }

    /// All that the service wrote to stdout.
    pub fn log(&self) -> String {
        match &self.stdout {
            StandardOutput::File(path) => fs::read_to_string(path).expect("the log is text"),
            StandardOutput::Unread(_) => String::new(),
        }
    }

    /// All that the service wrote to stderr, which is nothing as long as all is well.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).expect("stderr is text")
    }

    /// The lines of its log, with those of every event up to now.
    ///
    /// # Panics
    /// If the service does not write them, or one is not as a line should be.
    pub async fn log_lines(&self) -> Vec<LogLine> {
        let metrics = self.metrics().await;
        assert_eq!(metrics.count("log_lines_dropped_total", &[]), 0);
        let events = metrics.count("log_events_total", &[]) - metrics.count("log_lines_left_out_total", &[]);
        let written = || self.log().matches('\n').count() as u64;
        wait_until("all log lines are written", LOG_PATIENCE, async || written() >= events).await;
        let log = self.log();
        read_log_lines(log.rsplit_once('\n').map_or("", |(whole_lines, _)| whole_lines))
    }

    /// Bytes of memory that it has at the moment.
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most bytes of memory that it has had so far.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("the process is alive");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a figure for the memory");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("kibibytes");
        kibibytes * 1024
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended, which is fine as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
