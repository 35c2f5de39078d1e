//! RFC 4180: a header line, quotes where needed, CRLF, an empty field where there is no value.

use csv::{Terminator, Writer, WriterBuilder};

use super::columns::{COLUMNS, Value};
use super::{EncodeError, Encoder};
use crate::store::StoredPrediction;

/// Keeps the header until the first bytes are asked for, and nothing later.
pub(super) struct CsvEncoder {
    started: bool,
}

impl CsvEncoder {
    pub(super) fn new() -> Self {
        Self { started: false }
    }

    fn encode(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        if !self.started {
            writer.write_record(COLUMNS.iter().map(|column| column.name))?;
            self.started = true;
        }
        for row in rows {
            for column in &COLUMNS {
                write(&mut writer, (column.get)(row)?)?;
            }
            // No more fields: this ends the line.
            writer.write_record(None::<&[u8]>)?;
        }
        // Writing into memory fails only with an error of the writer's own, which the next line would show.
        writer.into_inner().map_err(|error| csv::Error::from(error.into_error()).into())
    }
}

impl Encoder for CsvEncoder {
    fn rows(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError> {
        self.encode(rows)
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<u8>, EncodeError> {
        // A file without rows still names its columns.
        self.encode(&[])
    }
}

fn write(writer: &mut Writer<Vec<u8>>, value: Option<Value<'_>>) -> Result<(), csv::Error> {
    match value {
        None => writer.write_field(""),
        Some(Value::Text(text)) => writer.write_field(text.as_bytes()),
        Some(Value::Integer(integer)) => writer.write_field(integer.to_string()),
        // The shortest text that reads back as the same number.
        Some(Value::Double(double)) => writer.write_field(format!("{double:?}")),
        Some(Value::Flag(flag)) => writer.write_field(if flag { "true" } else { "false" }),
        Some(Value::Time(time)) => writer.write_field(time.to_string()),
    }
}
