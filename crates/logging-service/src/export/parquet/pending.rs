//! The values of one column that wait until their row group is full.

use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::writer::SerializedColumnWriter;
use jiff::Timestamp;

use crate::export::columns::{CellValue, Column, ColumnKind};

/// The values of a column; rows without a value are left out.
enum PendingValues {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Double(Vec<f64>),
    Flag(Vec<bool>),
}

/// One column of the row group that is being collected.
pub(super) struct PendingColumn {
    name: &'static str,
    values: PendingValues,
    /// The definition levels of an optional column: 1 for a row with a value, 0 for a row without.
    levels: Option<Vec<i16>>,
}

impl PendingColumn {
    pub(super) fn new(column: &Column) -> Self {
        let values = match column.kind {
            ColumnKind::Text | ColumnKind::Json => PendingValues::Text(Vec::new()),
            ColumnKind::Integer | ColumnKind::Time => PendingValues::Integer(Vec::new()),
            ColumnKind::Double => PendingValues::Double(Vec::new()),
            ColumnKind::Flag => PendingValues::Flag(Vec::new()),
        };
        Self { name: column.name, values, levels: (!column.required).then(Vec::new) }
    }

    /// Adds a row's value, and returns the bytes that it takes.
    pub(super) fn push(&mut self, value: Option<CellValue<'_>>) -> Result<usize, ParquetError> {
        let bytes = match (&mut self.values, value) {
            (_, None) if self.levels.is_some() => {
                self.levels.iter_mut().for_each(|levels| levels.push(0));
                return Ok(0);
            }
            (PendingValues::Text(texts), Some(CellValue::Text(text))) => {
                texts.push(text.into_owned().into_bytes().into());
                texts.last().map_or(0, ByteArray::len) + size_of::<ByteArray>()
            }
            (PendingValues::Integer(integers), Some(CellValue::Integer(integer))) => add(integers, integer),
            (PendingValues::Integer(integers), Some(CellValue::Time(time))) => add(integers, microseconds(time)),
            (PendingValues::Double(doubles), Some(CellValue::Double(double))) => add(doubles, double),
            (PendingValues::Flag(flags), Some(CellValue::Flag(flag))) => add(flags, flag),
            (_, value) => {
                let problem = format!("column {} does not hold {value:?}", self.name);
                return Err(ParquetError::General(problem));
            }
        };
        self.levels.iter_mut().for_each(|levels| levels.push(1));
        Ok(bytes)
    }

    /// Writes the values as a chunk of a row group, and forgets them.
    pub(super) fn write(&mut self, mut writer: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.levels.as_deref();
        match &mut self.values {
            PendingValues::Text(texts) => write_all::<ByteArrayType>(&mut writer, texts, levels),
            PendingValues::Integer(integers) => write_all::<Int64Type>(&mut writer, integers, levels),
            PendingValues::Double(doubles) => write_all::<DoubleType>(&mut writer, doubles, levels),
            PendingValues::Flag(flags) => write_all::<BoolType>(&mut writer, flags, levels),
        }?;
        self.levels.iter_mut().for_each(Vec::clear);
        writer.close()
    }

    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        let values = match &self.values {
            PendingValues::Text(texts) => {
                texts.capacity() * size_of::<ByteArray>() + texts.iter().map(ByteArray::len).sum::<usize>()
            }
            PendingValues::Integer(integers) => integers.capacity() * size_of::<i64>(),
            PendingValues::Double(doubles) => doubles.capacity() * size_of::<f64>(),
            PendingValues::Flag(flags) => flags.capacity(),
        };
        values + self.levels.as_ref().map_or(0, |levels| levels.capacity() * size_of::<i16>())
    }
}

fn add<T>(values: &mut Vec<T>, value: T) -> usize {
    values.push(value);
    size_of::<T>()
}

fn write_all<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    writer.typed::<T>().write_batch(values, levels, None)?;
    values.clear();
    Ok(())
}

/// Whole microseconds since 1970, rounded down as the store does; every `Timestamp` fits into 64 bits.
fn microseconds(time: Timestamp) -> i64 {
    time.as_nanosecond().div_euclid(1000) as i64
}
