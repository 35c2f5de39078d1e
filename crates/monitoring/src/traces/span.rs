//! The span of one request, and the spans inside of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::context::TraceContext;
use super::export::SpanExport;

/// Most phases of one request; more are left out.
const MAX_PHASES: usize = 16;

/// Collects what the trace is to say of one request. Clones are the same span. Where the request is not sampled, every call
/// is ignored and costs nothing.
#[derive(Clone, Default)]
pub struct RequestSpan(Option<Arc<OpenSpan>>);

struct OpenSpan {
    export: Arc<SpanExport>,
    trace: TraceContext,
    began: SpanStart,
    /// `None` once the spans are on their way.
    content: Mutex<Option<SpanContent>>,
}

/// The moment at which a request began, on both clocks.
struct SpanStart {
    instant: Instant,
    time: SystemTime,
}

#[derive(Default)]
struct SpanContent {
    name: String,
    /// Whether the request goes to another service instead of coming from a client.
    is_outgoing: bool,
    attributes: Vec<KeyValue>,
    phases: Vec<SpanPhase>,
}

struct SpanPhase {
    name: &'static str,
    started: Instant,
    ended: Instant,
}

/// How a request went wrong.
#[derive(Clone, Copy, Debug)]
pub struct SpanError {
    /// The kind of error, from a closed set; the value of `error.type` unless that attribute has been set before.
    pub error_type: &'static str,
    /// Whether it is the service's fault. A refusal of what the client sent is not.
    pub is_fault: bool,
}

impl RequestSpan {
    pub(super) fn begin(export: Arc<SpanExport>, trace: TraceContext) -> Self {
        let began = SpanStart { instant: Instant::now(), time: SystemTime::now() };
        Self(Some(Arc::new(OpenSpan { export, trace, began, content: Mutex::new(Some(SpanContent::default())) })))
    }

    /// Whether the span is kept; if not, its names and values need not be made.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Names the span.
    pub fn set_name(&self, name: String) {
        self.update(|content| content.name = name);
    }

    /// The request goes to another service instead of coming from a client.
    pub(crate) fn set_outgoing(&self) {
        self.update(|content| content.is_outgoing = true);
    }

    /// Sets an attribute, in the place of an earlier one of that name.
    pub fn set_attribute(&self, name: &'static str, value: impl Into<Value>) {
        self.update(|content| {
            content.attributes.retain(|attribute| attribute.key.as_str() != name);
            content.attributes.push(KeyValue::new(name, value));
        });
    }

    /// Adds a span inside of this one.
    pub fn add_phase(&self, name: &'static str, started: Instant, ended: Instant) {
        self.update(|content| {
            if content.phases.len() < MAX_PHASES {
                content.phases.push(SpanPhase { name, started, ended });
            }
        });
    }

    /// The request has ended, and its spans are complete. Later calls are ignored.
    pub fn end(&self, ended: Instant, error: Option<SpanError>) {
        let Some(open) = &self.0 else { return };
        let content = open.content.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(content) = content {
            open.export.offer(open.spans(content, ended, error));
        }
    }

    fn update(&self, change: impl FnOnce(&mut SpanContent)) {
        if let Some(open) = &self.0
            && let Some(content) = open.content.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            change(content);
        }
    }
}

impl OpenSpan {
    /// The request's span, followed by the spans of its phases.
    fn spans(&self, content: SpanContent, ended: Instant, error: Option<SpanError>) -> Vec<SpanData> {
        let SpanContent { name, is_outgoing, mut attributes, phases } = content;
        if let Some(error) = error
            && !attributes.iter().any(|attribute| attribute.key.as_str() == ERROR_TYPE)
        {
            attributes.push(KeyValue::new(ERROR_TYPE, error.error_type));
        }
        let status = match error {
            Some(SpanError { error_type, is_fault: true }) => Status::error(error_type),
            _ => Status::Unset,
        };
        let request = SpanData {
            span_context: self.span_context(self.trace.span_id),
            parent_span_id: SpanId::from(self.trace.parent_id),
            parent_span_is_remote: self.trace.parent_id != 0,
            span_kind: if is_outgoing { SpanKind::Client } else { SpanKind::Server },
            attributes,
            status,
            ..self.span(name.into(), self.began.instant, ended)
        };
        let phase = |SpanPhase { name, started, ended }| self.span(name.into(), started, ended);
        [request].into_iter().chain(phases.into_iter().map(phase)).collect()
    }

    /// A span inside of the request's.
    fn span(&self, name: Cow<'static, str>, started: Instant, ended: Instant) -> SpanData {
        SpanData {
            span_context: self.span_context(fastrand::u64(1..)),
            parent_span_id: SpanId::from(self.trace.span_id),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name,
            start_time: self.time(started),
            end_time: self.time(ended),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.export.scope(),
        }
    }

    fn span_context(&self, span_id: u64) -> SpanContext {
        let (trace_id, span_id) = (TraceId::from(self.trace.trace_id), SpanId::from(span_id));
        SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::NONE)
    }

    /// The time of day at `moment`. A moment before the request began counts as its beginning.
    fn time(&self, moment: Instant) -> SystemTime {
        self.began.time + moment.saturating_duration_since(self.began.instant)
    }
}

/// The attribute that says what went wrong.
const ERROR_TYPE: &str = "error.type";

impl fmt::Debug for RequestSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestSpan").field(&self.is_recorded()).finish()
    }
}
