//! `cargo xtask bench`, which is `cargo run --release -p bench --`: how fast models are served, how fast the prediction log takes and gives, and what
//! recording costs a prediction.
//!
//! Rule of thumb: what is compared is measured in one run, in turns, on loopback, bounded in time and count; and the
//! table says which target was missed. A measurement that misses its target is no failure of the command.

mod bare;
mod connection;
mod disturbance;
mod drift;
mod growth;
mod ingestion;
mod live;
mod load_result;
mod memory;
mod overload;
mod pages;
mod peers;
mod pictures;
mod plot;
mod program;
mod python_model;
mod recording;
mod row_costs;
mod rows;
mod scratch;
mod section;
mod serving;
mod speed;
mod table;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Parser;
use terminal::{say, warn};

use self::scratch::ScratchFolder;

/// How fast models are served, and what the prediction log costs and takes, held against the targets.
#[derive(Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench")]
struct BenchOptions {
    #[command(subcommand)]
    what: Measurement,
}

#[derive(clap::Subcommand)]
enum Measurement {
    /// Rows a second into the log, against a bare loop of SQLite with the same rows, schema and durability.
    Log(ingestion::LogOptions),
    /// What recording takes from the throughput and adds to the latency of predictions.
    Record(recording::RecordOptions),
    /// Microseconds of processor time that recording a row of many features takes.
    Rows(row_costs::RowOptions),
    /// Milliseconds of a page of 100 predictions, for each filter.
    Read(pages::ReadOptions),
    /// Milliseconds of every question to a log that has grown for hundreds of days, and the bytes of its rows.
    Growth(growth::GrowthOptions),
    /// What a model of 200 MB takes of memory, by engine and number of threads.
    Memory(memory::MemoryOptions),
    /// What is left of the throughput when several times as much is asked for.
    Overload(overload::OverloadOptions),
    /// Milliseconds that a probe waits while the services do their heaviest work.
    Live(live::LiveOptions),
    /// Predictions a second over HTTP, against a bare loop of the engine and against others that serve.
    Serve(serving::ServeOptions),
    /// Milliseconds of decoding and resizing a picture, in colour and in grey, beside Pillow.
    Pictures(pictures::PictureOptions),
    /// False alarms of drift in simulated weeks, which shifts are seen, and the statistics beside Evidently's and NannyML's.
    Drift(drift::DriftOptions),
    /// Predictions a second beside another build of the service, such as an earlier one.
    Against(serving::AgainstOptions),
}

fn main() -> ExitCode {
    match run(BenchOptions::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Measures, and says what came out. A missed target is no failure.
fn run(what: Measurement) -> Result<()> {
    if cfg!(debug_assertions) {
        // What the services are compared with has to be as optimised as they are.
        return Err(anyhow!("a build without optimisation measures nothing; cargo xtask bench makes the right one"));
    }
    if let Measurement::Drift(options) = &what {
        // Its statistics are functions; no service is asked.
        return drift::run(options, &ScratchFolder::new()?);
    }
    if let Measurement::Growth(growth::GrowthOptions { service: Some(_), .. }) = &what {
        say("Another build is measured; nothing is built.");
    } else {
        build_services()?;
    }
    let scratch = ScratchFolder::new()?;
    match what {
        Measurement::Growth(options) => growth::run(&options, &scratch),
        Measurement::Log(options) => ingestion::run(&options, &scratch),
        Measurement::Record(options) => recording::run(&options, &scratch),
        Measurement::Rows(options) => row_costs::run(&options, &scratch),
        Measurement::Read(options) => pages::run(&options, &scratch),
        Measurement::Memory(options) => memory::run(&options, &scratch),
        Measurement::Overload(options) => overload::run(&options, &scratch),
        Measurement::Live(options) => live::run(&options, &scratch),
        Measurement::Serve(options) => serving::run(&options, &scratch),
        Measurement::Pictures(options) => pictures::run(&options, &scratch),
        Measurement::Drift(options) => drift::run(&options, &scratch),
        Measurement::Against(options) => serving::run_against(&options, &scratch),
    }
}

fn build_services() -> Result<()> {
    say("Building both services in release: about 9 minutes the first time on two cores, seconds afterwards.");
    testkit::build_services().map_err(|problem| anyhow!("the services cannot be built: {problem}"))?;
    Ok(())
}
