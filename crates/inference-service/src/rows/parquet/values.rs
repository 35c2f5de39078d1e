//! Values of a column, as the library reads them out of unpacked pages.

use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;

use super::FileFault;
use super::footer::ColumnLeaf;
use super::meaning::{ParquetCell, ParquetValue};
use super::pages::UnpackedPages;

/// The cells of a column that has so many rows.
///
/// # Errors
/// For values that cannot be read, and for fewer of them.
pub(super) fn cells(leaf: &ColumnLeaf, pages: UnpackedPages, rows: usize) -> Result<Vec<ParquetCell>, FileFault> {
    let reader = get_column_reader(leaf.descriptor.clone(), Box::new(pages));
    let read = match reader {
        ColumnReader::BoolColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::Int32ColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::Int64ColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::Int96ColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::FloatColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::DoubleColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::ByteArrayColumnReader(reader) => read(reader, leaf, rows),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => read(reader, leaf, rows),
    };
    let cells = read.map_err(|problem| FileFault::unreadable(problem.to_string()))?;
    if cells.len() != rows {
        return Err(FileFault::unreadable(format!("it has values for {} rows of {rows}", cells.len())));
    }
    Ok(cells)
}

fn read<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    leaf: &ColumnLeaf,
    rows: usize,
) -> Result<Vec<ParquetCell>, ParquetError>
where
    T::T: ParquetValue,
{
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    reader.read_records(rows, Some(&mut levels), None, &mut values)?;
    let mut values = values.iter().map(|value| value.cell(leaf.meaning));
    // A column that every row has comes without levels.
    let highest = leaf.descriptor.max_def_level();
    if highest == 0 {
        return Ok(values.collect());
    }
    let cell = |level: i16| (level == highest).then(|| values.next()).flatten().unwrap_or(ParquetCell::Missing);
    Ok(levels.into_iter().map(cell).collect())
}
