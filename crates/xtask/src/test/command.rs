//! One cargo command as a step: run, shown, repeatable by hand.

use std::fmt;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};

use super::stream::{Line, OUTPUT_PATIENCE, follow};
use crate::workspace;

/// What to run. Its `Display` is the line to type in a shell.
#[derive(Clone, Copy)]
pub(super) struct CargoCommand {
    /// The name of the step.
    pub(super) name: &'static str,
    /// About how long it takes on two cores.
    pub(super) duration: &'static str,
    /// Variables and their values.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Everything after `cargo`.
    pub(super) arguments: &'static [&'static str],
}

/// The name of a step, about how long it takes on two cores, and the line that repeats it.
pub(super) struct StepTitle<'a> {
    pub(super) name: &'static str,
    pub(super) duration: &'a str,
    pub(super) repeat: &'a str,
}

impl CargoCommand {
    /// The title of the step that runs it, with the line that repeats it.
    pub(super) fn title<'a>(&self, repeat: &'a str) -> StepTitle<'a> {
        StepTitle { name: self.name, duration: self.duration, repeat }
    }

    /// Runs the command with its output going straight to ours.
    ///
    /// # Errors
    /// Where it fails, or cannot be started.
    pub(super) fn run(&self) -> Result<()> {
        require_success(self.command().status().context("cargo cannot be started")?)
    }

    /// Runs the command and hands on each line as it comes.
    ///
    /// # Errors
    /// Where it fails, cannot be started, or leaves a process behind that holds its output open.
    pub(super) fn run_with(&self, each: impl FnMut(Line)) -> Result<()> {
        require_success(follow(&mut self.command(), OUTPUT_PATIENCE, None, each)?)
    }

    /// The command, which nobody has started.
    pub(super) fn command(&self) -> Command {
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
            duration: "a minute",
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
            arguments: &["doc", "--no-deps"],
        };
        assert_eq!(command.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
