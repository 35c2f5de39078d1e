//! Reading a record's JSON.
//!
//! Rule of thumb: this does what `derive(Deserialize)` with a flattened `extra` would, and says the same of bad records.
//! It is written by hand because the derived code copies every record into a list of names and values first, which
//! takes longer than all else that is done to a record before it is stored.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::PredictionRecord;

impl<'de> Deserialize<'de> for PredictionRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = PredictionRecord;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("struct PredictionRecord")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<PredictionRecord, A::Error> {
        let mut record = PredictionRecord::default();
        let mut seen = Seen::default();
        while let Some(key) = members.next_key()? {
            let field = match key {
                Key::Known(field) => field,
                Key::Unknown(name) => {
                    record.extra.insert(name, members.next_value()?);
                    continue;
                }
            };
            if !seen.first_time(field) {
                return Err(A::Error::duplicate_field(field.name()));
            }
            match field {
                Field::EventId => record.event_id = members.next_value()?,
                Field::RequestId => record.request_id = members.next_value()?,
                Field::RowIndex => record.row_index = members.next_value()?,
                Field::OccurredAt => record.occurred_at = members.next_value()?,
                Field::Model => record.model = members.next_value()?,
                Field::Version => record.version = members.next_value()?,
                Field::ModelSha256 => record.model_sha256 = members.next_value()?,
                Field::Variant => record.variant = members.next_value()?,
                Field::Status => record.status = members.next_value()?,
                Field::ErrorType => record.error_type = members.next_value()?,
                Field::Label => record.label = members.next_value()?,
                Field::Class => record.class = members.next_value()?,
                Field::Confidence => record.confidence = members.next_value()?,
                Field::Defect => record.defect = members.next_value()?,
                Field::Top => record.top = members.next_value()?,
                Field::LatencySeconds => record.latency_seconds = members.next_value()?,
                Field::DecodeSeconds => record.decode_seconds = members.next_value()?,
                Field::QueueSeconds => record.queue_seconds = members.next_value()?,
                Field::InferenceSeconds => record.inference_seconds = members.next_value()?,
                Field::TraceId => record.trace_id = members.next_value()?,
                Field::SpanId => record.span_id = members.next_value()?,
                Field::InputSha256 => record.input_sha256 = members.next_value()?,
                Field::Input => record.input = members.next_value()?,
                Field::SchemaVersion => record.schema_version = members.next_value()?,
            }
        }
        if seen.first_time(Field::Model) {
            return Err(A::Error::missing_field(Field::Model.name()));
        }
        Ok(record)
    }
}

/// The name of a member. A known one is recognised where it lies, and never copied.
enum Key {
    Known(Field),
    Unknown(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(Field::named(name).map_or_else(|| Key::Unknown(name.to_owned()), Key::Known))
    }
}

/// Which fields were read, a bit for each.
#[derive(Default)]
struct Seen(u32);

impl Seen {
    /// Takes note of a field; false if it was there before.
    fn first_time(&mut self, field: Field) -> bool {
        let before = self.0;
        self.0 |= 1 << field as u32;
        self.0 != before
    }
}

/// The known fields and their names, said once.
macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        #[derive(Clone, Copy)]
        enum Field {
            $($field,)*
        }

        impl Field {
            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$field),)*
                    _ => None,
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }
        }
    };
}

fields! {
    EventId = "event_id",
    RequestId = "request_id",
    RowIndex = "row_index",
    OccurredAt = "occurred_at",
    Model = "model",
    Version = "version",
    ModelSha256 = "model_sha256",
    Variant = "variant",
    Status = "status",
    ErrorType = "error_type",
    Label = "label",
    Class = "class",
    Confidence = "confidence",
    Defect = "defect",
    Top = "top",
    LatencySeconds = "latency_seconds",
    DecodeSeconds = "decode_seconds",
    QueueSeconds = "queue_seconds",
    InferenceSeconds = "inference_seconds",
    TraceId = "trace_id",
    SpanId = "span_id",
    InputSha256 = "input_sha256",
    Input = "input",
    SchemaVersion = "schema_version",
}
