//! `cargo xtask test`: everything a change has to pass, cheapest first.
//!
//! Rule of thumb: the first step that fails ends it, and the last line is the command that shows that failure again.

mod command;
mod policy;
mod report;
mod runner;
mod skips;
mod stream;
mod test_program;
mod tools;
mod transcript;

use anyhow::{Context, Result};
use clap::Args;

use self::command::{CargoCommand, StepTitle};
use self::report::TestReport;
use self::test_program::TestProgram;
use crate::generate;
use crate::tidy;
use terminal::StopRequest;

const FORMATTING: CargoCommand = CargoCommand {
    name: "formatting",
    duration: "2 seconds",
    environment: &[],
    arguments: &["fmt", "--all", "--check"],
};
/// Everything is in release, so that what is compiled for one step serves the others.
const CLIPPY: CargoCommand = CargoCommand {
    name: "clippy",
    duration: "3 minutes where nothing is compiled yet",
    environment: &[],
    arguments: &["clippy", "--release", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
};
const DOCS: CargoCommand = CargoCommand {
    name: "docs",
    duration: "15 seconds",
    environment: &[("RUSTDOCFLAGS", "-D warnings")],
    arguments: &["doc", "--release", "--workspace", "--no-deps", "--locked"],
};
/// The system tests run the programs of this build.
const SERVICES: CargoCommand = CargoCommand {
    name: "services",
    duration: "8 minutes where nothing is compiled yet",
    environment: &[],
    arguments: &["build", "--release", "--locked", "-p", "inference-service", "-p", "logging-service"],
};
const TEST_PROGRAMS: CargoCommand = CargoCommand {
    name: "test programs",
    duration: "4 minutes where nothing is compiled yet",
    environment: &[],
    arguments: &[
        "test",
        "--no-run",
        "--release",
        "--workspace",
        "--locked",
        "--message-format=json-render-diagnostics",
    ],
};
const EXAMPLES_IN_DOCS: CargoCommand = CargoCommand {
    name: "examples in docs",
    duration: "20 seconds",
    environment: &[],
    arguments: &["test", "--doc", "--release", "--workspace", "--locked", "--no-fail-fast"],
};

/// How much is tested.
#[derive(Args)]
pub(crate) struct TestOptions {
    /// Only formatting, lints, and the tests that need no other program than ours: about 2 minutes once compiled.
    #[arg(long, conflicts_with_all = ["long", "install"])]
    quick: bool,
    /// Also what takes long: every mutation of the rules, overload for a minute, an hour of mixed requests, an hour of
    /// attacks and faults, drift at the pace of life.
    #[arg(long)]
    long: bool,
    /// Install the Debian packages that are missing, as root. Where CI=true, that is done without being asked.
    #[arg(long)]
    install: bool,
}

/// Runs every step, then says what was left out.
///
/// # Errors
/// The first step that failed, with the command that repeats it.
pub(crate) fn run(options: &TestOptions) -> Result<()> {
    let stop = StopRequest::listen().context("Ctrl-C cannot be listened for")?;
    let mut report = TestReport::begin();
    let outcome = steps(options, &stop, &mut report);
    report.tell();
    outcome
}

fn steps(options: &TestOptions, stop: &StopRequest, report: &mut TestReport) -> Result<()> {
    let title = |name, duration, repeat| StepTitle { name, duration, repeat };
    report.step(&title("tidy", "a second", "cargo xtask tidy"), stop, |_| tidy::run(&tidy::TidyOptions::default()))?;
    let generated = title("generated files", "a second", "cargo xtask generate --check");
    report.step(&generated, stop, |_| generate::check())?;
    if !options.quick {
        let tools = title("tools", "a second; 10 minutes once for a machine", "cargo xtask test --install");
        report.step(&tools, stop, |_| tools::provide(options.install, stop))?;
    }
    let checks: &[_] = if options.quick { &[FORMATTING, CLIPPY] } else { &[FORMATTING, CLIPPY, DOCS, SERVICES] };
    for check in checks {
        report.step(&check.title(&check.to_string()), stop, |_| check.run())?;
    }
    let mut programs = Vec::new();
    report.step(&TEST_PROGRAMS.title(&TEST_PROGRAMS.to_string()), stop, |_| {
        programs = TestProgram::compile(&TEST_PROGRAMS)?;
        Ok(())
    })?;
    let mut duration = "10 minutes";
    if options.quick {
        programs.retain(|program| !program.needs_other_programs());
        duration = "a minute";
    }
    report.step(&title("tests", duration, "each program's command is below its failures"), stop, |report| {
        runner::run(programs, options.long, stop, |ended| report.note_program(ended))?;
        report.require_no_failure()
    })?;
    if !options.quick {
        let repeat = EXAMPLES_IN_DOCS.to_string();
        report.step(&EXAMPLES_IN_DOCS.title(&repeat), stop, |report| {
            EXAMPLES_IN_DOCS.run_with(|line| report.note_line(line))
        })?;
    }
    Ok(())
}
