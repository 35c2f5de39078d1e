//! `logging-service lake status`, `verify` and `write`.
//!
//! Rule of thumb: each day and each finding is one line of output, and scripts read the exit code.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;

use super::layout::{self, day_name};
use super::manifest;
use super::object_lake::{LakeError, ObjectDigest, ObjectLake};
use super::turn::{Lake, LakeTurn};
use crate::store::Store;
use crate::store::lake_books::{self, LakeDay};
use crate::store::lake_files::{self, LABELS};
use crate::store::time::floor_microseconds;

/// What is asked about the lake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum LakeCommand {
    /// Say which days are in the lake.
    Status,
    /// Read every file of the lake, and compare it with the manifests and the database.
    Verify,
    /// Write the days that are due now. A running service does so by itself.
    Write,
}

/// Runs a command. The exit code is 1 if it found a problem.
///
/// # Errors
/// The database or the lake cannot be asked.
pub(crate) fn run(command: LakeCommand, lake: &Lake, store: &Store) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let outcome = match command {
            LakeCommand::Status => status(store).await,
            LakeCommand::Verify => verify(lake, store).await,
            LakeCommand::Write => write(lake, store).await,
        };
        store.close().await;
        outcome
    })
}

async fn status(store: &Store) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let days = store.read(lake_books::written).await?;
    for day in &days {
        let place = if day.is_cold { "in the lake" } else { "in the lake and the database" };
        let late = if day.is_unfinished() { "; some rows or labels came late and wait" } else { "" };
        let (name, rows, labels) = (day_name(day.day), day.rows, day.labels);
        writeln!(out, "{name}: {rows} rows {place}, {labels} labels, revision {}{late}", day.revision)?;
    }
    let rows: u64 = days.iter().map(|day| day.rows).sum();
    let labels: u64 = days.iter().map(|day| day.labels).sum();
    writeln!(out, "{} days, {rows} rows, {labels} labels", days.len())?;
    Ok(ExitCode::SUCCESS)
}

async fn write(lake: &Lake, store: &Store) -> anyhow::Result<ExitCode> {
    let turn = lake.take_turn(store, floor_microseconds(Timestamp::now())).await?;
    let mut out = std::io::stdout().lock();
    let LakeTurn { growth, waiting, disagreements, is_elsewhere } = turn;
    if is_elsewhere {
        writeln!(out, "another program keeps the lake: a running service writes it by itself")?;
        return Ok(ExitCode::FAILURE);
    }
    writeln!(out, "{} rows and {} bytes written, {waiting} days wait", growth.rows, growth.bytes)?;
    Ok(if disagreements == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify(lake: &Lake, store: &Store) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut named = BTreeSet::new();
    let (mut rows, mut problems) = (0, 0);
    for day in store.read(lake_books::written).await? {
        for problem in problems_of_day(&lake.objects, store, &day, &mut named).await? {
            writeln!(out, "PROBLEM: {}: {problem}", day_name(day.day))?;
            problems += 1;
        }
        rows += day.rows + day.labels;
    }
    // What is being written just now is in the books as well.
    for day in store.read(lake_files::unsettled).await? {
        let planned = store.read(move |session| lake_files::files(session, day, false)).await?;
        named.extend(planned.into_iter().map(|file| file.path));
    }
    let mut found = lake.objects.list(layout::PREDICTIONS).await?;
    found.extend(lake.objects.list(LABELS).await?);
    for stray in found.into_iter().filter(|path| !named.contains(path)) {
        writeln!(out, "PROBLEM: {stray} is named by no manifest, and readers of the folder count it all the same")?;
        problems += 1;
    }
    writeln!(out, "{} files with {rows} rows read, {problems} problems", named.len())?;
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is wrong with a day; the paths of its files go into `named`.
async fn problems_of_day(
    lake: &ObjectLake,
    store: &Store,
    day: &LakeDay,
    named: &mut BTreeSet<String>,
) -> Result<Vec<String>, LakeError> {
    let number = day.day;
    let mut problems = Vec::new();
    let files = store.read(move |session| lake_files::files(session, number, true)).await?;
    match manifest::read(lake, day.day, day.revision).await {
        Ok(Some(written)) if written.files == files && written.last_id == day.last_id => {}
        Ok(Some(_)) => problems.push("the manifest says something else than the database".to_owned()),
        Ok(None) => problems.push(format!("{} is gone", layout::manifest(day.day, day.revision))),
        Err(problem) => problems.push(problem.to_string()),
    }
    if manifest::read(lake, day.day, day.revision + 1).await?.is_some() {
        problems.push("there is a newer manifest than the database knows".to_owned());
    }
    for file in files {
        let expected = ObjectDigest { bytes: file.bytes, sha256: file.sha256.clone() };
        match lake.digest(&file.path).await? {
            Some(found) if found == expected => {}
            Some(_) => problems.push(format!("{} has another content than it was written with", file.path)),
            None => problems.push(format!("{} is gone", file.path)),
        }
        named.insert(file.path);
    }
    Ok(problems)
}
