//! The way of spans to the collector: a bounded queue, and the thread that sends what is in it.
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

use super::TracesError;
use super::context::TraceContext;
use super::sampler::Sampler;
use super::settings::{Settings, variable};
use crate::metrics::{Counter, Each, Family, MetricsError, MetricsRegistry, each};

crate::label_enum! {
    /// What became of a span.
    enum SpanOutcome: "outcome" {
        /// The collector has taken it.
        Exported = "exported",
        /// The queue was full or closed.
        Dropped = "dropped",
        /// The collector was away, or refused it.
        Failed = "failed",
    }
}

/// Counts spans by what became of them.
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
pub(super) struct Exporting {
    processor: BatchSpanProcessor,
    books: Arc<Books>,
    sampler: Sampler,
    scope: InstrumentationScope,
    limit: usize,
    closed: AtomicBool,
}

/// What the queue's two ends know of each other.
struct Books {
    counts: SpanCounts,
    /// Spans offered that are not on their way yet.
    waiting: AtomicUsize,
    /// Whether the last batch was lost.
    failing: AtomicBool,
}

impl Exporting {
    /// Starts the thread.
    pub(super) fn start(
        (service, version): (&str, &str),
        Settings { sampler, queue, .. }: Settings,
        counts: SpanCounts,
    ) -> Result<Self, TracesError> {
        crate::use_ring();
        let inner = OtlpExporter::builder().with_http().build()?;
        let books = Arc::new(Books { counts, waiting: AtomicUsize::new(0), failing: AtomicBool::new(false) });
        let mut exporter = CountingExporter { inner, books: books.clone() };
        exporter.set_resource(&resource(service, version));
        // Room is kept for what the thread has taken out and not sent yet, so that the books alone decide who finds none.
        let config = BatchConfigBuilder::default().with_max_queue_size(queue).build();
        let processor = BatchSpanProcessor::new(exporter, config);
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(version.to_owned()).build();
        Ok(Self { processor, books, sampler, scope, limit: queue, closed: AtomicBool::new(false) })
    }

    pub(super) fn samples(&self, trace: &TraceContext) -> bool {
        self.sampler.samples(trace)
    }

    /// Who has made the spans.
    pub(super) fn scope(&self) -> InstrumentationScope {
        self.scope.clone()
    }

    /// Takes the spans of a request, all or none, and does not wait.
    pub(super) fn offer(&self, spans: Vec<SpanData>) {
        let open = !self.closed.load(Ordering::Acquire);
        let more = |waiting: usize| Some(waiting + spans.len()).filter(|waiting| open && *waiting <= self.limit);
        let room = self.books.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        if room.is_err() {
            self.books.counts.add(SpanOutcome::Dropped, spans.len());
            return;
        }
        for span in spans {
            self.processor.on_end(span);
        }
    }

    /// Sends what waits, within `patience`; false if that was too short.
    pub(super) fn close(&self, patience: Duration) -> bool {
        self.closed.store(true, Ordering::Release);
        self.processor.shutdown_with_timeout(patience).is_ok()
    }

    /// Spans in the queue.
    pub(super) fn waiting(&self) -> usize {
        self.books.waiting.load(Ordering::Acquire)
    }
}

/// Whose spans these are. What the environment says goes before what the service says of itself.
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

/// Sends batches, and counts what became of them.
struct CountingExporter {
    inner: OtlpExporter,
    books: Arc<Books>,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (books, spans) = (&self.books, batch.len());
        books.waiting.fetch_sub(spans, Ordering::AcqRel);
        let result = self.inner.export(batch).await;
        let outcome = if result.is_ok() { SpanOutcome::Exported } else { SpanOutcome::Failed };
        books.counts.add(outcome, spans);
        // One line when it begins and one when it is over; the metric tells of each batch.
        match (&result, books.failing.swap(result.is_err(), Ordering::AcqRel)) {
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
