//! The tracing layer that turns events into lines and counts them.

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::floods::LineFloods;
use super::line::{EventFields, JsonFields, LineFormat, LineOrigin, LogLine};
use super::writer::LineQueue;
use crate::metrics::{Counter, Each, Family};

crate::label_enum! {
    /// Severity of a log event.
    pub(super) enum LevelLabel: "level" {
        Error = "error",
        Warn = "warn",
        Info = "info",
        Debug = "debug",
        Trace = "trace",
    }
}

impl From<&tracing::Level> for LevelLabel {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::INFO => Self::Info,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::TRACE => Self::Trace,
        }
    }
}

/// Sees every event that passed the filter.
pub(super) struct LogLayer {
    pub(super) format: LineFormat,
    pub(super) origin: LineOrigin,
    pub(super) queue: LineQueue,
    pub(super) events: Family<Counter, Each<LevelLabel>>,
    pub(super) floods: LineFloods,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = JsonFields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<JsonFields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.events.with(event.metadata().level().into()).inc();
        let Some(left_out) = self.floods.admit(event.metadata()) else { return };
        let mut content = EventFields::default();
        event.record(&mut content);
        if left_out > 0 {
            content.fields.add_count("left_out", left_out);
        }
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<JsonFields>() {
                content.fields.inherit(fields);
            }
        }
        let line = LogLine { origin: &self.origin, metadata: event.metadata(), content: &content };
        self.queue.push(&line.written(self.format));
    }
}
