//! `cargo xtask bench live`: how long a probe waits while the services do their heaviest work.
//!
//! Rule of thumb: a probe is asked for as an orchestrator asks, on a new connection each time; the load is real and has the
//! same cores.

use std::io::{Cursor, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use image::{ImageFormat, RgbImage};
use terminal::say;
use testkit::Load;

use super::connection::{self, BlockingConnection};
use super::program::ServiceProgram;
use super::rows::{self, RequestIds};
use super::scratch::ScratchFolder;
use super::table::{self, quantile, verdict};

/// Milliseconds that a probe may take, whatever others ask for.
const MOST_MILLIS: f64 = 50.0;
/// Bytes of the large bodies, a little below what a service takes.
const LARGE: usize = 16_000_000;
/// Pixels on a side of the large picture.
const SIDE: u32 = 4_000;
/// Between two probes.
const PAUSE: Duration = Duration::from_millis(20);
/// Rows that are stored before they are exported.
const ROWS: usize = 100_000;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct LiveOptions {
    /// Seconds of each kind of load.
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// Connections that send the load.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

/// Measures, and prints the table.
///
/// # Errors
/// Where something cannot be measured.
pub(super) fn run(options: &LiveOptions, scratch: &ScratchFolder) -> Result<()> {
    let inference = ServiceProgram::inference(scratch, &["--log-url", ""])?;
    let logging = ServiceProgram::logging(scratch, &scratch.path("live.db"))?;
    store(logging.address)?;
    let json = |member: &str| {
        let numbers = "0.125,".repeat(LARGE / 6);
        format!("{{\"{member}\":[{}]}}", numbers.trim_end_matches(','))
    };
    let mut picture = Cursor::new(Vec::new());
    RgbImage::from_fn(SIDE, SIDE, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]))
        .write_to(&mut picture, ImageFormat::Png)?;
    let loads = [
        ("nothing", inference.address, None),
        (
            "16 MB of JSON to /predict",
            inference.address,
            Some(connection::post("/predict", JSON, json("inputs").as_bytes())),
        ),
        (
            "pictures of 16 megapixels",
            inference.address,
            Some(connection::post("/predict?model=cifar10", "image/png", picture.get_ref())),
        ),
        ("16 MB of JSON to /log", logging.address, Some(connection::post("/log", JSON, json("model").as_bytes()))),
        ("exports of 100,000 rows", logging.address, Some(b"GET /export HTTP/1.1\r\nhost: bench\r\n\r\n".to_vec())),
    ];
    let mut lines = Vec::new();
    for (what, address, request) in loads {
        say(format_args!("{what}, {} s", options.seconds));
        lines.push(line(what, &under_load(options, address, request)?));
    }
    table::print(&["while others send", "probes", "median, ms", "99 %, ms", "longest, ms", "target, ms", ""], &lines);
    inference.stop()?;
    logging.stop()
}

const JSON: &str = "application/json";

/// Milliseconds of each probe while the request is sent again and again.
fn under_load(options: &LiveOptions, address: SocketAddr, request: Option<Vec<u8>>) -> Result<Vec<f64>> {
    let time = Duration::from_secs(options.seconds);
    let load = Load::closed(options.connections as usize).lasting(time);
    let sending = request.map(|request| {
        thread::spawn(move || load.flood(address, &Rc::new(vec![request])).map(|replies| replies.len()))
    });
    let (began, mut waits) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        waits.push(probe(address)?);
        thread::sleep(PAUSE);
    }
    if let Some(sending) = sending {
        let replies = sending.join().map_err(|_| anyhow!("the load panicked"))??;
        ensure!(replies > 0, "the load was never answered");
    }
    Ok(waits)
}

/// Milliseconds from connecting to the end of the answer.
fn probe(address: SocketAddr) -> Result<f64> {
    let began = Instant::now();
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "the probe was answered with {answer}");
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn line(what: &str, waits: &[f64]) -> Vec<String> {
    let longest = waits.iter().copied().fold(0.0, f64::max);
    let millis = |value: f64| format!("{value:.2}");
    vec![
        what.to_owned(),
        waits.len().to_string(),
        millis(quantile(waits, 0.5)),
        millis(quantile(waits, 0.99)),
        millis(longest),
        format!("{MOST_MILLIS}"),
        verdict(longest <= MOST_MILLIS),
    ]
}

/// Fills the log.
fn store(address: SocketAddr) -> Result<()> {
    let mut connection = BlockingConnection::to(address)?;
    for first in (0..ROWS).step_by(1_000) {
        let records = rows::ndjson(&rows::records(first, 1_000, ROWS, RequestIds::Ordered))?;
        connection.ask(&connection::post("/log", "application/x-ndjson", &records)).context("storing rows")?;
    }
    Ok(())
}
