//! How spans get to the collector: a bounded queue, and the thread that sends what is in it.
//!
//! Rule of thumb: each span that is offered is counted once, as exported, dropped or failed, or it still waits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor as _};
use tracing::{info, warn};

use super::context::TraceContext;
use super::error::TracesError;
use super::sampler::TraceSampler;
use super::settings::TraceSettings;
use super::variable::variable;
use crate::metrics::{Counter, Each, Family, MetricsError, MetricsRegistry, each};

crate::label_enum! {
    /// How a span ended.
    enum SpanOutcome: "outcome" {
        /// The collector has taken it.
        Exported = "exported",
        /// The queue was full or closed.
        Dropped = "dropped",
        /// The collector was away, or refused it.
        Failed = "failed",
    }
}

/// Counts the spans by their end.
pub(super) struct SpanCounts(Family<Counter, Each<SpanOutcome>>);

impl SpanCounts {
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let help = "Spans of sampled requests, by what became of them; all but exported are lost.";
        Ok(Self(registry.counters("trace_spans_total", help, each())?))
    }

    fn add(&self, outcome: SpanOutcome, spans: usize) {
        self.0.with(outcome).inc_by(spans as u64);
    }
}

/// The export of one service's spans.
pub(super) struct SpanExport {
    processor: BatchSpanProcessor,
    queue: Arc<SpanQueue>,
    sampler: TraceSampler,
    scope: InstrumentationScope,
    limit: usize,
    is_closed: AtomicBool,
}

/// What the two ends of the queue share.
struct SpanQueue {
    counts: SpanCounts,
    /// Spans that were offered and are not on their way yet.
    waiting: AtomicUsize,
    /// Whether the last batch was lost.
    is_failing: AtomicBool,
}

impl SpanExport {
    /// Starts the thread.
    pub(super) fn start(
        service: &str,
        version: &str,
        settings: TraceSettings,
        counts: SpanCounts,
    ) -> Result<Self, TracesError> {
        crate::use_ring();
        let inner = OtlpExporter::builder().with_http().build()?;
        let queue = Arc::new(SpanQueue { counts, waiting: AtomicUsize::new(0), is_failing: AtomicBool::new(false) });
        let mut exporter = CountingExporter { inner, queue: queue.clone() };
        exporter.set_resource(&resource(service, version));
        // The processor's own queue is never full: `offer` lets no more spans in than it has room for.
        let config = BatchConfigBuilder::default().with_max_queue_size(settings.queue).build();
        let processor = BatchSpanProcessor::new(exporter, config);
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(version.to_owned()).build();
        let (sampler, limit) = (settings.sampler, settings.queue);
        Ok(Self { processor, queue, sampler, scope, limit, is_closed: AtomicBool::new(false) })
    }

    pub(super) fn samples(&self, trace: &TraceContext) -> bool {
        self.sampler.samples(trace)
    }

    /// The library that made the spans.
    pub(super) fn scope(&self) -> InstrumentationScope {
        self.scope.clone()
    }

    /// Takes the spans of a request, all or none, and does not wait.
    pub(super) fn offer(&self, spans: Vec<SpanData>) {
        let is_open = !self.is_closed.load(Ordering::Acquire);
        let more = |waiting: usize| Some(waiting + spans.len()).filter(|waiting| is_open && *waiting <= self.limit);
        let room = self.queue.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        if room.is_err() {
            self.queue.counts.add(SpanOutcome::Dropped, spans.len());
            return;
        }
        for span in spans {
            self.processor.on_end(span);
        }
    }

    /// Sends the spans that wait, within `patience`.
    ///
    /// # Errors
    /// [`UnsentSpans`] if that was too short.
    pub(super) fn close(&self, patience: Duration) -> Result<(), UnsentSpans> {
        self.is_closed.store(true, Ordering::Release);
        let closed = self.processor.shutdown_with_timeout(patience);
        closed.map_err(|_| UnsentSpans(self.queue.waiting.load(Ordering::Acquire)))
    }
}

/// How many spans still waited when the time to send them was over.
pub(super) struct UnsentSpans(pub(super) usize);

/// The service that the spans belong to. The environment takes precedence over what the service says of itself.
fn resource(service: &str, version: &str) -> Resource {
    let itself = [("service.name", service), ("service.version", version)];
    let itself = itself.map(|(name, value)| KeyValue::new(name, value.to_owned()));
    let named = variable("OTEL_SERVICE_NAME").map(|name| KeyValue::new("service.name", name));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(itself)
        .with_detector(Box::new(EnvResourceDetector::new()))
        .with_attributes(named)
        .build()
}

/// Sends batches, and counts how that ended.
struct CountingExporter {
    inner: OtlpExporter,
    queue: Arc<SpanQueue>,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (queue, spans) = (&self.queue, batch.len());
        queue.waiting.fetch_sub(spans, Ordering::AcqRel);
        let result = self.inner.export(batch).await;
        let outcome = if result.is_ok() { SpanOutcome::Exported } else { SpanOutcome::Failed };
        queue.counts.add(outcome, spans);
        // One line when a failure begins and one when it is over; the metric counts every batch.
        match (&result, queue.is_failing.swap(result.is_err(), Ordering::AcqRel)) {
            (Err(problem), false) => warn!(%problem, spans, "trace_export_failing"),
            (Ok(()), true) => info!("trace_export_resumed"),
            _ => {}
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl fmt::Debug for CountingExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingExporter").field("inner", &self.inner).finish_non_exhaustive()
    }
}
