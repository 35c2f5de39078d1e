//! `cargo xtask bench log`: rows a second, against a bare loop.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::bare::{self, BATCH, KeptIndexes, PreparedRow};
use super::connection;
use super::load_result::LoadResult;
use super::program::ServiceProgram;
use super::rows::{self, RequestIds};
use super::scratch::ScratchFolder;
use super::speed::{IngestionSpeed, WRITER};
use super::table::{median, print, thousands, verdict};
use terminal::say;
use testkit::Load;

/// Connections that send single records.
const MANY: usize = 64;
const LEAST_OF_BARE: f64 = 0.8;
/// The same of rows with features.
const LEAST_OF_BARE_WIDE: f64 = 0.7;
const MOST_OF_INDEXES: f64 = 2.0;
/// The heads of the table.
const COLUMNS: [&str; 7] =
    ["", "rows/s, median", "rounds", "µs of processor a row, writer + others", "of the bare loop", "target", ""];
const MOST_OF_ORDER: f64 = 1.5;
const LEAST_POSTS: f64 = 10_000.0;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct LogOptions {
    /// Rows of each measurement.
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(10_000..=2_000_000))]
    rows: u32,
    /// How often each is measured, in turns.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// Connections that send batches of 1,000.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    connections: u32,
    /// Declared features of each row, in place of a picture's summary; 0 for rows of pictures.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=500))]
    features: u32,
    /// Seconds of single records, in each round.
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
}

/// What each round has measured.
#[derive(Default)]
struct IngestionRounds {
    none: Vec<IngestionSpeed>,
    shipped: Vec<IngestionSpeed>,
    all: Vec<IngestionSpeed>,
    random: Vec<IngestionSpeed>,
    ordered: Vec<IngestionSpeed>,
    scattered: Vec<IngestionSpeed>,
    posts: Vec<PostedRecords>,
    /// The target.
    least_of_bare: f64,
}

/// Single records of one round.
struct PostedRecords {
    flood: LoadResult,
    speed: IngestionSpeed,
}

/// Measures in turns, and prints the table.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &LogOptions, scratch: &ScratchFolder) -> Result<()> {
    let count = options.rows as usize;
    say(format_args!("Making {} rows.", thousands(count as f64)));
    let records = |ids| match options.features as usize {
        0 => rows::records(0, count, count, ids),
        features => rows::with_features(rows::records(0, count, count, ids), features),
    };
    let (random, ordered) = (records(RequestIds::Random), records(RequestIds::Ordered));
    let scattered = Rc::new(batches(&rows::scattered(random.clone()))?);
    let singles = random.iter().map(|record| single(std::slice::from_ref(record))).collect::<Result<Vec<_>>>()?;
    let singles = Rc::new(singles);
    let (batches, ordered) = (Rc::new(batches(&random)?), Rc::new(batches(&ordered)?));
    let random: Vec<PreparedRow> = random.into_iter().map(PreparedRow::of).collect::<Result<_>>()?;
    let template = template(scratch)?;

    let service = || ServiceProgram::logging(scratch, &copy(scratch, &template)?);
    let least_of_bare = if options.features == 0 { LEAST_OF_BARE } else { LEAST_OF_BARE_WIDE };
    let mut rounds = IngestionRounds { least_of_bare, ..IngestionRounds::default() };
    for round in 1..=options.rounds {
        let bare = |indexes| -> Result<IngestionSpeed> {
            let database = copy(scratch, &template)?;
            bare::measure(&database, &random, indexes)
        };
        rounds.none.push(bare(KeptIndexes::None)?);
        rounds.shipped.push(bare(KeptIndexes::Shipped)?);
        rounds.random.push(ndjson(service()?, &batches, count, options.connections)?);
        rounds.all.push(bare(KeptIndexes::All)?);
        rounds.ordered.push(ndjson(service()?, &ordered, count, options.connections)?);
        rounds.scattered.push(ndjson(service()?, &scattered, count, options.connections)?);
        rounds.posts.push(posts(service()?, &singles, Duration::from_secs(options.seconds))?);
        say(rounds.progress(round));
    }
    rounds.print();
    Ok(())
}

/// The middle of the rounds' rows a second.
fn middle(rounds: &[IngestionSpeed]) -> f64 {
    median(&rounds.iter().map(IngestionSpeed::per_second).collect::<Vec<_>>())
}

impl IngestionRounds {
    fn post_speeds(&self) -> Vec<IngestionSpeed> {
        self.posts.iter().map(|posts| posts.speed).collect()
    }

    fn progress(&self, round: u32) -> String {
        let last = |rounds: &[IngestionSpeed]| thousands(rounds.last().map_or(0.0, IngestionSpeed::per_second));
        format!(
            "Round {round}: bare {} without indexes, {} with them, {} with segments; service {}, {} and {}; posts {}",
            last(&self.none),
            last(&self.shipped),
            last(&self.all),
            last(&self.random),
            last(&self.ordered),
            last(&self.scattered),
            last(&self.post_speeds()),
        )
    }

    fn print(&self) {
        let bare = middle(&self.shipped);
        let line = |name: &str, rounds: &[IngestionSpeed], target: String, kept: Option<bool>| {
            let speeds: Vec<f64> = rounds.iter().map(IngestionSpeed::per_second).collect();
            let microseconds = |part: fn(&IngestionSpeed) -> f64| {
                let of_row = rounds.iter().map(|speed| 1e6 * part(speed) / speed.rows as f64);
                format!("{:.1}", median(&of_row.collect::<Vec<_>>()))
            };
            vec![
                name.to_owned(),
                thousands(median(&speeds)),
                format!(
                    "{} to {}",
                    thousands(speeds.iter().copied().fold(f64::MAX, f64::min)),
                    thousands(speeds.iter().copied().fold(0.0, f64::max))
                ),
                format!("{} + {}", microseconds(|speed| speed.writer), microseconds(|speed| speed.others)),
                format!("{:.2}", median(&speeds) / bare),
                target,
                kept.map(verdict).unwrap_or_default(),
            ]
        };
        let against_none = |name: &str, rounds: &[IngestionSpeed]| {
            let factor = middle(&self.none) / middle(rounds);
            let target = format!("at most {MOST_OF_INDEXES} times as slow as without indexes: {factor:.2}");
            line(name, rounds, target, Some(factor <= MOST_OF_INDEXES))
        };
        let against_bare = |name: &str, rounds: &[IngestionSpeed]| {
            let target = format!("at least {:.2} of the bare loop", self.least_of_bare);
            line(name, rounds, target, Some(middle(rounds) >= self.least_of_bare * bare))
        };
        let slowdown = middle(&self.random) / middle(&self.scattered);
        let in_order = format!("at most {MOST_OF_ORDER} times as slow as in order: {slowdown:.2}");
        let posts = format!("above {} a second", thousands(LEAST_POSTS));
        let speeds = self.post_speeds();
        let single = "service, single records at 64 connections";
        print(
            &COLUMNS,
            &[
                line("bare loop, no secondary indexes", &self.none, String::new(), None),
                against_none("bare loop, the schema as shipped", &self.shipped),
                against_none("bare loop, and requests in segments", &self.all),
                against_bare("service, NDJSON of 1,000, random request ids", &self.random),
                against_bare("service, NDJSON of 1,000, rising request ids", &self.ordered),
                line(
                    "service, NDJSON of 1,000, times of six hours in no order",
                    &self.scattered,
                    in_order,
                    Some(slowdown <= MOST_OF_ORDER),
                ),
                line(single, &speeds, posts, Some(middle(&speeds) > LEAST_POSTS)),
            ],
        );
        self.print_latencies();
    }

    fn print_latencies(&self) {
        let floods = || self.posts.iter().map(|posts| &posts.flood);
        let refused: usize = floods().map(|flood| flood.refused).sum();
        let latency = |part| median(&floods().map(|flood| flood.quantile(part)).collect::<Vec<_>>()) * 1e3;
        say(format_args!(
            "Single records: median {:.1} ms, 99th percentile {:.1} ms, {refused} refused.",
            latency(0.5),
            latency(0.99)
        ));
    }
}

fn batches(records: &[prediction_record::PredictionRecord]) -> Result<Vec<Vec<u8>>> {
    let request = |batch| Ok(connection::post("/log", "application/x-ndjson", &rows::ndjson(batch)?));
    records.chunks(BATCH).map(request).collect()
}

fn single(record: &[prediction_record::PredictionRecord]) -> Result<Vec<u8>> {
    let line = rows::ndjson(record)?;
    Ok(connection::post("/log", "application/json", line.trim_ascii_end()))
}

/// A database as the logging service makes it, so that the schema is the shipped one.
fn template(scratch: &ScratchFolder) -> Result<PathBuf> {
    let template = scratch.path("template.db");
    ServiceProgram::logging(scratch, &template)?.stop()?;
    let wal = template.with_extension("db-wal");
    ensure!(fs::metadata(&wal).map_or(0, |wal| wal.len()) == 0, "the service left a write-ahead log behind");
    Ok(template)
}

/// A fresh copy, and nothing left of the one before.
fn copy(scratch: &ScratchFolder, template: &Path) -> Result<PathBuf> {
    let database = scratch.path("measured.db");
    for suffix in ["", "-wal", "-shm"] {
        // Mostly there is none to remove.
        let _ = fs::remove_file(scratch.path(&format!("measured.db{suffix}")));
    }
    fs::copy(template, &database).context("the database cannot be copied")?;
    Ok(database)
}

/// Sends batches that hold so many rows.
fn ndjson(
    service: ServiceProgram,
    batches: &Rc<Vec<Vec<u8>>>,
    rows: usize,
    connections: u32,
) -> Result<IngestionSpeed> {
    let before = service.processor_seconds(WRITER)?;
    let seconds = LoadResult::send_each(service.address, batches, connections as usize)?.seconds;
    let speed = IngestionSpeed::since(before, &service, rows, seconds)?;
    let stored = service.metric("logging_predictions_total", "")?;
    ensure!(stored as usize == rows, "{stored} of {rows} rows were stored");
    service.stop()?;
    Ok(speed)
}

/// Sends single records for a while.
fn posts(service: ServiceProgram, requests: &Rc<Vec<Vec<u8>>>, duration: Duration) -> Result<PostedRecords> {
    let before = service.processor_seconds(WRITER)?;
    let load = Load::closed(MANY).requests(requests.len()).lasting(duration);
    let flood = LoadResult::send(load, service.address, requests)?;
    let speed = IngestionSpeed::since(before, &service, flood.answered, flood.seconds)?;
    let stored = service.metric("logging_predictions_total", "")? as usize;
    ensure!(stored == flood.answered, "{} posts were answered, and {stored} rows are there", flood.answered);
    service.stop()?;
    Ok(PostedRecords { flood, speed })
}
