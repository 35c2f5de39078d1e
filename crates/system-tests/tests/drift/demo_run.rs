//! `cargo xtask demo` as a process.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use testkit::{Pair, demo_program, wait_until};

/// How long the last answers may take once it is asked to end.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// A running demo. It is killed when this is dropped.
pub(crate) struct DemoRun {
    child: Child,
    output: PathBuf,
    #[expect(dead_code, reason = "the folder is deleted with this")]
    folder: TempDir,
}

impl DemoRun {
    /// Starts it for so many minutes at so many requests a second; the first half of the time is normal.
    pub(crate) fn start(pair: &Pair, minutes: f64, rate: f64) -> Self {
        let folder = TempDir::new().unwrap();
        let output = folder.path().join("output");
        let file = File::create(&output).unwrap();
        let child = Command::new(demo_program())
            .arg(format!("--minutes={minutes}"))
            .arg(format!("--rate={rate}"))
            .arg(format!("--inference={}", pair.inference.url("")))
            .arg(format!("--logging={}", pair.logging.url("")))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, output, folder }
    }

    /// All that it has said.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Waits until it has said these words.
    pub(crate) async fn says(&mut self, words: &str, patience: Duration) {
        wait_until(&format!("the demo says {words:?}"), patience, async || {
            let said = self.output();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() || said.contains(words), "{ended:?} before it said {words:?}: {said}");
            said.contains(words)
        })
        .await;
    }

    /// Asks it to end, as Ctrl-C does.
    pub(crate) async fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.ends(END_PATIENCE).await;
    }

    /// Waits until it has ended. It says itself whether the service has counted what it sent.
    pub(crate) async fn ends(&mut self, patience: Duration) {
        let mut status = None;
        wait_until("the demo ends", patience, async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        assert!(status.is_some_and(|status| status.success()), "{}", self.output());
    }
}

impl Drop for DemoRun {
    fn drop(&mut self) {
        // It may have ended, which is fine as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
