//! CSV by RFC 4180: a header line, quotes where needed, CRLF, an empty field where there is no value.

use csv::{Terminator, Writer, WriterBuilder};

use super::columns::{COLUMNS, CellValue};
use super::encoder::{EncodeError, Encoder};
use crate::store::StoredPrediction;

/// How the texts of a CSV file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellTexts {
    /// As they are.
    #[default]
    AsTheyAre,
    /// With an apostrophe in front of what a spreadsheet would execute as a formula. Numbers stay numbers, negative ones too.
    ForSpreadsheets,
}

/// Writes the header before the first rows, and keeps nothing between calls.
pub(super) struct CsvEncoder {
    started: bool,
    texts: CellTexts,
}

impl CsvEncoder {
    pub(super) fn new(texts: CellTexts) -> Self {
        Self { started: false, texts }
    }

    fn encode(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        if !self.started {
            writer.write_record(COLUMNS.iter().map(|column| column.name))?;
            self.started = true;
        }
        for row in rows {
            for column in &COLUMNS {
                write_cell(&mut writer, self.texts, (column.get)(row)?)?;
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

fn write_cell(writer: &mut Writer<Vec<u8>>, texts: CellTexts, value: Option<CellValue<'_>>) -> Result<(), csv::Error> {
    match value {
        None => writer.write_field(""),
        Some(CellValue::Text(text)) if texts == CellTexts::ForSpreadsheets && is_formula(&text) => {
            writer.write_field(format!("'{text}"))
        }
        Some(CellValue::Text(text)) => writer.write_field(text.as_bytes()),
        Some(CellValue::Integer(integer)) => writer.write_field(integer.to_string()),
        // The shortest text that reads back as the same number.
        Some(CellValue::Double(double)) => writer.write_field(format!("{double:?}")),
        Some(CellValue::Flag(flag)) => writer.write_field(if flag { "true" } else { "false" }),
        Some(CellValue::Time(time)) => writer.write_field(time.to_string()),
    }
}

/// Whether a spreadsheet may execute a text: the characters are those that OWASP names ("CSV injection"), with their
/// full-width forms. A text that is a number is none.
fn is_formula(text: &str) -> bool {
    let is_start = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let is_number = || {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        plain && text.parse::<f64>().is_ok()
    };
    is_start && !is_number()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_executes_is_told_from_numbers() {
        for text in [
            "=1+1",
            "+1+1",
            "-2+3",
            "-",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "-inf",
            "+cmd|' /C calc'!A0",
            "-1-1",
        ] {
            assert!(is_formula(text), "{text:?}");
        }
        for text in ["", "cat", "-1", "+1", "-1.5e-3", "1=1", " =1", "'=1", "{\"a\":\"=1\"}"] {
            assert!(!is_formula(text), "{text:?}");
        }
    }
}
