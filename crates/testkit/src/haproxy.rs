//! HAProxy with one of the shipped configurations.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{root, skip_without};

const START_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running HAProxy. It is killed when this is dropped.
pub struct Haproxy {
    child: Child,
    folder: TempDir,
}

impl Haproxy {
    /// Starts it with `deploy/haproxy/NAME.cfg` and the addresses that this names, and waits until it listens at `entrance`.
    /// Where it is not installed, says on stderr that `what` is not tested.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(name: &str, addresses: &[(&str, SocketAddr)], entrance: SocketAddr, what: &str) -> Option<Self> {
        let program = skip_without("haproxy", what)?;
        let folder = TempDir::new().expect("a scratch folder");
        let log = File::create(folder.path().join("log")).expect("a file for the log");
        let child = Command::new(program)
            .args(["-db", "-f"])
            .arg(root().join("deploy/haproxy").join(name).with_extension("cfg"))
            .env_clear()
            .envs(addresses.iter().map(|(variable, address)| (variable, address.to_string())))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the same file"))
            .stderr(log)
            .spawn()
            .expect("HAProxy starts");
        let mut haproxy = Self { child, folder };
        let started = Instant::now();
        while TcpStream::connect(entrance).is_err() {
            let ended = haproxy.child.try_wait().expect("the process can be asked for");
            assert!(ended.is_none() && started.elapsed() < START_PATIENCE, "it does not listen: {}", haproxy.log());
            thread::sleep(LOOK_EVERY);
        }
        Some(haproxy)
    }

    /// All that it wrote.
    ///
    /// # Panics
    /// If that is no text.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("the log is text")
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.log());
        }
        // It may have ended, which is fine as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
