//! Tables in files: CSV, NDJSON and Parquet, a row at a time.
//!
//! A file → [`open_table`] → [`TableReader::next_row`] → … What a reader holds is bounded, however large the file is and
//! however far it unpacks: a row has at most [`MAX_ROW_BYTES`], a table at most [`MAX_COLUMNS`] columns.
//!
//! Rule of thumb: a reader says what stands in a cell. What that means is up to the column, and the caller knows it.

mod bounded_read;
mod cell;
mod csv_table;
mod limits;
mod ndjson_table;
mod open_table;
mod parquet_cells;
mod parquet_table;
mod table_error;
mod table_file;
mod table_format;
mod table_reader;

pub(crate) use cell::{TableCell, TableRow, shown_number};
pub(crate) use open_table::{TableOptions, open_table};
pub(crate) use parquet_table::ParquetTable;
pub(crate) use table_error::TableError;
pub(crate) use table_format::TableFormat;
pub(crate) use table_reader::TableReader;
