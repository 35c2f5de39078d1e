//! What goes into a log that has grown and out of it: labels, files, new rows.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fill::{GrownLog, milliseconds};
use crate::bare::BATCH;
use crate::connection::{BlockingConnection, post};
use crate::load_result::LoadResult;
use crate::program::ServiceProgram;
use crate::rows;
use crate::table::{median, thousands, verdict};

/// Labels of one request, and requests with them.
const LABELS: usize = 1_000;
const LABEL_REQUESTS: usize = 20;
/// Labels that have taken longer are enough.
const LABEL_PATIENCE: Duration = Duration::from_secs(30);
/// Rows of an exported file.
const EXPORTED: usize = 100_000;
/// New rows.
const NEW: usize = 50_000;
/// Rows of one turn beside retention.
const NEW_BESIDE: usize = 10_000;
/// When retention has taken longer, its speed is known.
const RETENTION_PATIENCE: Duration = Duration::from_secs(60);
/// Microseconds of an outage.
const OUTAGE: i64 = 6 * 3_600 * 1_000_000;
/// Spools that drain after it, and one sender of new rows.
const SOURCES: usize = 4;
/// How many times as long rows in no order may take.
const MOST_FOR_NO_ORDER: f64 = 1.5;
/// The most seconds of a request.
const MOST: f64 = 1.0;

/// Labels for the newest rows, for rows all over the log, and a reference out of it.
///
/// # Errors
/// Where they are not taken.
pub(super) fn labels(log: &GrownLog, service: &ServiceProgram) -> Result<Vec<Vec<String>>> {
    let count = LABELS * LABEL_REQUESTS;
    let newest = move |number: usize| log.rows - 1 - number;
    let scattered = move |number: usize| number * (log.rows / count) + 1;
    let mut connection = BlockingConnection::to(service.address)?;
    let lines = vec![
        send_labels(&mut connection, "labels of the newest rows", newest)?,
        send_labels(&mut connection, "labels of rows all over the log", scattered)?,
    ];
    let (since, until) = (log.time_of(log.rows / 2).to_string(), log.time_of(log.rows / 2 + EXPORTED).to_string());
    let reference = json!({ "model": "cifar10", "since": since, "until": until });
    connection.ask(&post("/drift/reference", "application/json", reference.to_string().as_bytes()))?;
    Ok(lines)
}

fn send_labels(connection: &mut BlockingConnection, name: &str, row: impl Fn(usize) -> usize) -> Result<Vec<String>> {
    let (mut seconds, begun) = (Vec::new(), Instant::now());
    for first in (0..LABELS * LABEL_REQUESTS).step_by(LABELS) {
        let label = |number| json!({ "request_id": rows::random_request_id(row(number)), "label": "cat" });
        let labels: Vec<Value> = (first..first + LABELS).map(label).collect();
        let request = post("/feedback", "application/json", Value::from(labels).to_string().as_bytes());
        let started = Instant::now();
        let answer = connection.ask(&request);
        seconds.push(started.elapsed().as_secs_f64());
        if answer.is_err() {
            let took = milliseconds(started.elapsed().as_secs_f64());
            return Ok(vec![name.into(), "no answer".into(), String::new(), took, verdict(false)]);
        }
        if begun.elapsed() > LABEL_PATIENCE {
            break;
        }
    }
    let speed = (LABELS * seconds.len()) as f64 / seconds.iter().sum::<f64>();
    Ok(line(name, &format!("{} labels/s", thousands(speed)), &seconds))
}

/// A file of each format out of the middle of the log.
///
/// # Errors
/// Where one breaks off.
pub(super) fn exports(log: &GrownLog, service: &ServiceProgram) -> Result<Vec<Vec<String>>> {
    let (since, until) = (log.time_of(log.rows / 2), log.time_of(log.rows / 2 + EXPORTED));
    let mut connection = BlockingConnection::to(service.address)?;
    let mut export = |format: &str| {
        let started = Instant::now();
        let file = connection.get(&format!("/export?format={format}&since={since}&until={until}"))?;
        let seconds = started.elapsed().as_secs_f64();
        ensure!(!file.is_empty(), "an export is empty");
        let speed = format!("{} rows/s", thousands(EXPORTED as f64 / seconds));
        let bytes = format!("{:.0} bytes a row", file.len() as f64 / EXPORTED as f64);
        Ok(vec![format!("export, {format}"), speed, bytes, String::new(), String::new()])
    };
    ["ndjson", "csv", "parquet"].into_iter().map(&mut export).collect()
}

/// Rows that come when the log is full.
///
/// # Errors
/// Where they are not taken.
pub(super) fn new_rows(log: &GrownLog, service: &ServiceProgram) -> Result<Vec<String>> {
    let sent = log.send(service, log.rows, NEW)?;
    let speed = format!("{} rows/s", thousands(NEW as f64 / sent.seconds));
    Ok(line("new rows, batches of 1,000", &speed, &sent.latencies))
}

/// Rows of six hours in the order of their times; the same hours from three spools that drain after an outage, each in its
/// own order and beside new rows; and in no order at all.
///
/// # Errors
/// Where they are not taken.
pub(super) fn in_no_order(log: &GrownLog, service: &ServiceProgram) -> Result<Vec<Vec<String>>> {
    let (first, now) = (log.rows + NEW, Timestamp::now().as_microsecond());
    let at = |microseconds| Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX);
    let apart = OUTAGE / NEW as i64;
    let ordered = log.send_at(service, first, NEW, |row| at(now - OUTAGE + apart * (row - first) as i64))?;
    let line_of = |name: &str, sent: &LoadResult| {
        let ratio = sent.seconds / ordered.seconds;
        let mut line = line(name, &format!("{} rows/s", thousands(NEW as f64 / sent.seconds)), &sent.latencies);
        line[4] = format!("{}, {ratio:.2} times as long", verdict(ratio <= MOST_FOR_NO_ORDER));
        line
    };
    // Each batch is of one of them, the last of which sends what is new.
    let of_spool = |row: usize| {
        let (batch, place) = ((row - first - NEW) / BATCH, (row - first) % BATCH);
        let sent = (batch / SOURCES * BATCH + place) as i64 * OUTAGE / (NEW / SOURCES) as i64;
        if batch % SOURCES == SOURCES - 1 { at(now + sent / 1000) } else { at(now - OUTAGE + sent.min(OUTAGE)) }
    };
    let spools = log.send_at(service, first + NEW, NEW, of_spool)?;
    let mut rng = fastrand::Rng::with_seed(6);
    let scattered = log.send_at(service, first + 2 * NEW, NEW, |_| at(now - rng.i64(0..OUTAGE)))?;
    Ok(vec![
        line_of("rows of six hours, in order", &ordered),
        line_of("the same, three spools beside new rows", &spools),
        line_of("the same, in no order at all", &scattered),
    ])
}

/// How fast retention deletes an eighth of the days while new rows come.
///
/// # Errors
/// Where rows are not taken.
pub(super) fn retention(log: &GrownLog, service: &ServiceProgram) -> Result<Vec<String>> {
    let (started, mut sent, mut sending) = (Instant::now(), 0, 0.0);
    let deleted = || service.metric("logging_retention_deleted_total", "age");
    let expected = log.rows as f64 * f64::from(log.days / 8) / f64::from(log.days) * 0.98;
    while deleted()? < expected && started.elapsed() < RETENTION_PATIENCE {
        let new = log.send(service, log.rows + 4 * NEW + sent, NEW_BESIDE)?;
        (sent, sending) = (sent + NEW_BESIDE, sending + new.seconds);
    }
    let (deleted, seconds) = (deleted()? / started.elapsed().as_secs_f64(), started.elapsed().as_secs_f64());
    let stored = sent as f64 / sending;
    let beside = format!("beside {} new rows/s", thousands(stored));
    let cells =
        [format!("{} rows/s", thousands(deleted)), beside, format!("{seconds:.0} s"), verdict(deleted >= stored)];
    Ok(["retention of an eighth of the days".to_owned()].into_iter().chain(cells).collect())
}

fn line(name: &str, speed: &str, seconds: &[f64]) -> Vec<String> {
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    let cells = [milliseconds(median(seconds)), milliseconds(slowest), verdict(slowest < MOST)];
    [name.to_owned(), speed.to_owned()].into_iter().chain(cells).collect()
}
