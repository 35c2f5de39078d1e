//! CSV with a header line, as spreadsheets and pandas write it.

use std::io::{BufRead, BufReader, Read};

use csv::{ByteRecord, ReaderBuilder};

use super::bounded_read::{BoundedRead, RowBudget};
use super::cell::{TableCell, TableRow};
use super::limits::MAX_COLUMNS;
use super::table_error::TableError;
use super::table_file::FileShare;
use super::table_reader::TableReader;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Holds one row.
pub(super) struct CsvTable {
    reader: csv::Reader<BoundedRead<Box<dyn Read + Send>>>,
    budget: RowBudget,
    columns: Vec<String>,
    record: ByteRecord,
    number: u64,
    share: FileShare,
}

impl CsvTable {
    /// Reads the header.
    ///
    /// # Errors
    /// [`TableError::File`] where there is none.
    pub(super) fn new(stream: Box<dyn Read + Send>, share: FileShare, delimiter: u8) -> Result<Self, TableError> {
        let budget = RowBudget::new();
        let stream = without_mark(stream).map_err(TableError::file)?;
        let stream = BoundedRead { stream, budget: budget.clone() };
        // Rows of another length are refused one by one, with their numbers.
        let mut reader = ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(stream);
        let header = reader.byte_headers().map_err(TableError::file)?;
        if header.len() > MAX_COLUMNS {
            return Err(TableError::too_many_columns());
        }
        let mut columns = Vec::with_capacity(header.len());
        for name in header {
            let name = std::str::from_utf8(name).map_err(|_| TableError::file("the header is not UTF-8"))?.trim();
            // pandas gives the column of row numbers no name; two columns of one name could not be told apart.
            if !name.is_empty() && columns.iter().any(|other| other == name) {
                return Err(TableError::file(format!("two columns are called {name:?}")));
            }
            columns.push(name.to_owned());
        }
        if columns.is_empty() {
            return Err(TableError::file("the file is empty; its first line has to name the columns"));
        }
        Ok(Self { reader, budget, columns, record: ByteRecord::new(), number: 0, share })
    }

    fn refused(&self, problem: String) -> TableError {
        TableError::Row { row: self.number, problem }
    }
}

impl TableReader for CsvTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_row(&mut self, row: &mut TableRow) -> Result<bool, TableError> {
        self.budget.renew();
        let is_there = self.reader.read_byte_record(&mut self.record).map_err(|problem| match problem.kind() {
            csv::ErrorKind::Io(problem) => TableError::file(format!("after row {}: {problem}", self.number)),
            _ => TableError::file(problem),
        })?;
        if !is_there {
            return Ok(false);
        }
        self.number += 1;
        row.number = self.number;
        row.cells.clear();
        if self.record.len() != self.columns.len() {
            let [fields, columns] = [self.record.len(), self.columns.len()];
            return Err(self.refused(format!("it has {fields} fields, and the header names {columns}")));
        }
        for (name, field) in self.columns.iter().zip(&self.record) {
            let text = std::str::from_utf8(field)
                .map_err(|_| self.refused(format!("column {name} is not UTF-8; save the file as UTF-8")))?;
            let is_missing = text.is_empty();
            row.cells.push(if is_missing { TableCell::Missing } else { TableCell::Written(text.to_owned()) });
        }
        Ok(true)
    }

    fn share(&self) -> f64 {
        self.share.get()
    }
}

/// The stream after its byte-order mark, which spreadsheets write.
pub(super) fn without_mark(stream: Box<dyn Read + Send>) -> std::io::Result<Box<dyn Read + Send>> {
    let mut stream = BufReader::new(stream);
    let beginning = stream.fill_buf()?;
    if beginning.starts_with(b"\xff\xfe") || beginning.starts_with(b"\xfe\xff") {
        return Err(std::io::Error::other("the file is UTF-16; save it as UTF-8"));
    }
    if beginning.starts_with(BYTE_ORDER_MARK) {
        stream.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Box::new(stream))
}
