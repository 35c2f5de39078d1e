//! Predictions as an Arrow stream, or as an Arrow file, of one batch.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, Field, Schema};
use monitoring::ApiError;

use super::answer_table::{AnswerTable, ColumnValues};

/// Writes a table as a stream. A number that is missing is `null`.
///
/// # Errors
/// `internal`, which does not happen: a table in memory can be written.
pub(super) fn stream(table: &AnswerTable) -> Result<Vec<u8>, ApiError> {
    let written = batch(table).and_then(|batch| {
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
        writer.write(&batch)?;
        writer.into_inner()
    });
    written.map_err(ApiError::internal)
}

/// Writes a table as a file.
///
/// # Errors
/// As [`stream`].
pub(super) fn file(table: &AnswerTable) -> Result<Vec<u8>, ApiError> {
    let written = batch(table).and_then(|batch| {
        let mut writer = FileWriter::try_new(Vec::new(), &batch.schema())?;
        writer.write(&batch)?;
        writer.into_inner()
    });
    written.map_err(ApiError::internal)
}

fn batch(table: &AnswerTable) -> Result<RecordBatch, ArrowError> {
    let column = |(name, values): &(String, ColumnValues)| {
        let array = array(values);
        let may_be_null = matches!(values, ColumnValues::Numbers(_));
        (Field::new(name, array.data_type().clone(), may_be_null), array)
    };
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = table.columns.iter().map(column).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

fn array(values: &ColumnValues) -> ArrayRef {
    match values {
        ColumnValues::Texts(texts) => Arc::new(StringArray::from_iter_values(texts)),
        ColumnValues::Numbers(numbers) => {
            let present = |number: &f64| (!number.is_nan()).then_some(*number);
            Arc::new(numbers.iter().map(present).collect::<Float64Array>())
        }
        ColumnValues::Wholes(wholes) => Arc::new(Int64Array::from(wholes.clone())),
        ColumnValues::Flags(flags) => Arc::new(BooleanArray::from(flags.clone())),
    }
}
