//! A command of the README as a process.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use tempfile::TempDir;
use testkit::{Signal, cargo, root, target_folder, wait_until};

/// A running `cargo xtask …`. If it still runs when it is dropped, it is asked to end, with all that it has started.
pub(crate) struct Task {
    child: Child,
    output: PathBuf,
    #[expect(dead_code, reason = "the folder is deleted with this")]
    folder: TempDir,
}

impl Task {
    /// Types `cargo xtask` and these arguments, with the programs of this folder before all others.
    pub(crate) fn start(arguments: &[impl AsRef<str>], tools: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let output = folder.path().join("output");
        let file = File::create(&output).unwrap();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([tools.to_owned()].into_iter().chain(env::split_paths(&path))).unwrap();
        let child = cargo()
            .arg("xtask")
            .args(arguments.iter().map(AsRef::as_ref))
            .current_dir(root())
            .env("CARGO_TARGET_DIR", target_folder().unwrap())
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, output, folder }
    }

    /// All that it has said, on stdout and stderr.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Waits until it has said these words.
    pub(crate) async fn says(&mut self, words: &str, patience: Duration) {
        wait_until(&format!("the command says {words:?}"), patience, async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended ({ended:?}) before it said {words:?}: {}", self.output());
            self.output().contains(words)
        })
        .await;
    }

    /// The processes that it has started; `cargo` itself has become the command.
    pub(crate) fn children(&self) -> Vec<u32> {
        let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let parent = self.child.id().to_string();
        let started_by_it = |id: &u32| {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            // The name, which may hold anything, stands in brackets; after it come the state and the parent.
            let after_name = state.rsplit_once(')').map_or("", |(_, rest)| rest);
            after_name.split_whitespace().nth(1) == Some(parent.as_str())
        };
        ids.filter(started_by_it).collect()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended, and says how.
    pub(crate) async fn ends(&mut self, patience: Duration) -> ExitStatus {
        wait_until("the command ends", patience, async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let _ = self.child.wait();
        }
    }
}
