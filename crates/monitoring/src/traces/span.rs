//! The span of one request, and those inside of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::context::TraceContext;
use super::export::Exporting;

/// Phases of a request that are remembered; more are left out.
const MAX_PHASES: usize = 16;

/// What the trace of a request is told of it. Clones tell the same span. It takes nothing, at no cost, where the request is
/// not sampled.
#[derive(Clone, Default)]
pub struct RequestSpan(Option<Arc<Open>>);

struct Open {
    exporting: Arc<Exporting>,
    trace: TraceContext,
    /// The same moment on both clocks.
    began: (Instant, SystemTime),
    /// `None` once the spans are on their way.
    told: Mutex<Option<Told>>,
}

#[derive(Default)]
struct Told {
    name: String,
    /// Whether the request goes to another service instead of coming from a client.
    is_outgoing: bool,
    attributes: Vec<KeyValue>,
    phases: Vec<(&'static str, Instant, Instant)>,
}

/// How a request went wrong.
#[derive(Clone, Copy, Debug)]
pub struct SpanError {
    /// Of a closed set; stands in `error.type` unless that has been told before.
    pub error_type: &'static str,
    /// Whether it is the service's fault. A refusal of what the client sent is not.
    pub is_fault: bool,
}

impl RequestSpan {
    pub(super) fn begin(exporting: Arc<Exporting>, trace: TraceContext, began: (Instant, SystemTime)) -> Self {
        Self(Some(Arc::new(Open { exporting, trace, began, told: Mutex::new(Some(Told::default())) })))
    }

    /// Whether anybody listens; otherwise the names and values need not be made.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// What the span is called.
    pub fn name(&self, name: String) {
        self.tell(|told| told.name = name);
    }

    pub(crate) fn outgoing(&self) {
        self.tell(|told| told.is_outgoing = true);
    }

    /// Adds an attribute, in the place of an earlier one of that name.
    pub fn attribute(&self, name: &'static str, value: impl Into<Value>) {
        self.tell(|told| {
            told.attributes.retain(|attribute| attribute.key.as_str() != name);
            told.attributes.push(KeyValue::new(name, value));
        });
    }

    /// Adds a span inside of this one.
    pub fn phase(&self, name: &'static str, started: Instant, ended: Instant) {
        self.tell(|told| {
            if told.phases.len() < MAX_PHASES {
                told.phases.push((name, started, ended));
            }
        });
    }

    /// The request has ended, and its spans are complete. What is told later is not heard.
    pub fn end(&self, ended: Instant, error: Option<SpanError>) {
        let Some(open) = &self.0 else { return };
        let told = open.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(told) = told {
            open.exporting.offer(open.spans(told, ended, error));
        }
    }

    fn tell(&self, with: impl FnOnce(&mut Told)) {
        if let Some(open) = &self.0
            && let Some(told) = open.told.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
        {
            with(told);
        }
    }
}

impl Open {
    /// The request's span, and behind it those of its phases.
    fn spans(&self, told: Told, ended: Instant, error: Option<SpanError>) -> Vec<SpanData> {
        let Told { name, is_outgoing, mut attributes, phases } = told;
        if let Some(error) = error
            && !attributes.iter().any(|attribute| attribute.key.as_str() == ERROR_TYPE)
        {
            attributes.push(KeyValue::new(ERROR_TYPE, error.error_type));
        }
        let status = match error {
            Some(SpanError { error_type, is_fault: true }) => Status::error(error_type),
            _ => Status::Unset,
        };
        let (_, span_id, parent_id) = self.trace.numbers();
        let request = SpanData {
            parent_span_is_remote: parent_id != 0,
            span_kind: if is_outgoing { SpanKind::Client } else { SpanKind::Server },
            attributes,
            status,
            ..self.span(name.into(), (span_id, parent_id), (self.began.0, ended))
        };
        let phase = |(name, started, ended): (&'static str, Instant, Instant)| {
            self.span(name.into(), (fastrand::u64(1..), span_id), (started, ended))
        };
        [request].into_iter().chain(phases.into_iter().map(phase)).collect()
    }

    fn span(
        &self,
        name: Cow<'static, str>,
        (id, parent): (u64, u64),
        (started, ended): (Instant, Instant),
    ) -> SpanData {
        let (trace_id, ..) = self.trace.numbers();
        let ids = (TraceId::from(trace_id), SpanId::from(id));
        SpanData {
            span_context: SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, false, TraceState::NONE),
            parent_span_id: SpanId::from(parent),
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
            instrumentation_scope: self.exporting.scope(),
        }
    }

    /// The time of day of a moment of this request, which has not been before its beginning.
    fn time(&self, moment: Instant) -> SystemTime {
        self.began.1 + moment.saturating_duration_since(self.began.0)
    }
}

/// The attribute that says what went wrong.
const ERROR_TYPE: &str = "error.type";

impl fmt::Debug for RequestSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestSpan").field(&self.is_recorded()).finish()
    }
}
