//! One cargo command as a step: run, shown, repeatable by hand.

use std::fmt;
use std::io::{self, IsTerminal};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::skips::Skips;
use super::stream::{Line, follow};
use crate::console::{say, warn};
use crate::workspace;

/// How long the output of the tests may stay open once they have ended.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(5);

/// What to run. Its `Display` is the line to type in a shell.
#[derive(Clone, Copy)]
pub(super) struct CargoCommand {
    /// The name of the step.
    pub(super) name: &'static str,
    /// Variables and their values.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Everything after `cargo`.
    pub(super) arguments: &'static [&'static str],
}

impl CargoCommand {
    /// Runs the command with its output going straight to ours.
    ///
    /// # Errors
    /// Where it fails, or cannot be started.
    pub(super) fn run(&self) -> Result<()> {
        require_success(self.command().status().context("cargo cannot be started")?)
    }

    /// Runs a test command, shows each line as it comes, and notes what the tests say they skip.
    ///
    /// # Errors
    /// Where it fails, cannot be started, or leaves a process behind that holds its output open.
    pub(super) fn run_and_scan(&self, skips: &mut Skips) -> Result<()> {
        let mut command = self.command();
        // With a pipe in between, cargo cannot see that a person is watching.
        if io::stderr().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let status = follow(&mut command, OUTPUT_PATIENCE, |line| match line {
            Line::Out(line) if skips.scan(&line) => say(line),
            Line::Out(_) => {}
            Line::Err(line) => {
                skips.note(&line);
                warn(line);
            }
        })?;
        require_success(status)
    }

    fn command(&self) -> Command {
        let mut command = workspace::cargo();
        command.args(self.arguments).envs(self.environment.iter().copied());
        command
    }
}

impl fmt::Display for CargoCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (variable, value) in self.environment {
            write!(formatter, "{variable}='{value}' ")?;
        }
        write!(formatter, "cargo {}", self.arguments.join(" "))
    }
}

fn require_success(status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_line_to_type_carries_the_environment() {
        let command = CargoCommand {
            name: "docs",
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
            arguments: &["doc", "--no-deps"],
        };
        assert_eq!(command.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
