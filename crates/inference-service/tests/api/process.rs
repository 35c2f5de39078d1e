//! The binary in a process of its own, and the lines of its log.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::Value;

use crate::service::{PATIENCE, Service};

/// A service in a process of its own, which dies with this.
pub(crate) struct Process {
    pub(crate) service: Service,
    pub(crate) log: Log,
    _child: Guard,
}

impl Process {
    /// Starts the service and waits until it listens; it is perhaps not ready yet.
    pub(crate) fn start(models: &Path, flags: &[&str]) -> Self {
        Self::start_logging_to("", models, flags)
    }

    /// The same, with predictions logged to this URL.
    pub(crate) fn start_logging_to(url: &str, models: &Path, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inference-service"));
        let ports = ["--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
        command.args(ports).args(["--log-url", url]).arg("--models").arg(models).args(flags);
        // What this process happens to have in its environment is no part of the test.
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Log::follow(child.stdout.take().unwrap());
        let child = Guard(child);
        let listening = log.wait_for("the line that says where it listens", |line| line["message"] == "listening");
        let address = listening["address"].as_str().unwrap().parse().unwrap();
        Self { service: Service::at(address), log, _child: child }
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
pub(crate) struct Log(Arc<(Mutex<Vec<Value>>, Condvar)>);

impl Log {
    fn follow(stdout: ChildStdout) -> Self {
        let log = Self::default();
        let followed = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.unwrap();
                let value =
                    serde_json::from_str(&line).unwrap_or_else(|e| panic!("a line that is not JSON: {e}: {line}"));
                followed.0.0.lock().unwrap().push(value);
                followed.0.1.notify_all();
            }
        });
        log
    }

    /// The first line of this kind, once it is there.
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let (lines, changed) = &*self.0;
        let waiting = changed.wait_timeout_while(lines.lock().unwrap(), PATIENCE, |lines| !lines.iter().any(&is_it));
        let (lines, _) = waiting.unwrap();
        lines.iter().find(|line| is_it(line)).cloned().unwrap_or_else(|| panic!("never logged: {what}"))
    }

    /// The lines so far.
    pub(crate) fn so_far(&self) -> Vec<Value> {
        self.0.0.lock().unwrap().clone()
    }

    /// The lines about this request so far.
    pub(crate) fn about(&self, request_id: &str) -> Vec<Value> {
        let lines = self.0.0.lock().unwrap();
        lines.iter().filter(|line| line["request_id"] == request_id).cloned().collect()
    }
}
