//! A server that is not ours, as a child process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::{HttpRequest, path_with_query, wait_until};

const START_PATIENCE: Duration = Duration::from_secs(30);

/// Lines of its log that a failing test shows.
const LINES_SHOWN: usize = 40;

/// A running server with an HTTP interface. It is killed when this is dropped, and a failing test shows how its log ends.
pub struct Daemon {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts the server, which is to listen on `address`, with its output in the file `log`, and waits until
    /// `/-/ready` says 200.
    ///
    /// # Panics
    /// If it cannot be started, ends, or does not become ready.
    pub async fn start(address: SocketAddr, command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).expect("a file for the log");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        let mut daemon = Self { address, child, log: log.to_owned() };
        wait_until("the server becomes ready", START_PATIENCE, async || {
            let ended = daemon.child.try_wait().expect("the process can be asked for");
            assert!(ended.is_none(), "it ended: {}", daemon.log());
            HttpRequest::get("/-/ready").send(address).await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        daemon
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks for a path and its query parameters; the answer is JSON.
    ///
    /// # Panics
    /// If the answer does not come, or is none of success.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = HttpRequest::get(&path_with_query(path, parameters)).send(self.address).await;
        let answer = answer.unwrap_or_else(|failure| panic!("{failure:?}: {}", self.log()));
        assert_eq!(answer.status, 200, "{path} {parameters:?}: {}", answer.text());
        answer.json()
    }

    /// All that it wrote.
    ///
    /// # Panics
    /// If that is no text.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{}:\n{}", self.log.display(), lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"));
        }
        // It may have ended, which is fine as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
