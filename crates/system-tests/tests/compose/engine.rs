//! A Docker engine: the one that answers on this machine, or else one of our own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{skip_without, tool};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Runs an engine whose files lie in the folder `$1` until stdin is closed, which happens however this program ends.
/// A signal to all of the group ends `cat`, and with that the engine.
const UNTIL_THE_END: &str = r#"trap : INT TERM HUP
dockerd --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/docker.sock" >"$1/log" 2>&1 &
cat
kill $!
wait $!
rm -rf "$1""#;

/// An engine that answers. One that was started for these tests ends with this program.
pub(crate) struct DockerEngine {
    /// What programs need in order to find it.
    pub(crate) environment: BTreeMap<&'static str, String>,
    /// Open as long as the engine is to run.
    _lifeline: Option<ChildStdin>,
}

impl DockerEngine {
    /// Finds or starts an engine, or says on stderr that `what` is not tested.
    pub(crate) fn provide(what: &str) -> Option<&'static Self> {
        static ENGINE: OnceLock<Option<DockerEngine>> = OnceLock::new();
        ENGINE
            .get_or_init(|| {
                let installed = Self { environment: BTreeMap::new(), _lifeline: None };
                if tool("docker").is_some() && installed.answers() { Some(installed) } else { Self::start(what) }
            })
            .as_ref()
    }

    fn start(what: &str) -> Option<Self> {
        for program in ["docker", "dockerd", "iptables"] {
            skip_without(program, what)?;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: no Docker engine answers here, and only root may start one, so {what} is not tested");
            return None;
        }
        let folder = TempDir::with_prefix(format!("docker-{}-", process::id())).unwrap().keep();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", UNTIL_THE_END, "sh"]).arg(&folder).stdin(Stdio::piped());
        let lifeline = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap().stdin.take();
        let socket = folder.join("docker.sock").display().to_string();
        let environment = [("DOCKER_HOST", format!("unix://{socket}")), ("DOCKER_SOCKET", socket)].into();
        let engine = Self { environment, _lifeline: lifeline };
        engine.wait_until_it_answers(&folder.join("log"));
        Some(engine)
    }

    fn wait_until_it_answers(&self, log: &Path) {
        let started = Instant::now();
        while !self.answers() {
            let said = || fs::read_to_string(log).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "the Docker engine does not start: {}", said());
            sleep(LOOK_EVERY);
        }
    }

    fn answers(&self) -> bool {
        self.command("docker").arg("info").output().is_ok_and(|output| output.status.success())
    }

    /// A program that uses this engine.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.envs(&self.environment);
        command
    }

    /// Runs a command of Docker, which has to succeed.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let output = self.command("docker").args(arguments).output().unwrap();
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
