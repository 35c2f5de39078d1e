//! `cargo xtask bench`: how fast models are served, how fast the prediction log takes and gives, and what it costs
//! whoever is recorded.
//!
//! Rule of thumb: what is compared is measured in one run, in turns, on loopback, bounded in time and count; and the
//! table says which target was missed. A measurement that misses its target is no failure of the command.

mod bare;
mod disturbance;
mod flood;
mod ingestion;
mod overload;
mod pages;
mod peers;
mod plot;
mod program;
mod recording;
mod rows;
mod serving;
mod steady;
mod table;
mod wire;

use std::env;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchOptions {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Rows a second into the log, against a bare loop of SQLite with the same rows, schema and durability.
    Log(ingestion::LogOptions),
    /// What recording takes from the throughput and adds to the latency of predictions.
    Record(recording::RecordOptions),
    /// Milliseconds of a page of 100 predictions, for each filter.
    Read(pages::ReadOptions),
    /// What is left of the throughput when several times as much is asked for.
    Overload(overload::OverloadOptions),
    /// Predictions a second over HTTP, against a bare loop of the engine and against others that serve.
    Serve(serving::ServeOptions),
}

/// Builds what is measured, measures it, and says what came out.
///
/// # Errors
/// Where something cannot be measured; not where a target is missed.
pub(crate) fn run(options: &BenchOptions) -> Result<()> {
    build()?;
    if cfg!(debug_assertions) {
        // What the services are compared with has to be as optimised as they are.
        let program = workspace::release_folder()?.join("xtask");
        return Err(Command::new(program).args(env::args_os().skip(1)).exec())
            .context("xtask cannot be run in release");
    }
    let scratch = Scratch::new()?;
    match &options.what {
        What::Log(options) => ingestion::run(options, &scratch),
        What::Record(options) => recording::run(options, &scratch),
        What::Read(options) => pages::run(options, &scratch),
        What::Overload(options) => overload::run(options, &scratch),
        What::Serve(options) => serving::run(options, &scratch),
    }
}

/// A folder on the disk of the repository, which is gone when this is dropped. The folder for temporary files may be
/// in memory, where being durable costs nothing.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let name = format!("bench-{}", std::process::id());
        let folder = workspace::release_folder()?.with_file_name(name);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        Ok(Self(folder))
    }

    /// A path in the folder.
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of a measurement lies in the target directory, which is there to be deleted.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Done by the build of this program that `cargo xtask` runs, and not again by the one for release.
fn build() -> Result<()> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--quiet"]);
    cargo.args(["logging-service", "inference-service", "xtask"].iter().flat_map(|package| ["--package", package]));
    let status = cargo.status().context("cargo cannot be run")?;
    ensure!(status.success(), "the release build failed");
    Ok(())
}
