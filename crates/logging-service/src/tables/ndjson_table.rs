//! NDJSON: a JSON object a line. A member is a column; columns come as they are met.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};

use super::cell::{TableCell, TableRow};
use super::csv_table::without_mark;
use super::limits::{MAX_COLUMNS, MAX_ROW_BYTES};
use super::table_error::TableError;
use super::table_file::FileShare;
use super::table_reader::TableReader;

/// Holds one line.
pub(super) struct NdjsonTable {
    stream: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    columns: Vec<String>,
    places: HashMap<String, usize>,
    number: u64,
    share: FileShare,
}

impl NdjsonTable {
    pub(super) fn new(stream: Box<dyn Read + Send>, share: FileShare) -> Result<Self, TableError> {
        let stream = BufReader::new(without_mark(stream).map_err(TableError::file)?);
        Ok(Self { stream, line: Vec::new(), columns: Vec::new(), places: HashMap::new(), number: 0, share })
    }

    /// Reads the next line that is not empty; false at the end.
    fn next_line(&mut self) -> Result<bool, TableError> {
        loop {
            self.line.clear();
            let most = MAX_ROW_BYTES as u64 + 1;
            let at_end = |problem| TableError::file(format!("after row {}: {problem}", self.number));
            let read = (&mut self.stream).take(most).read_until(b'\n', &mut self.line).map_err(at_end)?;
            if read == 0 {
                return Ok(false);
            }
            if self.line.len() > MAX_ROW_BYTES && !self.line.ends_with(b"\n") {
                self.number += 1;
                self.skip_line()?;
                return Err(self.refused(format!("it has more than {MAX_ROW_BYTES} bytes")));
            }
            if !self.line.trim_ascii().is_empty() {
                self.number += 1;
                return Ok(true);
            }
        }
    }

    /// Reads on behind the next line break, and keeps nothing.
    fn skip_line(&mut self) -> Result<(), TableError> {
        loop {
            let buffer = self.stream.fill_buf().map_err(TableError::file)?;
            if buffer.is_empty() {
                return Ok(());
            }
            let (is_end, used) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => (true, end + 1),
                None => (false, buffer.len()),
            };
            self.stream.consume(used);
            if is_end {
                return Ok(());
            }
        }
    }

    fn refused(&self, problem: impl std::fmt::Display) -> TableError {
        TableError::Row { row: self.number, problem: problem.to_string() }
    }

    fn place(&mut self, name: String) -> Result<usize, TableError> {
        if let Some(place) = self.places.get(&name) {
            return Ok(*place);
        }
        if self.columns.len() >= MAX_COLUMNS {
            return Err(TableError::too_many_columns());
        }
        self.columns.push(name.clone());
        self.places.insert(name, self.columns.len() - 1);
        Ok(self.columns.len() - 1)
    }
}

impl TableReader for NdjsonTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_header(&self) -> bool {
        false
    }

    fn next_row(&mut self, row: &mut TableRow) -> Result<bool, TableError> {
        if !self.next_line()? {
            return Ok(false);
        }
        row.number = self.number;
        row.cells.clear();
        if self.number == 1 && self.line.trim_ascii_start().starts_with(b"[") {
            return Err(TableError::file("it is a JSON array; write an object a line, as `jq -c '.[]'` does"));
        }
        let members: Map<String, Value> = serde_json::from_slice(&self.line)
            .map_err(|problem| self.refused(format!("it is no JSON object: {problem}")))?;
        row.cells.resize(self.columns.len(), TableCell::Missing);
        for (name, value) in members {
            let place = self.place(name)?;
            if place >= row.cells.len() {
                row.cells.resize(place + 1, TableCell::Missing);
            }
            row.cells[place] = cell(value);
        }
        Ok(true)
    }

    fn share(&self) -> f64 {
        self.share.get()
    }
}

fn cell(value: Value) -> TableCell {
    match value {
        Value::Null => TableCell::Null,
        Value::Bool(flag) => TableCell::Flag(flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => TableCell::Integer(integer),
            None => TableCell::of_number(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => TableCell::Text(text),
        nested => TableCell::Nested(nested),
    }
}
