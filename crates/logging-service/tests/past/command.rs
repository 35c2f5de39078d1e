//! The program as a person starts it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder with files, in which commands run.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logging-service"));
        command.current_dir(self.0.path()).args(words);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        let output = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Runs it on a thread where that is allowed, and expects success.
    pub(crate) fn done(&self, words: &[&str]) -> Said {
        let said = crate::store_support::apart(|| self.run(words));
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        said
    }

    /// The profile that a command prints.
    pub(crate) fn profile(&self, words: &[&str]) -> Value {
        let said = self.done(&[&["profile", "--model", "credit"], words].concat());
        serde_json::from_str(&said.out).unwrap()
    }

    /// What a command says that is to fail.
    pub(crate) fn refusal(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 1, "{words:?}: {said:?}");
        said.err
    }
}

/// Packs with gzip.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}
