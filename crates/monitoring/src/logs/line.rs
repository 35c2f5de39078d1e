//! One event as one line: JSON for machines, or a short form for people.
//!
//! Rule of thumb: a line is bounded. Long texts are cut, and a field never hides the members that
//! every line has.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

const MAX_TEXT_BYTES: usize = 4096;
const MEMBERS_OF_EVERY_LINE: [&str; 5] = ["timestamp", "level", "service", "version", "target"];

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFormat {
    Json,
    Pretty,
}

/// The constant members of a service's lines.
pub(super) struct Origin {
    pub(super) service: String,
    pub(super) version: String,
}

/// Collects the fields of an event or a span.
#[derive(Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        let name = if MEMBERS_OF_EVERY_LINE.contains(&name) { format!("{name}_") } else { name.to_owned() };
        self.0.insert(name, value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, cut(value.to_owned()));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, cut(format!("{value:?}")));
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
    text
}

/// Writes the line of `event`; `inherited` are the fields of the spans around it.
pub(super) fn line(format: LineFormat, origin: &Origin, event: &Event<'_>, inherited: Map<String, Value>) -> String {
    let mut fields = Fields(inherited);
    event.record(&mut fields);
    let mut fields = fields.0;
    let message = match fields.remove("message") {
        Some(Value::String(message)) => message,
        other => other.map(|value| value.to_string()).unwrap_or_default(),
    };
    let mut timestamp = String::with_capacity(32);
    // Writing to a String does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    match format {
        LineFormat::Json => json(origin, event, timestamp, message, fields),
        LineFormat::Pretty => pretty(origin, event, &timestamp, &message, &fields),
    }
}

fn json(origin: &Origin, event: &Event<'_>, timestamp: String, message: String, fields: Map<String, Value>) -> String {
    let mut members = Map::new();
    members.insert("timestamp".to_owned(), timestamp.into());
    members.insert("level".to_owned(), event.metadata().level().as_str().into());
    members.insert("service".to_owned(), origin.service.clone().into());
    members.insert("version".to_owned(), origin.version.clone().into());
    members.insert("target".to_owned(), event.metadata().target().into());
    members.insert("message".to_owned(), message.into());
    members.extend(fields);
    let mut line = Value::Object(members).to_string();
    line.push('\n');
    line
}

fn pretty(origin: &Origin, event: &Event<'_>, timestamp: &str, message: &str, fields: &Map<String, Value>) -> String {
    let time_of_day = timestamp.get(11..23).unwrap_or(timestamp);
    let level = *event.metadata().level();
    let mut line = format!("{time_of_day} {level:>5} {:<18} {message}", origin.service);
    for (name, value) in fields {
        let quiet = value.is_null() || (name == "trace_id" && level >= Level::INFO);
        if !quiet {
            // Writing to a String does not fail.
            let _ = write!(line, " {name}={value}");
        }
    }
    line.push('\n');
    line
}
