//! The binary in a process of its own, and the lines of its log.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::Value;

use crate::service::{PATIENCE, Service, engine_unless_named};

/// A service in a process of its own, which dies with this.
pub(crate) struct Process {
    pub(crate) service: Service,
    pub(crate) log: Log,
    child: Guard,
}

impl Process {
    /// Starts the service and waits until it listens; it is perhaps not ready yet.
    pub(crate) fn start(models: &Path, flags: &[&str]) -> Self {
        Self::start_logging_to("", models, flags)
    }

    /// The same, with predictions logged to this URL.
    pub(crate) fn start_logging_to(url: &str, models: &Path, flags: &[&str]) -> Self {
        Self::start_in(&[], url, models, flags)
    }

    /// The same without a log to send to, with what it writes to standard error in this file.
    pub(crate) fn start_with_errors_in(file: File, models: &Path, flags: &[&str]) -> Self {
        Self::launch(&[], "", models, flags, file.into())
    }

    /// The same, in this environment and no other.
    pub(crate) fn start_in(environment: &[(&str, String)], url: &str, models: &Path, flags: &[&str]) -> Self {
        Self::launch(environment, url, models, flags, Stdio::inherit())
    }

    fn launch(environment: &[(&str, String)], url: &str, models: &Path, flags: &[&str], errors: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inference-service"));
        let ports = ["--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
        command.args(ports).args(["--log-url", url]).arg("--models").arg(models).args(flags);
        command.args(engine_unless_named(flags));
        // What this process happens to have in its environment is no part of the test.
        command
            .env_clear()
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors);
        let mut child = command.spawn().unwrap();
        let log = Log::follow(child.stdout.take().unwrap());
        let child = Guard(child);
        let listening = log.wait_for("the line that says where it listens", |line| line["message"] == "listening");
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        Self { service: Service::at(address), log, child }
    }

    /// Tells it to stop as an operator does, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.0.wait().unwrap()
    }

    /// The names of its threads.
    pub(crate) fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        // One may end meanwhile.
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok()).collect()
    }

    /// The most bytes of memory that it has ever had at one time.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Tells it to stop, and does not wait for that.
    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap().success());
    }

    fn id(&self) -> u32 {
        self.child.0.id()
    }
}

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail only for a process that is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that a service has written so far.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<LogLines>);

#[derive(Default)]
struct LogLines {
    lines: Mutex<Vec<Value>>,
    changed: Condvar,
}

impl Log {
    fn follow(stdout: ChildStdout) -> Self {
        let log = Self::default();
        let followed = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.unwrap();
                let value =
                    serde_json::from_str(&line).unwrap_or_else(|e| panic!("a line that is not JSON: {e}: {line}"));
                followed.0.lines.lock().unwrap().push(value);
                followed.0.changed.notify_all();
            }
        });
        log
    }

    /// The first line of this kind, once it is there.
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let LogLines { lines, changed } = &*self.0;
        let waiting = changed.wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| !lines.iter().any(&is_it));
        let (lines, _) = waiting.unwrap();
        lines.iter().find(|line| is_it(line)).cloned().unwrap_or_else(|| panic!("never logged: {what}"))
    }

    /// How many lines there are of this kind so far.
    pub(crate) fn count(&self, is_it: impl Fn(&Value) -> bool) -> usize {
        self.0.lines.lock().unwrap().iter().filter(|line| is_it(line)).count()
    }

    /// The lines so far.
    pub(crate) fn so_far(&self) -> Vec<Value> {
        self.0.lines.lock().unwrap().clone()
    }

    /// The lines about this request so far.
    pub(crate) fn about(&self, request_id: &str) -> Vec<Value> {
        let lines = self.0.lines.lock().unwrap();
        lines.iter().filter(|line| line["request_id"] == request_id).cloned().collect()
    }
}
