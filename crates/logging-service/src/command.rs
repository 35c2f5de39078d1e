//! What can be done with a database beside serving it: `backup` and `check`.
//!
//! Rule of thumb: one line of output for each finding, and an exit code for scripts.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::Command;
use crate::store::DatabaseUrl;

/// Runs a command; exits with 1 where it finds something wrong.
///
/// # Errors
/// Where it cannot be run at all.
pub fn run(command: &Command, database: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    let engine = database.engine();
    let mut out = std::io::stdout().lock();
    match command {
        Command::Backup { to } => {
            let backup = engine.backup(to).with_context(|| format!("backing up {database}"))?;
            let path = to.display();
            writeln!(out, "{path}: {} predictions, {} bytes, opened and found sound", backup.rows, backup.bytes)?;
        }
        Command::Check => {
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
