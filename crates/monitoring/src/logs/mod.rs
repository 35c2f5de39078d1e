//! Structured logs: one JSON object a line on stdout, written without ever blocking a request.
//!
//! Lines go through a bounded queue to a thread of their own. If stdout blocks and the queue is
//! full, lines are dropped and counted in `log_lines_dropped_total`. A warning or an error that comes without end is thinned.

mod floods;
mod layer;
mod line;
mod writer;

use std::time::Duration;
use std::{env, io, panic};

use tracing::{error, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::metrics::{MetricsError, MetricsRegistry, each};
use floods::LineFloods;
use layer::LogLayer;
use line::{LineFormat, LineOrigin};
use writer::LineQueue;

/// How long the end waits for a stdout that is blocked.
const FLUSH_PATIENCE: Duration = Duration::from_millis(1200);

/// The drop writes the lines that still wait, for about a second at most. Keep it until the end of `main`.
#[must_use = "dropping it ends the log"]
pub struct LogGuard(LineQueue);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.finish(FLUSH_PATIENCE);
    }
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// Another subscriber is installed in this process.
    #[error("logging is set up already: {0}")]
    AlreadySet(#[from] TryInitError),
    /// The log's own metrics are registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// There is no thread for the log.
    #[error("cannot start a thread for the log: {0}")]
    Thread(#[from] io::Error),
}

/// Sends every `tracing` event of this process to stdout and counts it in `log_events_total{level}`.
///
/// `LOG_FORMAT=pretty` gives lines for people instead of JSON; `RUST_LOG` filters (default `info`).
///
/// # Errors
/// If the process has a subscriber already, or `registry` the log's metrics.
pub fn setup_structured_logging(
    service: &str,
    version: &str,
    registry: &MetricsRegistry,
) -> Result<LogGuard, LogsError> {
    let events = registry.counters("log_events_total", "Log events that passed the filter.", each())?;
    let left_out = registry.counter(
        "log_lines_left_out_total",
        "Lines of warnings and errors left out because too many of their kind came at once.",
    )?;
    let queue = LineQueue::start(io::stdout())?;
    let (guard, dropped) = (LogGuard(queue.clone()), queue.clone());
    registry.counter_fn(
        "log_lines_dropped_total",
        "Log lines dropped because stdout did not take them in time.",
        move || dropped.dropped(),
    )?;
    let format =
        if env::var("LOG_FORMAT").is_ok_and(|f| f == "pretty") { LineFormat::Pretty } else { LineFormat::Json };
    let wanted = env::var("RUST_LOG").unwrap_or_default();
    let filter = EnvFilter::builder().parse(if wanted.is_empty() { "info" } else { &wanted });
    let filter_problem = filter.as_ref().err().map(ToString::to_string);
    let origin = LineOrigin { service: service.to_owned(), version: version.to_owned() };
    tracing_subscriber::registry()
        .with(filter.unwrap_or_else(|_| EnvFilter::new("info")))
        .with(LogLayer { format, origin, queue, events, floods: LineFloods::new(left_out) })
        .try_init()?;
    log_panics();
    if let Some(problem) = filter_problem {
        warn!(RUST_LOG = wanted, problem, "RUST_LOG is not a valid filter; logging at info");
    }
    Ok(guard)
}

/// A sentence of a library with `#` for each number in it, which may be a value that a client sent.
#[must_use]
pub fn without_numbers(sentence: &str) -> String {
    let mut masked = String::with_capacity(sentence.len());
    for letter in sentence.chars() {
        if !letter.is_ascii_digit() {
            masked.push(letter);
        } else if !masked.ends_with('#') {
            masked.push('#');
        }
    }
    masked
}

/// Makes a panic a log line like any other, instead of lines of text on stderr.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        // A library that panics on what a client sent names it.
        let message = without_numbers(panic.payload_as_str().unwrap_or("without a message"));
        let location = panic.location().map(ToString::to_string);
        error!(panic = message, location, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_tells_the_log_no_number() {
        let sentence = "idx=4711 must be within [-3,2.5] in Gather";
        assert_eq!(without_numbers(sentence), "idx=# must be within [-#,#.#] in Gather");
    }
}
