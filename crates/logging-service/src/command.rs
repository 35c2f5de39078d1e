//! The commands for a database that are run instead of the service: `backup` and `check`.
//!
//! Rule of thumb: each finding is one line of output, and scripts read the exit code.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::DatabaseCommand;
use crate::store::DatabaseUrl;

/// Runs a command. The exit code is 1 if it found a problem.
///
/// # Errors
/// The command could not be run.
pub fn run(command: &DatabaseCommand, database: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    let engine = database.engine();
    let mut out = std::io::stdout().lock();
    match command {
        DatabaseCommand::Backup { to } => {
            let backup = engine.backup(to).with_context(|| format!("backing up {database}"))?;
            let path = to.display();
            writeln!(out, "{path}: {} predictions, {} bytes, opened and found sound", backup.rows, backup.bytes)?;
        }
        DatabaseCommand::Check => {
            let findings = engine.check().with_context(|| format!("checking {database}"))?;
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
            if !findings.problems.is_empty() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
