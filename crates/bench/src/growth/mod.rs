//! `cargo xtask bench growth`: what becomes of the log's questions when it has grown for hundreds of days.
//!
//! Rule of thumb: rows come in through `POST /log` in the order of their times, so that the counts of windows and the
//! files are those of a log that has grown; every question is asked over HTTP, and its slowest answer counts.

mod asked;
mod fill;
mod moved;
mod questions;
mod store;

use std::path::PathBuf;

use anyhow::Result;
use terminal::say;

use self::fill::GrownLog;
use self::store::{GrownStore, GrowthEngine};
use super::scratch::ScratchFolder;
use super::table::{print, thousands};

/// How large the log is to be.
#[derive(Debug, clap::Args)]
pub(crate) struct GrowthOptions {
    /// Rows in the database.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(100_000..=200_000_000))]
    rows: u32,
    /// Days until now over which they are spread.
    #[arg(long, value_name = "N", default_value_t = 800, value_parser = clap::value_parser!(u32).range(2..=3_000))]
    days: u32,
    /// What stores them.
    #[arg(long, value_name = "ENGINE", default_value = "sqlite")]
    engine: GrowthEngine,
    /// How often each question is asked.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    times: u32,
    /// A folder in which the database stays; one that is there already is taken to have these rows.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Another build of the logging service, such as an earlier one.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) service: Option<PathBuf>,
}

/// Fills the log, asks it everything, and prints one table.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &GrowthOptions, scratch: &ScratchFolder) -> Result<()> {
    let kept = options.keep.as_deref().map(std::path::absolute).transpose()?;
    let store = GrownStore::open(options.engine, &kept.unwrap_or_else(|| scratch.path("growth")))?;
    let log = GrownLog::spread(options.rows as usize, options.days)?;
    let service = store.service(scratch, options.service.as_deref(), &[])?;
    let mut lines = Vec::new();
    if store.is_new() {
        lines.push(log.fill(&service)?);
        store.keep(&log)?;
    }
    let log = store.kept(log)?;
    let bytes = store.bytes(&service)?;
    say(format_args!("{:.2} GB, {:.0} bytes a row", bytes / 1e9, bytes / log.rows as f64));
    lines.extend(moved::labels(&log, &service)?);
    lines.extend(asked::all(&questions::all(&log), &service, options.times)?);
    lines.extend(moved::exports(&log, &service)?);
    lines.push(moved::new_rows(&log, &service)?);
    lines.extend(moved::in_no_order(&log, &service)?);
    service.stop()?;
    let kept_days = log.days - log.days / 8;
    let retention = ["--retention-days", &kept_days.to_string(), "--evaluate-seconds", "2"];
    let service = store.service(scratch, options.service.as_deref(), &retention)?;
    lines.push(moved::retention(&log, &service)?);
    let rows = thousands(log.rows as f64);
    print(&[&format!("{rows} rows, {} days", log.days), "of it", "median", "slowest", ""], &lines);
    service.stop()
}
