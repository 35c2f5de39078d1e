//! `cargo xtask test`: everything a change has to pass, cheapest first.
//!
//! Rule of thumb: the first failure ends it, and its last line is the command that shows that failure again.

mod command;
mod policy;
mod skips;
mod stream;
mod tools;

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use self::command::CargoCommand;
use self::skips::Skips;
use crate::console::{say, warn};
use crate::generate;
use crate::tidy::{self, TidyOptions};

const THIS: &str = "cargo xtask test";
/// The system tests run the programs of this build.
const CHECKS: [CargoCommand; 4] = [
    CargoCommand { name: "formatting", environment: &[], arguments: &["fmt", "--all", "--check"] },
    CargoCommand {
        name: "clippy",
        environment: &[],
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
    },
    CargoCommand {
        name: "docs",
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        arguments: &["doc", "--workspace", "--no-deps", "--locked"],
    },
    CargoCommand {
        name: "release build",
        environment: &[],
        arguments: &["build", "--release", "--locked", "-p", "inference-service", "-p", "logging-service"],
    },
];
/// Shows the output of tests that pass, too, for in it they say what they skip; and shows all that fail, not the first.
const TESTS: CargoCommand = CargoCommand {
    name: "tests",
    environment: &[],
    arguments: &["test", "--workspace", "--locked", "--no-fail-fast", "--", "--show-output"],
};

/// Runs every step, then says what was left out.
///
/// # Errors
/// The first step that failed, with the command that repeats it.
pub(crate) fn run() -> Result<()> {
    let mut report = Report { started: Instant::now(), steps: Vec::new() };
    report.step("tidy", "cargo xtask tidy", || tidy::run(&TidyOptions::default()))?;
    report.step("generated files", "cargo xtask generate --check", generate::check)?;
    report.step("tools", THIS, tools::provide)?;
    for check in CHECKS {
        report.step(check.name, &check.to_string(), || check.run())?;
    }
    let mut skips = Skips::default();
    let outcome = report.step(TESTS.name, &TESTS.to_string(), || TESTS.run_and_scan(&mut skips));
    skips.tell();
    outcome?;
    report.tell();
    Ok(())
}

/// The steps that passed, with what they took.
struct Report {
    started: Instant,
    steps: Vec<(&'static str, Duration)>,
}

impl Report {
    fn step(&mut self, name: &'static str, repeat: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        say(format_args!("\n== {name}: {repeat}"));
        let started = Instant::now();
        work().map_err(|error| {
            warn(format_args!("{error:#}"));
            let took = started.elapsed().as_secs_f64();
            anyhow!("the step \"{name}\" failed after {took:.1} s. To repeat it: {repeat}")
        })?;
        let took = started.elapsed();
        say(format_args!("-- {name}: passed in {:.1} s", took.as_secs_f64()));
        self.steps.push((name, took));
        Ok(())
    }

    fn tell(&self) {
        let steps: Vec<String> =
            self.steps.iter().map(|(name, took)| format!("{name} {:.1} s", took.as_secs_f64())).collect();
        say(format_args!(
            "\nAll {} steps passed in {:.1} s: {}.",
            self.steps.len(),
            self.started.elapsed().as_secs_f64(),
            steps.join(", ")
        ));
    }
}
