//! One event as one line: JSON for machines, or a short form for people.
//!
//! Rule of thumb: a line is bounded. Long texts are cut, and a field never hides the members that
//! every line has. Values are written as JSON at once, for a line is made for every request.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

const MAX_TEXT_BYTES: usize = 4096;
const MEMBERS_OF_EVERY_LINE: [&str; 5] = ["timestamp", "level", "service", "version", "target"];
/// Of most lines, or some more.
const USUAL_BYTES: usize = 768;

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

/// The fields of an event or a span: names, each once, with their values as JSON.
#[derive(Default)]
pub(super) struct Fields(Vec<(Cow<'static, str>, String)>);

impl Fields {
    /// Takes in those of a span around, where there is none of that name yet: the nearest span's value stands.
    pub(super) fn inherit(&mut self, outer: &Self) {
        let nearer = self.0.len();
        for (name, value) in &outer.0 {
            if !self.0[..nearer].iter().any(|(known, _)| known == name) {
                self.0.push((name.clone(), value.clone()));
            }
        }
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
        self.put(field, cut(value.into()));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, cut(format!("{value:?}").into()));
    }
}

/// An event's own fields, and its message, which is none of them.
#[derive(Default)]
pub(super) struct Told {
    pub(super) fields: Fields,
    message: String,
}

impl Visit for Told {
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
    // Texts, numbers and truth values can be written; what is no finite number becomes null.
    serde_json::to_string(&value).unwrap_or_default()
}

/// Writes the line of `event`; `told` are its fields and those of the spans around it.
pub(super) fn line(format: LineFormat, origin: &Origin, event: &Event<'_>, told: &Told) -> String {
    let mut timestamp = String::with_capacity(32);
    // Writing to a String does not fail, here and below.
    let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
    let mut line = String::with_capacity(USUAL_BYTES);
    let _ = match format {
        LineFormat::Json => json(&mut line, origin, event, &timestamp, told),
        LineFormat::Pretty => pretty(&mut line, origin, event, &timestamp, told),
    };
    line
}

fn json(line: &mut String, origin: &Origin, event: &Event<'_>, timestamp: &str, told: &Told) -> fmt::Result {
    let level = event.metadata().level().as_str();
    let (Origin { service, version }, target) = (origin, event.metadata().target());
    write!(line, r#"{{"timestamp":"{timestamp}","level":"{level}","service":"{service}","version":"{version}""#)?;
    write!(line, r#","target":"{target}","message":{}"#, json_of(&told.message))?;
    for (name, value) in &told.fields.0 {
        // Names stand in our own code and that of libraries; nothing in them needs escaping.
        write!(line, r#","{name}":{value}"#)?;
    }
    line.write_str("}\n")
}

fn pretty(line: &mut String, origin: &Origin, event: &Event<'_>, timestamp: &str, told: &Told) -> fmt::Result {
    let time_of_day = timestamp.get(11..23).unwrap_or(timestamp);
    let level = *event.metadata().level();
    write!(line, "{time_of_day} {level:>5} {:<18} {}", origin.service, told.message)?;
    for (name, value) in &told.fields.0 {
        let quiet = value == "null" || (name == "trace_id" && level >= Level::INFO);
        if !quiet {
            write!(line, " {name}={value}")?;
        }
    }
    line.write_char('\n')
}
