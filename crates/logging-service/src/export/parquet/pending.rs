//! The values of one column that wait until their row group is full.
//!
//! Rule of thumb: they lie one behind the other in few large blocks. Where each text has a block of its own, a crowd of exports
//! that nobody reads scatters millions of them over the heap, and what lies between them does not go back to the system.

use std::mem;

use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::writer::SerializedColumnWriter;
use axum::body::Bytes;
use jiff::Timestamp;

use crate::export::columns::{CellValue, Column, ColumnKind};

/// The values of a column; rows without a value are left out.
enum PendingValues {
    Text(PendingTexts),
    Integer(Vec<i64>),
    Double(Vec<f64>),
    Flag(Vec<bool>),
}

/// Texts, one behind the other.
#[derive(Default)]
struct PendingTexts {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

/// One column of the row group that is being collected.
pub(super) struct PendingColumn {
    name: &'static str,
    values: PendingValues,
    /// The definition levels of an optional column: 1 for a row with a value, 0 for a row without.
    levels: Option<Vec<i16>>,
}

impl PendingColumn {
    pub(super) fn new<R>(column: &Column<R>) -> Self {
        let values = match column.kind {
            ColumnKind::Text | ColumnKind::Json => PendingValues::Text(PendingTexts::default()),
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
            (PendingValues::Text(texts), Some(CellValue::Text(text))) => texts.push(&text),
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
            PendingValues::Text(texts) => write_all::<ByteArrayType>(&mut writer, &mut texts.take(), levels),
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
            PendingValues::Text(texts) => texts.bytes.capacity() + texts.ends.capacity() * size_of::<usize>(),
            PendingValues::Integer(integers) => integers.capacity() * size_of::<i64>(),
            PendingValues::Double(doubles) => doubles.capacity() * size_of::<f64>(),
            PendingValues::Flag(flags) => flags.capacity(),
        };
        values + self.levels.as_ref().map_or(0, |levels| levels.capacity() * size_of::<i16>())
    }
}

impl PendingTexts {
    /// Adds a text, and returns the bytes that it takes.
    fn push(&mut self, text: &str) -> usize {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
        text.len() + size_of::<usize>()
    }

    /// All of them; what they lie in is freed with the last.
    fn take(&mut self) -> Vec<ByteArray> {
        let bytes = Bytes::from(mem::take(&mut self.bytes));
        let mut start = 0;
        let texts = mem::take(&mut self.ends).into_iter().map(|end| {
            let text = bytes.slice(start..end);
            start = end;
            text.into()
        });
        texts.collect()
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
