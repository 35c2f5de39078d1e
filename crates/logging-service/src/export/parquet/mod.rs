//! Apache Parquet: rows are kept until a row group is full; then its bytes are handed out.
//!
//! Times are 64-bit microseconds in UTC, as the store keeps them; whole numbers are 64 bits wide.
//! Pages are compressed with Snappy: pure Rust, cheap, and known to every reader of Parquet.
//!
//! Rule of thumb: a file that was cut off is not a Parquet file, because the index comes last. Only the index grows with
//! the rows: some kilobytes for each row group.

mod footer;
mod pending;

use std::mem;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{Type, TypePtr};

use self::pending::PendingColumn;
use super::columns::{COLUMNS, CellValue, Column, ColumnKind};
use super::encoder::{EncodeError, Encoder};
use super::label_columns::LABEL_COLUMNS;
use crate::store::lake_labels::NumberedLabel;
use crate::store::{NumberedPrediction, StoredPrediction};

/// Rows of a full row group.
const GROUP_ROWS: usize = 10_000;
/// A row group of this many bytes is closed early, because some rows carry kilobytes.
const GROUP_BYTES: usize = 8 << 20;

/// The number of a row, which files of the lake have as their last column.
static SEQUENCE: Column = Column { name: "sequence", kind: ColumnKind::Integer, required: true, get: |_| Ok(None) };

/// Keeps at most one row group.
pub(super) struct ParquetEncoder<R: 'static = StoredPrediction> {
    writer: SerializedFileWriter<Vec<u8>>,
    columns: &'static [Column<R>],
    pending: Vec<PendingColumn>,
    /// The numbers of the rows, in a file of predictions in the lake.
    sequence: Option<PendingColumn>,
    rows: usize,
    bytes: usize,
}

impl ParquetEncoder {
    pub(super) fn new() -> Result<Self, EncodeError> {
        Self::with_columns(&COLUMNS, None)
    }
}

impl<R> ParquetEncoder<R> {
    fn with_columns(columns: &'static [Column<R>], sequence: Option<&Column>) -> Result<Self, EncodeError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            // Statistics of each page would make the index many times as large.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let fields = columns.iter().map(field).chain(sequence.map(field)).collect::<Result<_, _>>()?;
        let schema = Arc::new(Type::group_type_builder("prediction").with_fields(fields).build()?);
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
        let pending = columns.iter().map(PendingColumn::new).collect();
        Ok(Self { writer, columns, pending, sequence: sequence.map(PendingColumn::new), rows: 0, bytes: 0 })
    }

    fn push(&mut self, row: &R) -> Result<(), EncodeError> {
        for (column, pending) in self.columns.iter().zip(&mut self.pending) {
            self.bytes += pending.push((column.get)(row)?)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn write_full_group(&mut self) -> Result<(), ParquetError> {
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES { self.write_group() } else { Ok(()) }
    }

    /// The bytes that are ready. The writer counts its bytes itself, so taking them away does not change any offset.
    fn take_encoded(&mut self) -> Vec<u8> {
        mem::take(self.writer.inner_mut())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for pending in self.pending.iter_mut().chain(&mut self.sequence) {
            let writer = group.next_column()?;
            pending.write(writer.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?)?;
        }
        group.close()?;
        self.rows = 0;
        self.bytes = 0;
        Ok(())
    }

    fn end(mut self) -> Result<Vec<u8>, EncodeError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        let columns = self.pending.len() + usize::from(self.sequence.is_some());
        let mut rest = self.writer.into_inner()?;
        footer::name_known_orders(&mut rest, columns);
        Ok(rest)
    }
}

impl Encoder for ParquetEncoder {
    fn rows(&mut self, rows: &[StoredPrediction]) -> Result<Vec<u8>, EncodeError> {
        for row in rows {
            self.push(row)?;
            self.write_full_group()?;
        }
        Ok(self.take_encoded())
    }

    fn kept_bytes(&self) -> usize {
        // Twice, for the buffers grow ahead of what they keep, and a group is packed while its values are still there.
        2 * self.bytes + self.writer.inner().capacity()
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, EncodeError> {
        self.end()
    }
}

/// Makes one file of the lake.
pub(crate) trait LakeEncoder: Sized + Send + 'static {
    /// The rows of such a file.
    type Row: Send + 'static;

    /// An encoder at the beginning of a file.
    ///
    /// # Errors
    /// [`EncodeError`], as of the other methods.
    fn new() -> Result<Self, EncodeError>;

    /// Takes rows, and returns the bytes that are ready.
    fn rows(&mut self, rows: &[Self::Row]) -> Result<Vec<u8>, EncodeError>;

    /// The rest of the file.
    fn finish(self) -> Result<Vec<u8>, EncodeError>;
}

/// Makes a file of predictions: the columns of an export, and the number of each row as `sequence`.
pub(crate) struct PredictionFileEncoder(ParquetEncoder);

impl LakeEncoder for PredictionFileEncoder {
    type Row = NumberedPrediction;

    fn new() -> Result<Self, EncodeError> {
        ParquetEncoder::with_columns(&COLUMNS, Some(&SEQUENCE)).map(Self)
    }

    fn rows(&mut self, rows: &[NumberedPrediction]) -> Result<Vec<u8>, EncodeError> {
        for row in rows {
            self.0.push(&row.prediction)?;
            if let Some(sequence) = &mut self.0.sequence {
                sequence.push(Some(CellValue::Integer(row.id)))?;
            }
            self.0.write_full_group()?;
        }
        Ok(self.0.take_encoded())
    }

    fn finish(self) -> Result<Vec<u8>, EncodeError> {
        self.0.end()
    }
}

/// Makes a file of true labels.
pub(crate) struct LabelFileEncoder(ParquetEncoder<NumberedLabel>);

impl LakeEncoder for LabelFileEncoder {
    type Row = NumberedLabel;

    fn new() -> Result<Self, EncodeError> {
        ParquetEncoder::with_columns(&LABEL_COLUMNS, None).map(Self)
    }

    fn rows(&mut self, rows: &[NumberedLabel]) -> Result<Vec<u8>, EncodeError> {
        for row in rows {
            self.0.push(row)?;
            self.0.write_full_group()?;
        }
        Ok(self.0.take_encoded())
    }

    fn finish(self) -> Result<Vec<u8>, EncodeError> {
        self.0.end()
    }
}

fn field<R>(column: &Column<R>) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.kind {
        // JSON has a logical type of its own, but some readers know only text.
        ColumnKind::Text | ColumnKind::Json => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnKind::Integer => (PhysicalType::INT64, None),
        ColumnKind::Double => (PhysicalType::DOUBLE, None),
        ColumnKind::Flag => (PhysicalType::BOOLEAN, None),
        ColumnKind::Time => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
    };
    let repetition = if column.required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let field = Type::primitive_type_builder(column.name, physical);
    Ok(Arc::new(field.with_logical_type(logical).with_repetition(repetition).build()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::Timestamp;
    use prediction_record::PredictionRecord;

    use super::*;

    fn row(label: String) -> StoredPrediction {
        let record = PredictionRecord { model: "m".to_owned(), label: Some(label), ..PredictionRecord::default() };
        StoredPrediction { record, recorded_at: Timestamp::UNIX_EPOCH, true_label: None }
    }

    #[test]
    fn two_hundred_thousand_rows_are_never_held_at_once() {
        let mut encoder = Box::new(ParquetEncoder::new().unwrap());
        let page: Vec<_> = (0..1000).map(|i| row(format!("label {i}"))).collect();
        let (mut most_bytes, mut largest) = (0, 0);
        for _ in 0..200 {
            largest = largest.max(encoder.rows(&page).unwrap().len());
            most_bytes = most_bytes.max(encoder.pending.iter().map(PendingColumn::capacity_bytes).sum());
            assert!(encoder.rows < GROUP_ROWS && encoder.writer.inner().is_empty());
        }
        let row_bytes = 300;
        assert!((1..GROUP_ROWS * 2 * row_bytes).contains(&most_bytes), "{most_bytes} bytes kept");
        assert!((1..GROUP_ROWS * row_bytes).contains(&largest), "a chunk of {largest} bytes");
        assert_eq!(encoder.writer.flushed_row_groups().len(), 20);
        assert!(encoder.finish().unwrap().len() < 200_000, "the index is small");
    }

    #[test]
    fn heavy_rows_make_smaller_groups() {
        let mut encoder = Box::new(ParquetEncoder::new().unwrap());
        let page = vec![row("l".repeat(64 << 10))];
        for _ in 0..600 {
            encoder.rows(&page).unwrap();
            assert!(encoder.bytes < GROUP_BYTES);
        }
        assert_eq!(encoder.writer.flushed_row_groups().len(), 4);
    }
}
