//! Predictions as a Parquet file of one row group.

use std::sync::Arc;

use monitoring::ApiError;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::answer_table::{AnswerTable, ColumnValues};

/// Writes a table. A number that is missing is `null`.
///
/// # Errors
/// `internal`, which does not happen: a table in memory can be written.
pub(super) fn write(table: &AnswerTable) -> Result<Vec<u8>, ApiError> {
    file(table).map_err(ApiError::internal)
}

fn file(table: &AnswerTable) -> Result<Vec<u8>, ParquetError> {
    let fields = table.columns.iter().map(|(name, values)| field(name, values)).collect::<Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("predictions").with_fields(fields).build()?);
    // Nobody looks for rows in an answer, so it has no statistics.
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for (_, values) in &table.columns {
        let column = group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?;
        write_column(column, values)?;
    }
    group.close()?;
    writer.into_inner()
}

fn field(name: &str, values: &ColumnValues) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match values {
        ColumnValues::Texts(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnValues::Numbers(_) => (PhysicalType::DOUBLE, None),
        ColumnValues::Wholes(_) => (PhysicalType::INT64, None),
        ColumnValues::Flags(_) => (PhysicalType::BOOLEAN, None),
    };
    let repetition =
        if matches!(values, ColumnValues::Numbers(_)) { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let field = Type::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(repetition);
    field.build().map(Arc::new)
}

fn write_column(mut writer: SerializedColumnWriter<'_>, values: &ColumnValues) -> Result<(), ParquetError> {
    match values {
        ColumnValues::Texts(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| text.as_str().into()).collect();
            write_all::<ByteArrayType>(&mut writer, &texts, None)?;
        }
        ColumnValues::Numbers(numbers) => {
            let levels: Vec<i16> = numbers.iter().map(|number| i16::from(!number.is_nan())).collect();
            let numbers: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
            write_all::<DoubleType>(&mut writer, &numbers, Some(&levels))?;
        }
        ColumnValues::Wholes(wholes) => write_all::<Int64Type>(&mut writer, wholes, None)?,
        ColumnValues::Flags(flags) => write_all::<BoolType>(&mut writer, flags, None)?,
    }
    writer.close()
}

fn write_all<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    writer.typed::<T>().write_batch(values, levels, None).map(|_| ())
}
