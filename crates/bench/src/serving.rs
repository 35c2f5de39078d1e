//! `cargo xtask bench serve`: how much of an engine's speed is left when it serves, and what others make of it.
//!
//! Rule of thumb: the same picture, the same model, the same cores for every contender. A bare loop of the engine is the
//! measure, for nothing that answers over HTTP can be faster. The client works on the same cores, and takes the same from
//! every contender.

mod against;
mod contender;
mod document;
mod engines;
mod exposition;
mod idle;
mod instruments;
mod item;
mod models;
mod rates;
mod report;
mod stage;
mod target;
mod throughput;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;

pub(super) use self::against::{AgainstOptions, run as run_against};
use self::report::ServingFindings;
use self::stage::ServingStage;
use super::disturbance::{MeasuredTurns, TurnExtent};
use super::scratch::ScratchFolder;
use terminal::say;

/// Other models have fewer turns.
const OTHER_MODELS_ROUNDS: u32 = 2;
const OTHER_MODELS_CONNECTIONS: usize = 16;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// Turns of each contender.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of a turn.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Seconds of each fixed rate.
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    rate_seconds: u64,
    /// Connections, each of which sends its next request when the last one is answered.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
    /// Seconds for turns that are taken again, because others disturbed them.
    #[arg(long, value_name = "S", default_value_t = 150, value_parser = clap::value_parser!(u64).range(..=3600))]
    spare_seconds: u64,
    /// Measure these parts only, separated by commas.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<ServingPart>,
    /// Write the tables into DIR/performance.md and the plots beside it.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// The parts of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ServingPart {
    /// As many predictions as each can make.
    Throughput,
    /// Latencies at fixed rates.
    Rates,
    /// What serving adds when nothing else is going on.
    Idle,
    /// What metrics, lines and spans cost; of lines and spans, with `throughput`.
    Instruments,
    /// The scrape of many series.
    Scrape,
    /// Other models.
    Models,
}

/// Measures in turns, and prints the tables.
///
/// # Errors
/// Where something cannot be measured; not where a peer or an engine cannot be had.
pub(super) fn run(options: &ServeOptions, scratch: &ScratchFolder) -> Result<()> {
    let started = Instant::now();
    let mut turns = MeasuredTurns::new(Duration::from_secs(options.spare_seconds))?;
    let wanted = |part: ServingPart| options.only.is_empty() || options.only.contains(&part);
    let note = |part: &str| say(format_args!("{:4.0} s: {part}", started.elapsed().as_secs_f64()));
    let connections = options.connections as usize;
    let extent = TurnExtent { rounds: options.rounds, duration: Duration::from_secs(options.seconds), connections };
    let runtimes = engines::runtimes();
    let stage = ServingStage::set(&runtimes, scratch)?;
    let mut findings = ServingFindings::default();
    if wanted(ServingPart::Throughput) {
        note("throughput");
        findings.throughput = Some(throughput::measure(&stage, &mut turns, extent)?);
    }
    if wanted(ServingPart::Rates) {
        note("fixed rates");
        findings.rates = rates::measure(&stage, &mut turns, Duration::from_secs(options.rate_seconds))?;
    }
    if wanted(ServingPart::Idle) {
        note("one at a time");
        findings.idle = idle::measure(&stage, &mut turns)?;
    }
    if wanted(ServingPart::Instruments) {
        note("instrumentation");
        findings.instruments = Some(instruments::measure(&mut turns)?);
    }
    if wanted(ServingPart::Scrape) {
        note("a scrape of many series");
        let runtime = runtimes.last().context("there is no runtime")?;
        findings.exposition = Some(exposition::measure(runtime, scratch, &mut turns)?);
    }
    if wanted(ServingPart::Models) {
        note("other models");
        let rounds = options.rounds.min(OTHER_MODELS_ROUNDS);
        let extent = TurnExtent { rounds, connections: OTHER_MODELS_CONNECTIONS, ..extent };
        findings.models = models::measure(&runtimes, scratch, &mut turns, extent)?;
    }
    note("done");
    let page = findings.page(&turns);
    say(format_args!("\n{page}"));
    if let Some(folder) = &options.write {
        document::write(folder, &findings, &page, started.elapsed().as_secs_f64())?;
    }
    drop(findings);
    stage.clear()
}
