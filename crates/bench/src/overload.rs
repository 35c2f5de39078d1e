//! `cargo xtask bench overload`: what is left of the throughput when several times as much is asked for.
//!
//! Rule of thumb: the peak and the overload are measured in one run, one after the other, with the client on the same
//! cores; overload comes at a fixed rate, so that a slow service is not asked for less.

use std::fs;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::{Load, LoadReply, percentile};

use super::connection;
use super::program::ServiceProgram;
use super::scratch::ScratchFolder;
use super::table::{self, thousands, verdict};
use terminal::say;
use testkit::root;

/// Of the peak, what must be left.
const LEAST_GOODPUT: f64 = 0.9;
/// The accepted wait as long as the queue is, times this: they also come and go.
const MOST_WAIT: f64 = 2.0;
/// Of memory, between the middle and the end.
const MOST_GROWTH_MB: f64 = 8.0;
/// Two models are shipped, so one may hold 8 of 9 places.
const SHARE: f64 = 8.0 / 9.0;

/// How much to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct OverloadOptions {
    /// Seconds of overload.
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// How many times the peak is asked for.
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    times: f64,
    /// Items that may wait.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=2000))]
    queue_limit: u32,
}

/// Measures, and prints the table.
///
/// # Errors
/// Where something cannot be measured, or an answer is neither a prediction nor a refusal.
pub(super) fn run(options: &OverloadOptions, scratch: &ScratchFolder) -> Result<()> {
    let limit = options.queue_limit.to_string();
    let service = ServiceProgram::inference(scratch, &["--log-url", "", "--queue-limit", &limit])?;
    let picture = fs::read(root().join("deploy/models/cifar10/examples/cat.jpg"))?;
    let request = connection::post("/predict?model=cifar10", "image/jpeg", &picture);
    let request = Rc::new(vec![request]);
    let closed = Load::closed(16).lasting(Duration::from_secs(5));
    Overloaded::send(closed, &service, &request)?;
    let peak = Overloaded::send(closed, &service, &request)?;
    ensure!(peak.replies.iter().all(|reply| reply.status == 200), "predictions were refused without overload");
    let peak = peak.replies.len() as f64 / peak.seconds;

    let half = Duration::from_secs_f64(options.seconds as f64 / 2.0);
    let connections = options.queue_limit as usize + 64;
    let open = Load::open(connections, options.times * peak).lasting(half);
    say(format_args!(
        "{} predictions/s at the peak; now {} times as many are asked for",
        thousands(peak),
        options.times
    ));
    let mut overloaded = Overloaded::send(open, &service, &request)?;
    let middle = resident_megabytes(service.process())?;
    overloaded.extend(Overloaded::send(open, &service, &request)?);
    let growth = resident_megabytes(service.process())? - middle;
    table::print(&["", "measured", "target", ""], &overloaded.lines(options, peak, growth)?);
    service.stop()
}

/// What came of a while of sending.
struct Overloaded {
    replies: Vec<LoadReply>,
    /// Until the last reply.
    seconds: f64,
}

impl Overloaded {
    fn send(load: Load, service: &ServiceProgram, request: &Rc<Vec<Vec<u8>>>) -> Result<Self> {
        let started = Instant::now();
        let replies = load.flood(service.address, request)?;
        Ok(Self { replies, seconds: started.elapsed().as_secs_f64() })
    }

    fn extend(&mut self, later: Self) {
        self.replies.extend(later.replies);
        self.seconds += later.seconds;
    }

    fn of_status(&self, status: u16) -> impl Iterator<Item = &LoadReply> {
        self.replies.iter().filter(move |reply| reply.status == status)
    }

    /// Beside the predictions a second at the peak, and the growth of memory in megabytes.
    fn lines(&self, options: &OverloadOptions, peak: f64, growth: f64) -> Result<Vec<Vec<String>>> {
        let answered = self.of_status(200).count();
        let refused = self.of_status(429).count();
        ensure!(answered + refused == self.replies.len(), "an answer was neither 200 nor 429");
        let goodput = answered as f64 / self.seconds;
        let p99 = percentile(self.of_status(200).map(|reply| reply.seconds), 0.99);
        // What is answered tells how long the queue is.
        let queue = f64::from(options.queue_limit) * SHARE / goodput;
        let asked = self.replies.len() as f64 / self.seconds;
        let wanted = options.times * peak;
        let row =
            |what: &str, measured: String, target: String, kept| vec![what.to_owned(), measured, target, verdict(kept)];
        let of_peak = format!("{} ({:.1} %)", thousands(goodput), 100.0 * goodput / peak);
        let kept = goodput >= LEAST_GOODPUT * peak;
        let longest = MOST_WAIT * queue;
        Ok(vec![
            row("asked for, requests/s", thousands(asked), thousands(wanted), asked >= 0.95 * wanted),
            row("answered, of the peak", of_peak, format!("{} %", 100.0 * LEAST_GOODPUT), kept),
            row("99th percentile of the answered, s", format!("{p99:.3}"), format!("{longest:.3}"), p99 <= longest),
            self.retry_after_line(queue)?,
            row(
                "memory from the middle to the end, MB",
                format!("{growth:+.1}"),
                format!("{MOST_GROWTH_MB:+}"),
                growth <= MOST_GROWTH_MB,
            ),
        ])
    }

    /// Whether clients were told the truth about a queue of so many seconds, within a factor of two.
    fn retry_after_line(&self, queue: f64) -> Result<Vec<String>> {
        let told: Option<Vec<u64>> = self.of_status(429).map(|reply| reply.retry_after).collect();
        let told = told.context("a refusal did not say when to come back")?;
        let (least, most) = (told.iter().min().copied().unwrap_or(1), told.iter().max().copied().unwrap_or(1));
        let whole = |seconds: f64| seconds.ceil().max(1.0);
        let is_true = least as f64 >= whole(queue / 2.0) && most as f64 <= whole(2.0 * queue);
        let (measured, target) = (format!("{least} to {most}"), format!("{queue:.2}, whole"));
        Ok(vec!["Retry-After, s".to_owned(), measured, target, verdict(is_true)])
    }
}

fn resident_megabytes(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
    Ok(resident.context("the system does not tell the memory")?.parse::<f64>()? * 1024.0 / 1e6)
}
