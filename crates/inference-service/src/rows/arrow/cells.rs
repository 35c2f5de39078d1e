//! The values of an Arrow column as cells.

use std::fmt::Display;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::rows::columnar::CellColumn;
use crate::rows::reader::RowCell;

/// What is called so that is no text.
const NO_TEXT: &str = "bytes that are no text in UTF-8";

/// The cells of a column in one batch.
pub(super) enum ArrowCells {
    Read(ArrayRef),
    /// Every row has what no cell can have.
    Other(&'static str),
}

impl CellColumn for ArrowCells {
    fn cell(&self, row: usize) -> RowCell<'_> {
        match self {
            Self::Read(array) => cell(array, row),
            Self::Other(what) => RowCell::Other(what),
        }
    }
}

/// What a refusal calls values of a type that no feature has.
pub(super) fn other(kind: &DataType) -> Option<&'static str> {
    match kind {
        DataType::Null
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => None,
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => other(values),
        DataType::Date32 | DataType::Date64 => Some("a date"),
        DataType::Time32(_) | DataType::Time64(_) => Some("a time of day"),
        DataType::Timestamp(..) => Some("a time"),
        DataType::FixedSizeBinary(_) => Some("bytes of a fixed length"),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => Some("a list or a structure"),
        _ => Some("of a type that no feature has"),
    }
}

fn cell(array: &dyn Array, row: usize) -> RowCell<'_> {
    if matches!(array.data_type(), DataType::Null) || row >= array.len() || array.is_null(row) {
        return RowCell::Missing;
    }
    match array.data_type() {
        DataType::Boolean => RowCell::Flag(array.as_boolean().value(row)),
        DataType::Int8 => RowCell::Number(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => RowCell::Number(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => RowCell::Number(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => RowCell::Number(array.as_primitive::<Int64Type>().value(row) as f64),
        DataType::UInt8 => RowCell::Number(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => RowCell::Number(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => RowCell::Number(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => RowCell::Number(array.as_primitive::<UInt64Type>().value(row) as f64),
        DataType::Float16 => RowCell::Number(array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => RowCell::Number(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => RowCell::Number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal32(_, scale) => decimal(array.as_primitive::<Decimal32Type>().value(row), *scale),
        DataType::Decimal64(_, scale) => decimal(array.as_primitive::<Decimal64Type>().value(row), *scale),
        DataType::Decimal128(_, scale) => decimal(array.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Decimal256(_, scale) => decimal(array.as_primitive::<Decimal256Type>().value(row), *scale),
        DataType::Utf8 => RowCell::Text(array.as_string::<i32>().value(row).into()),
        DataType::LargeUtf8 => RowCell::Text(array.as_string::<i64>().value(row).into()),
        DataType::Utf8View => RowCell::Text(array.as_string_view().value(row).into()),
        DataType::Binary => text(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => text(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => text(array.as_binary_view().value(row)),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match cell(dictionary.keys(), row) {
                // Keys are whole numbers within the dictionary, or the library had refused it.
                RowCell::Number(key) => cell(dictionary.values(), key as usize),
                missing => missing,
            }
        }
        kind => RowCell::Other(other(kind).unwrap_or("of a type that no feature has")),
    }
}

fn text(bytes: &[u8]) -> RowCell<'_> {
    std::str::from_utf8(bytes).map_or(RowCell::Other(NO_TEXT), |text| RowCell::Text(text.into()))
}

/// The number that is nearest to `unscaled` / 10^`scale`.
fn decimal(unscaled: impl Display, scale: i8) -> RowCell<'static> {
    RowCell::Number(format!("{unscaled}e{}", -i16::from(scale)).parse().unwrap_or(f64::NAN))
}
