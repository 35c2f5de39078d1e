//! Traces: the spans of requests, sent over OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector.
//!
//! A request's way: `begin` (is it sampled?) → [`RequestSpan`] is told what happens → its end offers the spans to a bounded
//! queue → a thread sends them in batches.
//!
//! Rule of thumb: a collector that is slow or away costs spans, which are counted, and never a request. The spans are made
//! at the request's end from the timings that the metrics and the log line have, so that all of them agree.

mod context;
mod error;
mod export;
mod sampler;
mod settings;
mod span;
mod variable;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::metrics::MetricsRegistry;
pub use context::TraceContext;
pub use error::TracesError;
use export::{SpanCounts, SpanExport, UnsentSpans};
use settings::TraceSettings;
pub use span::{RequestSpan, SpanError};

/// How long spans may still be sent after the last request.
const FLUSH_PATIENCE: Duration = Duration::from_secs(3);

/// Where the spans of a service go. Clones share it; by default spans go nowhere and cost nothing.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<SpanExport>>);

impl Traces {
    /// Exports to where the standard variables of OpenTelemetry say, and registers `trace_spans_total`. If they name no
    /// endpoint, nothing is exported and no thread is started.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn from_environment(service: &str, version: &str, registry: &MetricsRegistry) -> Result<Self, TracesError> {
        let counts = SpanCounts::register(registry)?;
        let Some(settings) = TraceSettings::from_environment()? else { return Ok(Self::default()) };
        let endpoint = settings.endpoint.clone();
        let export = SpanExport::start(service, version, settings, counts)?;
        info!(endpoint, "traces_exported");
        Ok(Self(Some(Arc::new(export))))
    }

    /// The span of a request that begins now; decides whether a trace that starts here is sampled.
    pub(crate) fn begin(&self, trace: &mut TraceContext) -> RequestSpan {
        let Some(export) = &self.0 else { return RequestSpan::default() };
        trace.is_sampled = export.samples(trace);
        if trace.is_sampled { RequestSpan::begin(export.clone(), *trace) } else { RequestSpan::default() }
    }

    /// Sends the spans that still wait, for a few seconds at most. Spans of later requests are lost.
    pub async fn close(&self) {
        let Some(export) = self.0.clone() else { return };
        match spawn_blocking(move || export.close(FLUSH_PATIENCE)).await {
            Ok(Ok(())) => {}
            Ok(Err(UnsentSpans(spans))) => warn!(spans, "traces_abandoned"),
            Err(problem) => warn!(%problem, "traces_abandoned"),
        }
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.0.is_some()).finish()
    }
}
