//! CSV by RFC 4180: a header line, quotes where needed, CRLF, an empty field where there is no value.

use csv::{Terminator, Writer, WriterBuilder};

use super::columns::{COLUMNS, CellValue};
use super::encoder::{EncodeError, Encoder};
use crate::store::StoredPrediction;

/// Writes the header before the first rows, and keeps nothing between calls.
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
                write_cell(&mut writer, (column.get)(row)?)?;
            }
            // An empty record ends the line.
            writer.write_record(None::<&[u8]>)?;
        }
        // Writing into memory cannot fail, so this is an error of the writer's own.
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

fn write_cell(writer: &mut Writer<Vec<u8>>, value: Option<CellValue<'_>>) -> Result<(), csv::Error> {
    match value {
        None => writer.write_field(""),
        Some(CellValue::Text(text)) => writer.write_field(text.as_bytes()),
        Some(CellValue::Integer(integer)) => writer.write_field(integer.to_string()),
        // The shortest text that reads back as the same number.
        Some(CellValue::Double(double)) => writer.write_field(format!("{double:?}")),
        Some(CellValue::Flag(flag)) => writer.write_field(if flag { "true" } else { "false" }),
        Some(CellValue::Time(time)) => writer.write_field(time.to_string()),
    }
}
