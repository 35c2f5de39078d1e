//! `cargo xtask bench drift`: how often drift is said to be where there is none, which drifts are seen, and what others say
//! of the same data.
//!
//! Rule of thumb: everything is drawn from seeds, so a run can be repeated; the decisions are those of the service's own
//! functions.

mod decision;
mod peers;
mod power;
mod power_plot;
mod traffic;
mod week;
mod weeks;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use terminal::say;

use super::scratch::ScratchFolder;
use super::section::{caption, write_section};

const COMMAND: &str = "cargo xtask bench drift";
const PAGE: &str = "drift.md";
const PLOT: &str = "images/drift-power.svg";

/// How much to simulate.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftOptions {
    /// Weeks of each kind of traffic.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    weeks: u32,
    /// Windows of each shift.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    windows: u32,
    /// Writes table and plot into the documents of this folder.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

/// Simulates, asks the peers, and prints the tables.
///
/// # Errors
/// Where a peer fails or a document cannot be written.
pub(super) fn run(options: &DriftOptions, scratch: &ScratchFolder) -> Result<()> {
    let started = Instant::now();
    let weeks = weeks::simulate(options.weeks);
    say(&weeks);
    let curves = power::measure(options.windows, scratch)?;
    let power = power::table(&curves);
    say(&power);
    let peers = peers::compare(scratch)?;
    say(&peers);
    let Some(folder) = &options.write else { return Ok(()) };
    let caption = caption(COMMAND, started.elapsed().as_secs_f64())?;
    fs::write(folder.join(PLOT), power_plot::draw(&curves, &caption))?;
    for (part, section) in [("weeks", weeks), ("power", power), ("peers", peers)] {
        write_section(&folder.join(PAGE), &format!("{COMMAND}, {part}"), &format!("{caption}\n\n{section}"))?;
    }
    Ok(())
}
