//! Others that serve the same model, as child processes on ports of their own.
//!
//! Rule of thumb: each is set up as its makers advise, with a worker for each of two cores and one thread in each
//! worker. One that cannot be had or does not start is left out with a line that says so. What is started here is
//! ended here, with all its children.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use super::connection::BlockingConnection;
use super::program::peak_megabytes;
use super::scratch::ScratchFolder;
use terminal::warn;
use testkit::pypi;
use testkit::root;

const WORKERS: &str = "2";
const START_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

const FASTAPI: [(&str, &str); 10] = [
    ("fastapi", "0.165.0"),
    ("starlette", "1.10.0"),
    ("pydantic", "2.14.4"),
    ("uvicorn", "0.54.0"),
    ("uvloop", "0.23.0"),
    ("httptools", "0.9.0"),
    ("prometheus_client", "0.26.0"),
    ("python-json-logger", "4.2.0"),
    ("pillow", "13.0.0"),
    ("onnxruntime", "1.32.0"),
];
/// A later uvloop makes no event loop by itself, and the workers of this MLServer count on that.
const MLSERVER: [(&str, &str); 3] = [("mlserver", "1.7.1"), ("uvloop", "0.21.0"), ("onnxruntime", "1.32.0")];

/// A server that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerKind {
    /// What is commonly written by hand: FastAPI in the workers of uvicorn.
    FastApi,
    /// A server of models, with the protocol of KServe.
    MlServer,
}

impl PeerKind {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::FastApi, Self::MlServer];

    /// Its name and version.
    pub(super) fn title(self) -> String {
        let [(fastapi, fastapi_version), ..] = FASTAPI;
        let [(mlserver, mlserver_version), ..] = MLSERVER;
        match self {
            Self::FastApi => format!("{fastapi} {fastapi_version}"),
            Self::MlServer => format!("{mlserver} {mlserver_version}"),
        }
    }

    fn packages(self) -> &'static [pypi::Package] {
        match self {
            Self::FastApi => &FASTAPI,
            Self::MlServer => &MLSERVER,
        }
    }

    /// Answered with 200 when all workers are ready.
    fn health(self) -> &'static str {
        match self {
            Self::FastApi => "/health",
            Self::MlServer => "/v2/health/ready",
        }
    }

    /// Words in the command line of the processes that answer requests, whose memory counts. FastAPI answers in its
    /// workers. MLServer's first process reads the bodies, so all of its processes count.
    fn mark(self) -> &'static str {
        match self {
            Self::FastApi => "spawn_main",
            Self::MlServer => "",
        }
    }

    fn command(self, python: &Path, folder: &Path, address: SocketAddr) -> Result<Command> {
        let mut command = Command::new(python);
        command.env_clear();
        let port = address.port().to_string();
        match self {
            Self::FastApi => {
                fs::write(folder.join("fastapi_peer.py"), include_str!("peers/fastapi_peer.py"))?;
                let metrics = folder.join("metrics");
                fs::create_dir_all(&metrics)?;
                command.args(["-m", "uvicorn", "fastapi_peer:app", "--no-access-log", "--log-level", "warning"]);
                command.args(["--host", "127.0.0.1", "--port", &port, "--workers", WORKERS]);
                command.env("PROMETHEUS_MULTIPROC_DIR", metrics);
            }
            Self::MlServer => {
                fs::write(folder.join("mlserver_peer.py"), include_str!("peers/mlserver_peer.py"))?;
                let settings = r#"{"name": "cifar10", "implementation": "mlserver_peer.Classifier"}"#;
                fs::write(folder.join("model-settings.json"), settings)?;
                command.arg(python.with_file_name("mlserver")).args(["start", "."]);
                command.env("MLSERVER_HOST", "127.0.0.1").env("MLSERVER_HTTP_PORT", port);
                for other in ["MLSERVER_GRPC_PORT", "MLSERVER_METRICS_PORT"] {
                    command.env(other, testkit::free_address().port().to_string());
                }
                command.env("MLSERVER_PARALLEL_WORKERS", WORKERS).env("MLSERVER_DEBUG", "false");
                command.env("MLSERVER_USE_STRUCTURED_LOGGING", "true");
            }
        }
        Ok(command)
    }
}

/// A running peer. Dropping it kills it and its children.
pub(super) struct PeerServer {
    /// Which one.
    pub(super) kind: PeerKind,
    /// Where it listens.
    pub(super) address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl PeerServer {
    /// Installs and starts it; `None` and a line that says why where that fails.
    pub(super) fn start(kind: PeerKind, scratch: &ScratchFolder) -> Option<Self> {
        let python = pypi::python(kind.packages(), &format!("{} beside the service", kind.title()))?;
        let peer = Self::launch(kind, &python, scratch);
        peer.inspect_err(|error| warn(format_args!("SKIPPED: {}: {error:#}", kind.title()))).ok()
    }

    fn launch(kind: PeerKind, python: &Path, scratch: &ScratchFolder) -> Result<Self> {
        let folder = scratch.path(&kind.title());
        fs::create_dir_all(&folder)?;
        let address = testkit::free_address();
        let log = folder.join("output.log");
        let output = File::create(&log)?;
        let mut command = kind.command(python, &folder, address)?;
        command
            .env("PEER_MODEL", root().join("deploy/models/cifar10"))
            .env("PEER_FOLDER", &folder)
            .env("PEER_WORKERS", WORKERS)
            .env("OMP_NUM_THREADS", "1")
            .current_dir(&folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command.spawn().context("it cannot be started")?;
        let mut peer = Self { kind, address, child, log };
        peer.wait_until_ready()?;
        Ok(peer)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended ({status}): {}", fs::read_to_string(&self.log).unwrap_or_default());
            }
            let healthy =
                BlockingConnection::to(self.address).and_then(|mut connection| connection.get(self.kind.health()));
            if healthy.is_ok() {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        bail!("it is not ready after {START_PATIENCE:.0?}: {}", fs::read_to_string(&self.log).unwrap_or_default())
    }

    /// The most memory that its processes had, summed up.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(super) fn peak_megabytes(&self) -> Result<f64> {
        let mut sum = 0.0;
        for process in fs::read_dir("/proc")? {
            let process = process?;
            let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A process may end between the two.
            let Ok(stat) = fs::read_to_string(process.path().join("stat")) else { continue };
            let Ok(line) = fs::read_to_string(process.path().join("cmdline")) else { continue };
            if group_in(&stat) == Some(self.child.id()) && line.contains(self.kind.mark()) {
                sum += peak_megabytes(id)?;
            }
        }
        ensure!(sum > 0.0, "{} has no processes", self.kind.title());
        Ok(sum)
    }
}

impl Drop for PeerServer {
    fn drop(&mut self) {
        // Either fails only where the processes are gone.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The process group: the third field behind the name, which may itself contain anything.
fn group_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_group_is_found_behind_any_name() {
        assert_eq!(group_in("7 (a b) c) S 1 42 42 0 -1"), Some(42));
        assert_eq!(group_in("nothing"), None);
    }
}
