//! One event as one line: JSON for machines, or a short form for people.
//!
//! Rule of thumb: a line is bounded. Long texts are cut, and a field never hides the members that
//! every line has. Values are kept as JSON from the beginning, for every request makes a line.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

const MAX_TEXT_BYTES: usize = 4096;
const MEMBERS_OF_EVERY_LINE: [&str; 5] = ["timestamp", "level", "service", "version", "target"];
/// About the length of most lines.
const USUAL_BYTES: usize = 768;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFormat {
    Json,
    Pretty,
}

/// The constant members of a service's lines.
pub(super) struct LineOrigin {
    pub(super) service: String,
    pub(super) version: String,
}

/// The fields of an event or a span: names, each once, with their values as JSON.
#[derive(Default)]
pub(super) struct JsonFields(Vec<(Cow<'static, str>, String)>);

impl JsonFields {
    /// Adds the fields of a span around this one. A field that is there already stays, so the nearest span's value stands.
    pub(super) fn inherit(&mut self, outer: &Self) {
        let nearer = self.0.len();
        for (name, value) in &outer.0 {
            if !self.0[..nearer].iter().any(|(known, _)| known == name) {
                self.0.push((name.clone(), value.clone()));
            }
        }
    }

    /// Adds a number that the event itself does not have.
    pub(super) fn add_count(&mut self, name: &'static str, count: u64) {
        self.0.push((Cow::Borrowed(name), count.to_string()));
    }

    fn put(&mut self, field: &Field, value: impl Serialize) {
        let name = field.name();
        let name =
            if MEMBERS_OF_EVERY_LINE.contains(&name) { Cow::Owned(format!("{name}_")) } else { Cow::Borrowed(name) };
        let value = json_of(value);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for JsonFields {
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
        self.put(field, cut(value.into()));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, cut(format!("{value:?}").into()));
    }
}

/// The fields of an event, and its message.
#[derive(Default)]
pub(super) struct EventFields {
    pub(super) fields: JsonFields,
    message: String,
}

impl Visit for EventFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.record_f64(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.record_i64(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.record_u64(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.record_bool(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = cut(value.into()).into_owned(),
            _ => self.fields.record_str(field, value),
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = cut(format!("{value:?}").into()).into_owned(),
            _ => self.fields.record_debug(field, value),
        }
    }
}

fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]).into()
}

fn json_of(value: impl Serialize) -> String {
    // Strings, numbers and booleans can be written; a number that is not finite becomes null.
    serde_json::to_string(&value).unwrap_or_default()
}

/// What one line is made of.
pub(super) struct LogLine<'a> {
    pub(super) origin: &'a LineOrigin,
    pub(super) metadata: &'static Metadata<'static>,
    /// The event's fields, and those of the spans around it.
    pub(super) content: &'a EventFields,
}

impl LogLine<'_> {
    /// The line as text, with its end.
    pub(super) fn written(&self, format: LineFormat) -> String {
        let mut timestamp = String::with_capacity(32);
        // Writing to a String does not fail, here and below.
        let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
        let mut line = String::with_capacity(USUAL_BYTES);
        let _ = match format {
            LineFormat::Json => self.write_json(&mut line, &timestamp),
            LineFormat::Pretty => self.write_pretty(&mut line, &timestamp),
        };
        line
    }

    fn write_json(&self, line: &mut String, timestamp: &str) -> fmt::Result {
        let (level, target) = (self.metadata.level().as_str(), self.metadata.target());
        let LineOrigin { service, version } = self.origin;
        write!(line, r#"{{"timestamp":"{timestamp}","level":"{level}","service":"{service}","version":"{version}""#)?;
        write!(line, r#","target":"{target}","message":{}"#, json_of(&self.content.message))?;
        for (name, value) in &self.content.fields.0 {
            // Names are written in our own code and that of libraries; nothing in them needs escaping.
            write!(line, r#","{name}":{value}"#)?;
        }
        line.write_str("}\n")
    }

    fn write_pretty(&self, line: &mut String, timestamp: &str) -> fmt::Result {
        let time_of_day = timestamp.get(11..23).unwrap_or(timestamp);
        let level = *self.metadata.level();
        write!(line, "{time_of_day} {level:>5} {:<18} {}", self.origin.service, self.content.message)?;
        for (name, value) in &self.content.fields.0 {
            let is_left_out = value == "null" || (name == "trace_id" && level >= Level::INFO);
            if !is_left_out {
                write!(line, " {name}={value}")?;
            }
        }
        line.write_char('\n')
    }
}
