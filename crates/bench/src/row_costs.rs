//! `cargo xtask bench rows`: what recording takes of the processors for a row of many features.
//!
//! Rule of thumb: the same requests are answered with and without recording, in turns; the difference in processor time
//! is recording, and its delivery is in it. The logging service's time stands beside it.

use std::fmt::Write as _;
use std::fs;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;
use serde_json::json;
use terminal::say;

use super::connection;
use super::load_result::LoadResult;
use super::program::{ServiceProgram, ThreadSeconds};
use super::python_model::{ModelScript, write_model};
use super::rows::feature_values;
use super::scratch::ScratchFolder;
use super::table::{median, print, verdict};

const DELIVERY_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Requests of different rows, which come again and again.
const REQUESTS: usize = 200;
/// The target, in microseconds of processor time a row, delivery included.
const MOST_MICROSECONDS: f64 = 40.0;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct RowOptions {
    /// Features of a row.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    features: u32,
    /// Rows of a request.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    batch: u32,
    /// Rows of a turn.
    #[arg(long, value_name = "N", default_value_t = 64_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    rows: u32,
    /// How often each way has its turn.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
}

/// One service without recording and one with it.
struct RecordingPair {
    off: ServiceProgram,
    on: ServiceProgram,
    logging: ServiceProgram,
}

/// Microseconds of processor time a row, of each turn.
#[derive(Default)]
struct RowCosts {
    off: Vec<f64>,
    on: Vec<f64>,
    logging: Vec<f64>,
}

/// Measures in turns, and prints the table.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &RowOptions, scratch: &ScratchFolder) -> Result<()> {
    let Some(pair) = start(options, scratch)? else { return Ok(()) };
    let requests = requests(options);
    let turns = (options.rows / options.batch) as usize;
    let whole: Rc<Vec<Vec<u8>>> = Rc::new(requests.iter().cycle().take(turns).cloned().collect());
    let rows = (turns * options.batch as usize) as f64;
    let mut costs = RowCosts::default();
    // The first round warms up, and does not count.
    for round in 0..=options.rounds {
        let before = (sum(pair.logging.processor_seconds("")?), sum(pair.on.processor_seconds("")?));
        LoadResult::send_each(pair.on.address, &whole, 2)?;
        wait_for_delivery(&pair.on)?;
        let after = (sum(pair.logging.processor_seconds("")?), sum(pair.on.processor_seconds("")?));
        let before_off = sum(pair.off.processor_seconds("")?);
        LoadResult::send_each(pair.off.address, &whole, 2)?;
        let off = sum(pair.off.processor_seconds("")?) - before_off;
        if round > 0 {
            costs.off.push(1e6 * off / rows);
            costs.on.push(1e6 * (after.1 - before.1) / rows);
            costs.logging.push(1e6 * (after.0 - before.0) / rows);
        }
    }
    costs.print(options);
    for service in [pair.off, pair.on, pair.logging] {
        service.stop()?;
    }
    Ok(())
}

fn start(options: &RowOptions, scratch: &ScratchFolder) -> Result<Option<RecordingPair>> {
    let models = scratch.path("models");
    let features = options.features.to_string();
    let script = ModelScript { text: include_str!("row_costs.py"), arguments: &[&features] };
    if write_model(&models.join("table"), script, "a model of many features", scratch)?.is_none() {
        return Ok(None);
    }
    let mut config = "task = \"classification\"\nlabels = [\"no\", \"yes\"]\npositive = \"yes\"\n".to_owned();
    let example = feature_values(options.features as usize, &mut Rng::with_seed(1));
    for (index, name) in example.names().enumerate() {
        let kind = match index % 5 {
            0 => "kind = \"category\"\ncategories = [\"red\", \"green\", \"blue\", \"white\"]\nencoding = \"index\"",
            _ => "kind = \"number\"",
        };
        let _ = write!(config, "\n[[features]]\nname = \"{name}\"\n{kind}\noptional = true\n");
    }
    fs::write(models.join("table/model.toml"), config)?;
    let logging = ServiceProgram::logging(scratch, &scratch.path("rows.db"))?;
    let url = format!("http://{}", logging.address);
    let spool = scratch.path("rows-spool").to_string_lossy().into_owned();
    let inference = |arguments: &[&str]| ServiceProgram::inference_of(&models, scratch, arguments, &[]);
    let on = inference(&["--log-url", &url, "--spool", &spool, "--record", "process"])?;
    Ok(Some(RecordingPair { off: inference(&["--log-url", ""])?, on, logging }))
}

fn requests(options: &RowOptions) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(5);
    let mut rows = || -> Vec<_> {
        (0..options.batch).map(|_| json!(feature_values(options.features as usize, &mut rng))).collect()
    };
    let mut request = || {
        let body = json!({ "model": "table", "rows": rows() }).to_string();
        connection::post("/predict", "application/json", body.as_bytes())
    };
    (0..REQUESTS).map(|_| request()).collect()
}

fn wait_for_delivery(service: &ServiceProgram) -> Result<()> {
    let deadline = Instant::now() + DELIVERY_PATIENCE;
    while service.metric("prediction_log_spooled_records", "")? > 0.0 {
        ensure!(Instant::now() < deadline, "records are not delivered");
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

fn sum(seconds: ThreadSeconds) -> f64 {
    seconds.named + seconds.others
}

impl RowCosts {
    fn print(&self, options: &RowOptions) {
        let [off, on, logging] = [&self.off, &self.on, &self.logging].map(|turns| median(turns));
        let recording = median(&self.on.iter().zip(&self.off).map(|(on, off)| on - off).collect::<Vec<_>>());
        let line = |name: &str, microseconds: f64| {
            vec![name.to_owned(), format!("{microseconds:.1}"), format!("{:.0} %", 100.0 * microseconds / on)]
        };
        print(
            &["", "µs of processor a row", "of a recorded prediction"],
            &[
                line("prediction, not recorded", off),
                line("prediction, recorded and delivered", on),
                line("recording and delivery", recording),
                line("logging service: taking in, storing, counting", logging),
            ],
        );
        say(format_args!(
            "A row of {} features: recording and delivery, at most {MOST_MICROSECONDS} µs: {}",
            options.features,
            verdict(recording <= MOST_MICROSECONDS)
        ));
    }
}

#[cfg(test)]
mod tests {
    use prediction_record::FeatureValue;

    use super::*;

    #[test]
    fn every_fifth_feature_of_a_row_is_a_name() {
        let row = feature_values(50, &mut Rng::with_seed(2));
        for (index, value) in row.values().enumerate() {
            let fits = match value {
                FeatureValue::Category(_) => index % 5 == 0,
                FeatureValue::Number(_) => index % 5 != 0,
                FeatureValue::Missing => true,
            };
            assert!(fits, "{index}: {value:?}");
        }
    }
}
