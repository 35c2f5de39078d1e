//! One of the services, as a child process on a port of its own.
//!
//! Rule of thumb: it runs as it would anywhere: its release build, its defaults, its log written to a file. What is
//! started here is ended here.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::connection::BlockingConnection;
use super::scratch::ScratchFolder;
use testkit::root;

const START_PATIENCE: Duration = Duration::from_secs(60);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running service. Dropping it kills it; [`ServiceProgram::stop`] is the polite way.
pub(super) struct ServiceProgram {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

/// Processor seconds of a service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ThreadSeconds {
    /// Of the threads of one name.
    pub(super) named: f64,
    /// Of all its other threads.
    pub(super) others: f64,
}

impl ServiceProgram {
    /// Starts the logging service with this database.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn logging(scratch: &ScratchFolder, database: &Path) -> Result<Self> {
        let database = format!("sqlite:{}", database.display());
        let program = testkit::program("logging-service");
        Self::start(scratch, &program, &["--database", &database, "--drain-seconds", "0"], &[])
    }

    /// Starts the logging service, or another build of it, with the database at a URL.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn logging_at(scratch: &ScratchFolder, url: &str, build: Option<&Path>, flags: &[&str]) -> Result<Self> {
        let program = build.map_or_else(|| testkit::program("logging-service"), Path::to_owned);
        Self::start(scratch, &program, &[&["--database", url, "--drain-seconds", "0"], flags].concat(), &[])
    }

    /// Starts the inference service with the shipped models.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn inference(scratch: &ScratchFolder, arguments: &[&str]) -> Result<Self> {
        Self::inference_of(&root().join("deploy/models"), scratch, arguments, &[])
    }

    /// Starts the inference service with these models and in this environment, with tract unless the arguments name another
    /// engine.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn inference_of(
        models: &Path,
        scratch: &ScratchFolder,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let engine: &[&str] = if arguments.contains(&"--engine") { &[] } else { &["--engine", "tract"] };
        let program = testkit::program("inference-service");
        Self::start(scratch, &program, &[&of_inference(models)?, engine, arguments].concat(), environment)
    }

    /// Starts another build of the inference service with these models.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub(super) fn inference_by(
        program: &Path,
        models: &Path,
        scratch: &ScratchFolder,
        arguments: &[&str],
    ) -> Result<Self> {
        Self::start(scratch, program, &[&of_inference(models)?, arguments].concat(), &[])
    }

    fn start(
        scratch: &ScratchFolder,
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let name = program.file_name().context("the program has no name")?.to_string_lossy().into_owned();
        let log = (0..).map(|number| scratch.path(&format!("{name}-{number}.log"))).find(|path| !path.exists());
        let log = log.context("there are too many logs")?;
        let child = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .current_dir(scratch.folder())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut service = Self { name, child, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        service.wait_until_ready()?;
        Ok(service)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}): {}", self.name, fs::read_to_string(&self.log).unwrap_or_default());
            }
            if let Some(address) = self.listens_at() {
                self.address = address;
                let ready = BlockingConnection::to(address).and_then(|mut connection| connection.get("/health/ready"));
                if ready.is_ok() {
                    return Ok(());
                }
            }
            thread::sleep(LOOK_EVERY);
        }
        bail!("{} is not ready after {START_PATIENCE:.0?}", self.name)
    }

    /// The port was the system's choice, so the log says which it is.
    fn listens_at(&self) -> Option<SocketAddr> {
        let log = fs::read_to_string(&self.log).ok()?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let listening = |line: &Value| line["message"] == "listening";
        lines.into_iter().find(listening)?["address"].as_str()?.parse().ok()
    }

    /// The value of a metric: the sum of its series that have this label, or of all where it is empty.
    ///
    /// # Errors
    /// Where the service does not answer.
    pub(super) fn metric(&self, name: &str, label: &str) -> Result<f64> {
        let text = String::from_utf8(BlockingConnection::to(self.address)?.get("/metrics")?)?;
        let is_named = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = text.lines().filter(is_named).filter(|line| line.contains(label));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }

    /// The id of its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What its threads have used so far. Threads whose names begin with `name` are counted apart.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub(super) fn processor_seconds(&self, name: &str) -> Result<ThreadSeconds> {
        let mut seconds = ThreadSeconds::default();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let task = task?.path();
            // A thread may end between the two.
            let Ok(stat) = fs::read_to_string(task.join("stat")) else { continue };
            let sum = if stat.contains(&format!("({name}")) { &mut seconds.named } else { &mut seconds.others };
            *sum += seconds_in(&stat);
        }
        Ok(seconds)
    }

    /// Asks the service to end, and waits until it has.
    ///
    /// # Errors
    /// Where it does not.
    pub(super) fn stop(mut self) -> Result<()> {
        // Not yet waited for, so the id still is this child's.
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let deadline = Instant::now() + STOP_PATIENCE;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        bail!("{} did not end after {STOP_PATIENCE:.0?}", self.name)
    }
}

/// What every inference service is started with.
fn of_inference(models: &Path) -> Result<[&str; 6]> {
    let models = models.to_str().context("the path of the repository is not Unicode")?;
    Ok(["--models", models, "--grpc-listen", "127.0.0.1:0", "--drain-seconds", "0"])
}

impl ThreadSeconds {
    /// What was used since an earlier moment.
    pub(super) fn since(self, before: Self) -> Self {
        Self { named: self.named - before.named, others: self.others - before.others }
    }
}

impl Drop for ServiceProgram {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Either of them fails only where the process is gone.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Processor seconds of the calling thread so far.
///
/// # Errors
/// Where the system does not tell.
pub(super) fn own_processor_seconds() -> Result<f64> {
    Ok(seconds_in(&fs::read_to_string("/proc/thread-self/stat")?))
}

/// The most memory that a process had at a time.
///
/// # Errors
/// Where the system does not tell.
pub(super) fn peak_megabytes(process: u32) -> Result<f64> {
    status_megabytes(process, "VmHWM:")
}

/// The memory that a process has.
///
/// # Errors
/// Where the system does not tell.
pub(super) fn resident_megabytes(process: u32) -> Result<f64> {
    status_megabytes(process, "VmRSS:")
}

fn status_megabytes(process: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next());
    Ok(kilobytes.context("the system does not tell its memory")?.parse::<f64>()? * 1024.0 / 1e6)
}

/// The times in user mode and in the kernel, which Linux counts in hundredths of a second for every program.
fn seconds_in(stat: &str) -> f64 {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
