//! `cargo xtask bench drift`: how often drift is said to be where there is none, which drifts are seen, and what others say
//! of the same data.
//!
//! Rule of thumb: everything is drawn from seeds, so a run can be repeated; the decisions are those of the service's own
//! functions.

mod arrivals;
mod decision;
mod peers;
mod power;
mod power_plot;
mod quick_look;
mod traffic;
mod week;
mod weeks;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use terminal::say;

use self::weeks::WeeksPlan;
use super::scratch::ScratchFolder;
use super::section::{caption, write_section};

const COMMAND: &str = "cargo xtask bench drift";
const PAGE: &str = "drift.md";
const PLOT: &str = "images/drift-power.svg";

/// How much to simulate.
#[derive(Debug, clap::Args)]
pub(crate) struct DriftOptions {
    /// Weeks of each kind of traffic.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    weeks: u32,
    /// Windows of each shift.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    windows: u32,
    /// Processors that simulate weeks; all of them otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    /// Only one of the three tables.
    #[arg(long, value_name = "TABLE")]
    only: Option<DriftTable>,
    /// Writes tables and plot into the documents of this folder.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DriftTable {
    /// Weeks with false alarms.
    Weeks,
    /// Which shifts are seen.
    Power,
    /// The statistics of others.
    Peers,
}

impl DriftTable {
    const ALL: [Self; 3] = [Self::Weeks, Self::Power, Self::Peers];

    /// The name of its section.
    fn as_str(self) -> &'static str {
        match self {
            Self::Weeks => "weeks",
            Self::Power => "power",
            Self::Peers => "peers",
        }
    }
}

/// Simulates, asks the peers, and prints the tables.
///
/// # Errors
/// Where a peer fails or a document cannot be written.
pub(super) fn run(options: &DriftOptions, scratch: &ScratchFolder) -> Result<()> {
    let chosen = |table: &DriftTable| options.only.is_none_or(|only| only == *table);
    for table in DriftTable::ALL.into_iter().filter(chosen) {
        let started = Instant::now();
        let (section, plot) = match table {
            DriftTable::Weeks => (weeks::simulate(options.weeks()), None),
            DriftTable::Power => {
                let curves = power::measure(options.windows, scratch)?;
                (power::table(&curves), Some(curves))
            }
            DriftTable::Peers => (peers::compare(scratch)?, None),
        };
        say(&section);
        let Some(folder) = &options.write else { continue };
        let name = table.as_str();
        let caption = caption(&format!("{COMMAND} --only {name}"), started.elapsed().as_secs_f64())?;
        if let Some(curves) = plot {
            fs::write(folder.join(PLOT), power_plot::draw(&curves, &caption))?;
        }
        write_section(&folder.join(PAGE), &format!("{COMMAND}, {name}"), &format!("{caption}\n\n{section}"))?;
    }
    Ok(())
}

impl DriftOptions {
    fn weeks(&self) -> WeeksPlan {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        WeeksPlan { weeks: self.weeks, threads: self.threads.map_or_else(all, usize::from) }
    }
}
