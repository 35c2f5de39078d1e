//! The commands that are run instead of the service: `backup`, `check`, `profile`, `import`, `erase`,
//! `report` and `lake`.
//!
//! Rule of thumb: each finding is one line of output, and scripts read the exit code.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use terminal::warn;

use crate::config::{Config, DatabaseCommand};
use crate::erase_command::{self, EraseOptions};
use crate::lake::{self, Lake, LakeCommand};
use crate::past::{self, own_store};
use crate::report_command;
use crate::report_options::ReportOptions;
use crate::store::DatabaseUrl;

/// Runs a command. The exit code is 1 if it found a problem.
///
/// # Errors
/// The command could not be run.
pub fn run(command: &DatabaseCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let database = config.database();
    match command {
        DatabaseCommand::Backup { to } => backup(database, to),
        DatabaseCommand::Check => check(database),
        DatabaseCommand::Profile(options) => Ok(told(past::profile(options, database))),
        DatabaseCommand::Import(options) => Ok(told(past::import(options, database))),
        DatabaseCommand::Erase(options) => Ok(told(erase(options, config))),
        DatabaseCommand::Report(options) => Ok(told(report(options, database))),
        DatabaseCommand::Lake(command) => Ok(told(lake(*command, config))),
    }
}

/// A person reads why a command ended, so it is one sentence, and no trace of calls.
fn told(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|problem| {
        warn(format_args!("error: {problem:#}"));
        ExitCode::FAILURE
    })
}

fn lake(command: LakeCommand, config: &Config) -> anyhow::Result<ExitCode> {
    let lake = open_lake(config)?.context("say which lake: --lake, or LOGGING_LAKE, as for the service")?;
    lake::command::run(command, &lake, &own_store::start(config.database())?)
}

fn erase(options: &EraseOptions, config: &Config) -> anyhow::Result<ExitCode> {
    let lake = open_lake(config)?;
    erase_command::run(options, lake.as_ref(), &own_store::start(config.database())?)
}

fn report(options: &ReportOptions, database: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    // Nothing is made where there is nothing to report.
    if let Some(missing) = database.files().first().filter(|file| !file.exists()) {
        anyhow::bail!("there is no database at {}", missing.display());
    }
    report_command::run(options, &own_store::start(database)?)
}

fn open_lake(config: &Config) -> anyhow::Result<Option<Lake>> {
    let Some(url) = &config.lake else { return Ok(None) };
    let opened = url.open(config.lake_settings_file.as_deref()).with_context(|| format!("opening {url}"))?;
    Ok(Some(Lake::new(opened, config.lake_options("command"))))
}

fn backup(database: &DatabaseUrl, to: &Path) -> anyhow::Result<ExitCode> {
    let backup = database.engine().backup(to).with_context(|| format!("backing up {database}"))?;
    let path = to.display();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{path}: {} predictions, {} bytes, opened and found sound", backup.rows, backup.bytes)?;
    Ok(ExitCode::SUCCESS)
}

fn check(database: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    let findings = database.engine().check().with_context(|| format!("checking {database}"))?;
    let mut out = std::io::stdout().lock();
    for problem in &findings.problems {
        writeln!(out, "PROBLEM: {problem}")?;
    }
    writeln!(
        out,
        "{database}: {} predictions, {} windows compared with their rows, {} problems",
        findings.rows,
        findings.windows,
        findings.problems.len()
    )?;
    Ok(if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
