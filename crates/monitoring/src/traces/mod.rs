//! Traces: the spans of requests, sent over OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.
//!
//! A request's way: `begin` (is it sampled?) → [`RequestSpan`] hears of what happens → its end offers the spans to a bounded
//! queue → a thread of its own sends them in batches.
//!
//! Rule of thumb: a collector that is slow or away costs spans, which are counted, and never a request. The spans are made
//! at the request's end from the timings that the metrics and the log line have, so that all of them agree.

mod context;
mod export;
mod sampler;
mod settings;
mod span;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::metrics::{MetricsError, MetricsRegistry};
pub use context::TraceContext;
use export::{Exporting, SpanCounts};
use settings::Settings;
pub use span::{RequestSpan, SpanError};

/// How long spans may still be sent after the last request.
const FLUSH_PATIENCE: Duration = Duration::from_secs(3);

/// Traces cannot be exported as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A variable has a value that is not taken.
    #[error("{variable} is {value:?}; expected {expected}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        expected: &'static str,
    },
    /// The exporter could not be made.
    #[error("spans cannot be exported: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The metric of the spans is registered already.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Where the spans of a service go. Clones share it; the default is nowhere, at no cost.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Exporting>>);

impl Traces {
    /// Exports where the standard variables of OpenTelemetry say, and registers `trace_spans_total`. Without an endpoint in
    /// them nothing is exported, and no thread is started.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn from_environment(service: &str, version: &str, registry: &MetricsRegistry) -> Result<Self, TracesError> {
        let counts = SpanCounts::register(registry)?;
        let Some(settings) = Settings::from_environment()? else { return Ok(Self::default()) };
        let endpoint = settings.endpoint.clone();
        let exporting = Exporting::start((service, version), settings, counts)?;
        info!(endpoint, "traces_exported");
        Ok(Self(Some(Arc::new(exporting))))
    }

    /// The span of a request that begins now; decides whether a trace that starts here is sampled.
    pub(crate) fn begin(&self, trace: &mut TraceContext) -> RequestSpan {
        let Some(exporting) = &self.0 else { return RequestSpan::default() };
        let sampled = exporting.samples(trace);
        trace.sample(sampled);
        if !sampled {
            return RequestSpan::default();
        }
        RequestSpan::begin(exporting.clone(), *trace, (Instant::now(), SystemTime::now()))
    }

    /// Sends the spans that still wait, for a few seconds at most. Spans of later requests are lost.
    pub async fn close(&self) {
        let Some(exporting) = self.0.clone() else { return };
        let closing = spawn_blocking(move || (exporting.close(FLUSH_PATIENCE), exporting.waiting()));
        match closing.await {
            Ok((true, _)) => {}
            Ok((false, spans)) => warn!(spans, "traces_abandoned"),
            Err(problem) => warn!(%problem, "traces_abandoned"),
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.0.is_some()).finish()
    }
}
