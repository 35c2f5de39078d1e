//! What every format has to do: rows out of a file.

use super::cell::TableRow;
use super::table_error::TableError;

/// Reads a table row by row.
pub(crate) trait TableReader: Send {
    /// The names of the columns that are known so far. Only NDJSON gets more of them as it is read.
    fn columns(&self) -> &[String];

    /// Whether every column is known before the first row.
    fn has_header(&self) -> bool {
        true
    }

    /// Reads the next row in place of the former; false at the end.
    ///
    /// # Errors
    /// [`TableError::Row`], after which the next row can be read, and [`TableError::File`].
    fn next_row(&mut self, row: &mut TableRow) -> Result<bool, TableError>;

    /// How much of the file was read, from 0 to 1.
    fn share(&self) -> f64;
}
