//! `cargo xtask bench record`: what it costs a prediction to be recorded.
//!
//! Rule of thumb: all that recording takes is in it: the record, the spool, the delivery, and the logging service, which
//! works on the same cores. The ways of recording take turns of a few seconds, each beside one without.

use std::fs;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::connection;
use super::load_result::LoadResult;
use super::program::ServiceProgram;
use super::scratch::ScratchFolder;
use super::table::{median, print, verdict};
use terminal::say;
use testkit::{Load, root};

const MODES: [&str; 4] = ["off", "memory", "process", "power"];
const OFF: usize = 0;
const PROCESS: usize = 2;
const PICTURE: &str = "deploy/models/cifar10/examples/cat.jpg";
const DELIVERY_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Percent of the throughput, and milliseconds of the median latency.
const MOST_PERCENT: f64 = 3.0;
const MOST_MILLISECONDS: f64 = 0.3;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordOptions {
    /// How often each way of recording has its turn.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of a turn.
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Connections, each of which sends its next picture when the last one is answered.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

/// Measures in turns, and prints the table.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &RecordOptions, scratch: &ScratchFolder) -> Result<()> {
    let picture = fs::read(root().join(PICTURE)).context("the example picture cannot be read")?;
    let requests = Rc::new(vec![connection::post("/predict?model=cifar10", "image/jpeg", &picture)]);
    let logging = ServiceProgram::logging(scratch, &scratch.path("recorded.db"))?;
    let services = start(scratch, &logging)?;

    let mut floods: [Vec<LoadResult>; MODES.len()] = Default::default();
    // The first round warms up, and does not count.
    for round in 0..=options.rounds {
        for turn in 0..MODES.len() {
            // The first in one round is the last in the next.
            let mode = if round.is_multiple_of(2) { turn } else { MODES.len() - 1 - turn };
            let load = Load::closed(options.connections as usize).lasting(Duration::from_secs(options.seconds));
            let turn = LoadResult::send(load, services[mode].address, &requests)?;
            ensure!(turn.refused == 0, "{} predictions were refused", turn.refused);
            wait_for_delivery(&services[mode])?;
            if round > 0 {
                floods[mode].push(turn);
            }
        }
    }
    report(&floods, &services)?;
    for service in services {
        service.stop()?;
    }
    logging.stop()
}

/// One service for each way of recording. A service is idle in the turns of the others.
fn start(scratch: &ScratchFolder, logging: &ServiceProgram) -> Result<Vec<ServiceProgram>> {
    let url = format!("http://{}", logging.address);
    let service = |mode: &str| {
        let spool = scratch.path(&format!("spool-{mode}"));
        let spool = spool.to_str().context("the path of the spool is not Unicode")?;
        if mode == MODES[OFF] {
            return ServiceProgram::inference(scratch, &["--log-url", ""]);
        }
        ServiceProgram::inference(scratch, &["--log-url", &url, "--spool", spool, "--record", mode])
    };
    MODES.into_iter().map(service).collect()
}

/// So that one turn's records do not burden the next.
fn wait_for_delivery(service: &ServiceProgram) -> Result<()> {
    let deadline = Instant::now() + DELIVERY_PATIENCE;
    while service.metric("prediction_log_spooled_records", "")? > 0.0 {
        ensure!(Instant::now() < deadline, "records are not delivered");
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

fn report(floods: &[Vec<LoadResult>; MODES.len()], services: &[ServiceProgram]) -> Result<()> {
    let each = |mode: usize, value: fn(&LoadResult) -> f64| floods[mode].iter().map(value).collect::<Vec<_>>();
    let medians: [fn(&LoadResult) -> f64; 2] = [LoadResult::per_second, |flood| flood.quantile(0.5) * 1e3];
    let [speeds, latencies] = medians.map(|value| move |mode| each(mode, value));
    let beside_off = |values: Vec<f64>, off: Vec<f64>, compare: fn(f64, f64) -> f64| {
        median(&values.iter().zip(&off).map(|(value, off)| compare(*value, *off)).collect::<Vec<_>>())
    };
    let mut lines = Vec::new();
    let (mut percent, mut milliseconds) = (0.0, 0.0);
    for (mode, name) in MODES.iter().enumerate() {
        let lost = beside_off(speeds(mode), speeds(OFF), |value, off| 100.0 * (1.0 - value / off));
        let later = beside_off(latencies(mode), latencies(OFF), |value, off| value - off);
        if mode == PROCESS {
            (percent, milliseconds) = (lost, later);
        }
        let sum = services[mode].metric("prediction_phase_seconds_sum", "phase=\"record\"")?;
        let count = services[mode].metric("prediction_phase_seconds_count", "phase=\"record\"")?;
        lines.push(vec![
            (*name).to_owned(),
            format!("{:.0}", median(&speeds(mode))),
            format!("{lost:+.1} %"),
            format!("{:.2} ms", median(&latencies(mode))),
            format!("{later:+.3} ms"),
            format!("{:.3} ms", 1e3 * sum / count),
        ]);
    }
    let head = ["recording", "predictions/s", "lost", "median latency", "added", "mean of the phase `record`"];
    print(&head, &lines);
    say(format_args!(
        "process: throughput lost, below {MOST_PERCENT} %: {}; median latency added, below {MOST_MILLISECONDS} ms: {}",
        verdict(percent < MOST_PERCENT),
        verdict(milliseconds < MOST_MILLISECONDS)
    ));
    Ok(())
}
