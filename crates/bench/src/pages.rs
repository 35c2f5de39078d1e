//! `cargo xtask bench read`: a page of predictions out of many, for each filter.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::Value;

use super::bare::BATCH;
use super::connection::{self, BlockingConnection};
use super::load_result::LoadResult;
use super::program::ServiceProgram;
use super::rows::{self, RequestIds};
use super::scratch::ScratchFolder;
use super::table::{median, print, thousands, verdict};
use terminal::say;

/// Rows that are made before they are sent.
const CHUNK: usize = 100_000;
const SENDERS: usize = 3;
/// Rows between two reports.
const TELL_EVERY: usize = 1_000_000;
const MOST_MILLISECONDS: f64 = 20.0;
const PAGE: usize = 100;
/// A filter that has taken longer is not asked for again.
const FILTER_PATIENCE: Duration = Duration::from_secs(3);

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadOptions {
    /// Rows in the database.
    #[arg(long, value_name = "N", default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(10_000..=20_000_000))]
    rows: u32,
    /// How often each page is asked for.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    times: u32,
    /// A database to keep; one that is there already is taken to have these rows.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// Fills a database through the service, and reads pages out of it.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &ReadOptions, scratch: &ScratchFolder) -> Result<()> {
    let rows = options.rows as usize;
    let kept = options.database.as_deref().map(std::path::absolute).transpose()?;
    let database = kept.unwrap_or_else(|| scratch.path("read.db"));
    let is_filled = database.exists();
    let service = ServiceProgram::logging(scratch, &database)?;
    if !is_filled {
        fill(&service, rows, &database)?;
    }
    let lines: Vec<_> =
        queries(rows).iter().map(|query| measure(&service, query, options.times)).collect::<Result<_>>()?;
    print(&["filter", "rows", "median", "worst", &format!("below {MOST_MILLISECONDS} ms")], &lines);
    service.stop()
}

fn fill(service: &ServiceProgram, rows: usize, database: &Path) -> Result<()> {
    let (started, mut sending) = (Instant::now(), 0.0);
    for first in (0..rows).step_by(CHUNK) {
        let records = rows::records(first, CHUNK.min(rows - first), rows, RequestIds::Random);
        let request = |batch| Ok(connection::post("/log", "application/x-ndjson", &rows::ndjson(batch)?));
        let requests: Vec<Vec<u8>> = records.chunks(BATCH).map(request).collect::<Result<_>>()?;
        sending += LoadResult::send_each(service.address, &Rc::new(requests), SENDERS)?.seconds;
        let sent = first + records.len();
        if sent.is_multiple_of(TELL_EVERY) || sent == rows {
            say(format_args!(
                "{} rows in {:.0} s, at {} rows/s; the database has {:.1} GB",
                thousands(sent as f64),
                started.elapsed().as_secs_f64(),
                thousands(sent as f64 / sending),
                std::fs::metadata(database)?.len() as f64 / 1e9
            ));
        }
    }
    Ok(())
}

/// A filter for people, and as it is asked for.
struct PageFilter {
    name: &'static str,
    path: String,
}

fn queries(rows: usize) -> Vec<PageFilter> {
    let time = |row| Timestamp::from_microsecond(rows::occurred_at(row)).unwrap_or_default();
    let (middle, after) = (time(rows / 2), time(rows / 2 + 10_000));
    let request = rows::random_request_id(rows / 3);
    let query = |name, filter: String| PageFilter { name, path: format!("/predictions?limit={PAGE}&{filter}") };
    vec![
        query("none", String::new()),
        query("model", "model=cifar10".into()),
        query("model, one in 50", "model=surface".into()),
        query("model and version", "model=cifar10&version=2".into()),
        query("version, of the oldest 5 % only", "version=1".into()),
        query("model and version, of the oldest 5 % only", "model=cifar10&version=1".into()),
        query("label", "label=cat".into()),
        query("label and model, one in 50", "label=cat&model=surface".into()),
        query("label that no row has", "label=zebra".into()),
        query("status error", "status=error".into()),
        query("status success", "status=success".into()),
        query("status error and model, one in 50", "status=error&model=surface".into()),
        query("defects", "defect=true".into()),
        query("no defects", "defect=false".into()),
        query("defects of a label", "defect=true&label=cat".into()),
        query("since the middle", format!("since={middle}")),
        query("until the middle", format!("until={middle}")),
        query("10,000 rows in the middle", format!("since={middle}&until={after}")),
        query("until the middle, model, label", format!("until={middle}&model=cifar10&label=cat")),
        query("confidence above 0.9", "min_confidence=0.9".into()),
        query("confidence below 0.5, one in 18", "max_confidence=0.5".into()),
        query("confidence below 0.41, one in 180", "max_confidence=0.41".into()),
        query("confidence below 0.4001, one in 18,000", "max_confidence=0.4001".into()),
        query("confidence below 0.3, no row", "max_confidence=0.3".into()),
        query("request", format!("request_id={request}")),
        query("request that is not there", "request_id=none".into()),
    ]
}

fn measure(service: &ServiceProgram, query: &PageFilter, times: u32) -> Result<Vec<String>> {
    let mut connection = BlockingConnection::to(service.address)?;
    let mut milliseconds = Vec::new();
    let mut found = 0;
    let begun = Instant::now();
    for _ in 0..times {
        if begun.elapsed() > FILTER_PATIENCE {
            break;
        }
        let started = Instant::now();
        let Ok(page) = connection.get(&query.path) else {
            // The service ends a query that takes seconds.
            return Ok(vec![query.name.into(), String::new(), "no answer".into(), String::new(), verdict(false)]);
        };
        milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        let page: Value = serde_json::from_slice(&page)?;
        found = page["predictions"].as_array().map_or(0, Vec::len);
        ensure!(found <= PAGE, "a page has {found} predictions");
    }
    let worst = milliseconds.iter().copied().fold(0.0, f64::max);
    let middle = median(&milliseconds);
    let numbers =
        [found.to_string(), format!("{middle:.1} ms"), format!("{worst:.1} ms"), verdict(middle < MOST_MILLISECONDS)];
    Ok(std::iter::once(query.name.to_owned()).chain(numbers).collect())
}
