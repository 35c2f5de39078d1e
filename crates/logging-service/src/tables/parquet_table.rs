//! Apache Parquet, some rows of every column at a time.
//!
//! Rule of thumb: the record reader of the library panics at types that it does not know, so the columns are read here.

use std::ops::Range;

use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescPtr;
use serde_json::Value;

use super::cell::{TableCell, TableRow};
use super::limits::{MAX_COLUMNS, MAX_ROW_BYTES};
use super::parquet_cells::{ParquetMeaning, ParquetValue};
use super::table_error::TableError;
use super::table_reader::TableReader;

/// Rows that are held at once.
const HELD_ROWS: usize = 512;
/// Most bytes that a column of a row group may take unpacked.
const MAX_CHUNK_BYTES: i64 = 1024 * 1024 * 1024;

/// Holds some rows, and the page of each column that they are read from.
pub(crate) struct ParquetTable<F: ChunkReader> {
    file: SerializedFileReader<F>,
    columns: Vec<String>,
    shapes: Vec<ColumnShape>,
    next_group: usize,
    readers: Vec<ColumnReader>,
    /// Rows of the row group that are still to be read.
    unread: usize,
    /// The held cells of each column, the next one last.
    held: Vec<Vec<Result<TableCell, String>>>,
    number: u64,
    rows: u64,
}

impl<F: ChunkReader + 'static> ParquetTable<F> {
    /// Reads the index.
    ///
    /// # Errors
    /// [`TableError::File`].
    pub(crate) fn new(file: F) -> Result<Self, TableError> {
        let file = SerializedFileReader::new(file).map_err(unreadable)?;
        let metadata = file.metadata();
        let schema = metadata.file_metadata().schema_descr();
        if schema.num_columns() > MAX_COLUMNS {
            return Err(TableError::too_many_columns());
        }
        // A part of a structure is a column as well: `features.age`.
        let columns = schema.columns().iter().map(|column| column.path().parts().join(".")).collect();
        let shape = |column: &ColumnDescPtr| ColumnShape {
            meaning: ParquetMeaning::of(column),
            highest_level: column.max_def_level(),
        };
        let shapes = schema.columns().iter().map(shape).collect();
        if schema.num_columns() == 0 {
            return Err(TableError::file("it has no columns"));
        }
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        metadata.row_groups().iter().try_for_each(check_group)?;
        let held = vec![Vec::new(); schema.num_columns()];
        Ok(Self { columns, shapes, next_group: 0, readers: Vec::new(), unread: 0, held, number: 0, rows, file })
    }

    /// How many rows the index says there are.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Where the bytes of each row group are.
    pub(crate) fn groups(&self) -> Vec<Range<u64>> {
        let of_group = |group: &RowGroupMetaData| {
            let ranges = || group.columns().iter().map(ColumnChunkMetaData::byte_range);
            let start = ranges().map(|(start, _)| start).min().unwrap_or_default();
            start..ranges().map(|(start, bytes)| start + bytes).max().unwrap_or_default()
        };
        self.file.metadata().row_groups().iter().map(of_group).collect()
    }

    /// Bytes of the largest row group, packed and unpacked.
    pub(crate) fn largest_group_bytes(&self) -> usize {
        let groups = self.file.metadata().row_groups().iter();
        let most = groups.map(|group| group.compressed_size().saturating_add(group.total_byte_size())).max();
        most.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default()
    }

    /// Reads more rows; false at the end of the file.
    fn fill(&mut self) -> Result<bool, TableError> {
        while self.unread == 0 {
            if self.next_group >= self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.next_group).map_err(unreadable)?;
            self.readers = (0..self.columns.len())
                .map(|column| group.get_column_reader(column))
                .collect::<Result<_, _>>()
                .map_err(unreadable)?;
            self.unread = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            self.next_group += 1;
        }
        let rows = self.unread.min(HELD_ROWS);
        let columns = self.readers.iter_mut().zip(&self.shapes).zip(&mut self.held);
        for (((reader, shape), held), name) in columns.zip(&self.columns) {
            *held = match shape.meaning {
                ParquetMeaning::Nested => vec![Ok(TableCell::Nested(Value::Null)); rows],
                _ => read_any(reader, *shape, rows).map_err(unreadable)?,
            };
            if held.len() != rows {
                let [found, after] = [held.len() as u64, self.number];
                return Err(TableError::file(format!("column {name} ends {found} rows after row {after}")));
            }
            held.reverse();
        }
        self.unread -= rows;
        Ok(true)
    }
}

impl<F: ChunkReader + 'static> TableReader for ParquetTable<F> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next_row(&mut self, row: &mut TableRow) -> Result<bool, TableError> {
        if self.held.first().is_none_or(Vec::is_empty) && !self.fill()? {
            return Ok(false);
        }
        self.number += 1;
        row.number = self.number;
        row.cells.clear();
        let mut problem = None;
        let mut bytes = 0;
        for (held, name) in self.held.iter_mut().zip(&self.columns) {
            match held.pop() {
                Some(Ok(cell)) => {
                    bytes += if let TableCell::Text(text) = &cell { text.len() } else { 8 };
                    row.cells.push(cell);
                }
                Some(Err(why)) => problem = problem.or_else(|| Some(format!("column {name} {why}"))),
                None => row.cells.push(TableCell::Missing),
            }
        }
        if bytes > MAX_ROW_BYTES {
            problem = Some(format!("it has more than {MAX_ROW_BYTES} bytes"));
        }
        match problem {
            Some(problem) => Err(TableError::Row { row: self.number, problem }),
            None => Ok(true),
        }
    }

    fn share(&self) -> f64 {
        if self.rows == 0 { 1.0 } else { self.number as f64 / self.rows as f64 }
    }
}

/// Refuses what this program cannot unpack, and what would unpack to more than a machine should hold.
fn check_group(group: &RowGroupMetaData) -> Result<(), TableError> {
    for column in group.columns() {
        if !matches!(
            column.compression(),
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_)
        ) {
            let problem = format!(
                "column {} is packed with {:?}; write it with snappy, gzip, zstd or without compression",
                column.column_path().string(),
                column.compression()
            );
            return Err(TableError::file(problem));
        }
        if column.uncompressed_size() > MAX_CHUNK_BYTES {
            let (name, bytes) = (column.column_path().string(), column.uncompressed_size());
            let problem = format!(
                "column {name} unpacks to {bytes} bytes in one row group, and {MAX_CHUNK_BYTES} are allowed; write smaller row groups"
            );
            return Err(TableError::file(problem));
        }
    }
    Ok(())
}

fn unreadable(problem: ParquetError) -> TableError {
    TableError::file(format!("the Parquet file cannot be read: {problem}"))
}

/// What is known of a column.
#[derive(Clone, Copy)]
struct ColumnShape {
    meaning: ParquetMeaning,
    /// The definition level of a row that has a value.
    highest_level: i16,
}

type HeldCells = Vec<Result<TableCell, String>>;

fn read_any(reader: &mut ColumnReader, shape: ColumnShape, rows: usize) -> Result<HeldCells, ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::Int32ColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::Int64ColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::Int96ColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::FloatColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::DoubleColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::ByteArrayColumnReader(reader) => read(reader, shape, rows),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => read(reader, shape, rows),
    }
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    shape: ColumnShape,
    rows: usize,
) -> Result<HeldCells, ParquetError>
where
    T::T: ParquetValue,
{
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    let mut cells = HeldCells::with_capacity(rows);
    while cells.len() < rows {
        values.clear();
        levels.clear();
        let (records, _, _) = reader.read_records(rows - cells.len(), Some(&mut levels), None, &mut values)?;
        if records == 0 {
            break;
        }
        let mut values = values.iter();
        if shape.highest_level == 0 {
            // A column that every row has comes without levels.
            cells.extend(values.map(|value| value.cell(shape.meaning)));
        } else {
            let has_value = |level: &i16| *level == shape.highest_level;
            cells.extend(levels.iter().map(|level| match has_value(level).then(|| values.next()).flatten() {
                Some(value) => value.cell(shape.meaning),
                None => Ok(TableCell::Missing),
            }));
        }
    }
    Ok(cells)
}
