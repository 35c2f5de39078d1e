//! The programs that cargo makes of the tests, one for each library, binary and file of tests.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::command::CargoCommand;
use crate::workspace;

/// What makes the tests that have a short form take as long as it takes.
const AT_LENGTH: [(&str, &str); 5] = [
    ("RULE_MUTATIONS", "all"),
    ("OVERLOAD_SECONDS", "60"),
    ("SOAK_REQUESTS", "2000000"),
    ("STORM_SECONDS", "3600"),
    ("DRIFT_PACE", "shipped"),
];
/// Programs outside of `system-tests` whose tests need a PostgreSQL, a Python or the like.
const NEED_OTHER_PROGRAMS: [&str; 3] =
    ["logging-service store", "logging-service analysis", "inference-service golden"];

/// One test program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TestProgram {
    package: String,
    /// How cargo is told to run this one alone, such as `--test kill`.
    selection: String,
    executable: PathBuf,
    /// The folder of its package, in which its tests expect to run.
    folder: PathBuf,
    runs_at_length: bool,
}

impl TestProgram {
    /// Compiles all tests that the command selects, and lists their programs. cargo shows its progress meanwhile.
    ///
    /// # Errors
    /// Where something does not compile, or cargo cannot be started.
    pub(super) fn compile(command: &CargoCommand) -> Result<Vec<Self>> {
        let output = command.command().stdout(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
        let output = output.context("cargo cannot be started")?;
        ensure!(output.status.success(), "cargo ended with {}", output.status);
        let messages = String::from_utf8(output.stdout).context("cargo does not write UTF-8")?;
        let programs: Vec<Self> = messages.lines().filter_map(Self::from_message).collect();
        ensure!(!programs.is_empty(), "cargo names no test program");
        Ok(programs)
    }

    /// Reads one of cargo's messages in JSON; `None` if it is not about a test program.
    fn from_message(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["profile"]["test"] != true {
            return None;
        }
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
        let name = message["target"]["name"].as_str()?;
        let selection = match message["target"]["kind"][0].as_str()? {
            kind @ ("test" | "bin" | "example" | "bench") => format!("--{kind} {name}"),
            _ => "--lib".to_owned(),
        };
        Some(Self {
            package: folder.file_name()?.to_str()?.to_owned(),
            selection,
            executable: message["executable"].as_str()?.into(),
            folder: folder.to_owned(),
            runs_at_length: false,
        })
    }

    /// The program with its tests one after another, so that their times are true, and with the output of those that
    /// pass, in which they say what they skip.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(["--test-threads=1", "--show-output"])
            .current_dir(&self.folder)
            .env("CARGO", workspace::cargo().get_program())
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .stdin(Stdio::null());
        if self.runs_at_length {
            command.envs(AT_LENGTH);
        }
        command
    }

    /// Makes the tests that have a short form take as long as it takes.
    pub(super) fn run_at_length(&mut self) {
        self.runs_at_length = true;
    }

    /// Whether it needs more than this workspace: a database server, a tool, the services as processes.
    pub(super) fn needs_other_programs(&self) -> bool {
        self.package == "system-tests" || NEED_OTHER_PROGRAMS.contains(&self.to_string().as_str())
    }

    /// The line to type in order to run this program alone.
    pub(super) fn to_repeat(&self) -> String {
        format!("cargo test --release -p {} {}", self.package, self.selection)
    }
}

/// Short, and different for each: `logging-service api`, `logging-service --lib`.
impl fmt::Display for TestProgram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let selection = self.selection.strip_prefix("--test ").unwrap_or(&self.selection);
        write!(formatter, "{} {selection}", self.package)
    }
}

#[cfg(test)]
impl TestProgram {
    /// A shell script in the place of a program; it finds its words in `$0` and `$@`.
    pub(super) fn of_script(name: &str, script: &Path) -> Self {
        Self {
            package: "made-up".to_owned(),
            selection: format!("--test {name}"),
            executable: script.to_owned(),
            folder: script.parent().unwrap_or(script).to_owned(),
            runs_at_length: false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_test_program_is_told_from_cargos_other_messages() {
        let message = |kind: &str, is_test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/r/crates/a/Cargo.toml","target":{{"kind":["{kind}"],"name":"b"}},"profile":{{"test":{is_test}}},"executable":"/t/b-1"}}"#
            )
        };
        let program = TestProgram::from_message(&message("test", true)).unwrap();
        assert_eq!(
            (program.to_string(), program.to_repeat()),
            ("a b".into(), "cargo test --release -p a --test b".into())
        );
        assert_eq!(program.folder, Path::new("/r/crates/a"));
        assert_eq!(TestProgram::from_message(&message("lib", true)).unwrap().to_string(), "a --lib");
        for other in [message("bin", false), r#"{"reason":"build-finished"}"#.into(), "no JSON".into()] {
            assert_eq!(TestProgram::from_message(&other), None);
        }
    }
}
