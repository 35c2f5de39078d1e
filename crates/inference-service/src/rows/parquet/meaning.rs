//! The values of a column as cells.

use half::f16;
use parquet::basic::Type as PhysicalType;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};

use super::thrift::ThriftStruct;
use crate::rows::columnar::CellColumn;
use crate::rows::reader::RowCell;

/// What is called so that is no text.
const NO_TEXT: &str = "bytes that are no text in UTF-8";

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ColumnMeaning {
    /// What the physical type says: signed whole numbers, numbers, flags, texts.
    Plain,
    /// Whole numbers without a sign.
    Unsigned,
    /// Whole numbers that are to be divided by this power of ten.
    Decimal(i32),
    /// Numbers of 16 bits.
    Half,
}

impl ColumnMeaning {
    /// What the index says of a column.
    ///
    /// # Errors
    /// What a refusal calls the values of a column that is no feature of any model.
    pub(super) fn of(physical: PhysicalType, element: &ThriftStruct<'_>) -> Result<Self, &'static str> {
        let scale =
            |scale: Option<i64>| i32::try_from(scale.unwrap_or(0)).map_or(Err(OTHER), |scale| Ok(Self::Decimal(scale)));
        let logical = element.structure(10);
        let meaning = match logical.and_then(ThriftStruct::first) {
            // A text, a name of an enumeration, nothing at all, JSON.
            Some(1 | 4 | 11 | 12) => Ok(Self::Plain),
            Some(5) => scale(logical.and_then(|logical| logical.structure(5)).and_then(|decimal| decimal.whole(1))),
            Some(6) => Err("a date"),
            Some(7) => Err("a time of day"),
            Some(8) => Err("a time"),
            Some(10) => {
                let integer = logical.and_then(|logical| logical.structure(10));
                let is_signed = integer.and_then(|integer| integer.flag(2)).unwrap_or(true);
                Ok(if is_signed { Self::Plain } else { Self::Unsigned })
            }
            Some(14) => Err("a UUID"),
            Some(15) => Ok(Self::Half),
            Some(_) => Err(OTHER),
            // What files of old writers say.
            None => match element.whole(6) {
                Some(5) => scale(element.whole(7)),
                Some(6) => Err("a date"),
                Some(7 | 8) => Err("a time of day"),
                Some(9 | 10) => Err("a time"),
                Some(11..=14) => Ok(Self::Unsigned),
                Some(20 | 21) => Err(OTHER),
                _ => Ok(Self::Plain),
            },
        }?;
        match (physical, meaning) {
            (PhysicalType::FIXED_LEN_BYTE_ARRAY, Self::Plain | Self::Unsigned) => Err("bytes of a fixed length"),
            _ => Ok(meaning),
        }
    }
}

const OTHER: &str = "of a type that no feature has";

/// A cell of a column.
#[derive(Clone, Debug)]
pub(super) enum ParquetCell {
    Missing,
    Flag(bool),
    Number(f64),
    /// It shares the bytes of its page, so that a text that stands there once is held once.
    Text(ByteArray),
    Other(&'static str),
}

/// The cells of a column in one row group.
pub(super) enum ParquetCells {
    Read(Vec<ParquetCell>),
    /// Every row has what no cell can have.
    Other(&'static str),
}

impl CellColumn for ParquetCells {
    fn cell(&self, row: usize) -> RowCell<'_> {
        match self {
            Self::Other(what) => RowCell::Other(what),
            Self::Read(cells) => match cells.get(row) {
                None | Some(ParquetCell::Missing) => RowCell::Missing,
                Some(ParquetCell::Flag(flag)) => RowCell::Flag(*flag),
                Some(ParquetCell::Number(number)) => RowCell::Number(*number),
                Some(ParquetCell::Other(what)) => RowCell::Other(what),
                Some(ParquetCell::Text(text)) => match std::str::from_utf8(text.data()) {
                    Ok(text) => RowCell::Text(text.into()),
                    Err(_) => RowCell::Other(NO_TEXT),
                },
            },
        }
    }
}

/// A value of a Parquet file.
pub(super) trait ParquetValue {
    /// Its cell, in a column of this meaning.
    fn cell(&self, meaning: ColumnMeaning) -> ParquetCell;
}

impl ParquetValue for bool {
    fn cell(&self, _: ColumnMeaning) -> ParquetCell {
        ParquetCell::Flag(*self)
    }
}

impl ParquetValue for i32 {
    fn cell(&self, meaning: ColumnMeaning) -> ParquetCell {
        match meaning {
            ColumnMeaning::Unsigned => ParquetCell::Number(self.cast_unsigned().into()),
            _ => i64::from(*self).cell(meaning),
        }
    }
}

impl ParquetValue for i64 {
    fn cell(&self, meaning: ColumnMeaning) -> ParquetCell {
        match meaning {
            ColumnMeaning::Unsigned => ParquetCell::Number(self.cast_unsigned() as f64),
            ColumnMeaning::Decimal(scale) => decimal(i128::from(*self), scale),
            _ => ParquetCell::Number(*self as f64),
        }
    }
}

impl ParquetValue for Int96 {
    fn cell(&self, _: ColumnMeaning) -> ParquetCell {
        ParquetCell::Other("a time")
    }
}

impl ParquetValue for f32 {
    fn cell(&self, _: ColumnMeaning) -> ParquetCell {
        ParquetCell::Number((*self).into())
    }
}

impl ParquetValue for f64 {
    fn cell(&self, _: ColumnMeaning) -> ParquetCell {
        ParquetCell::Number(*self)
    }
}

impl ParquetValue for ByteArray {
    fn cell(&self, meaning: ColumnMeaning) -> ParquetCell {
        match meaning {
            ColumnMeaning::Decimal(scale) => wide_decimal(self.data(), scale),
            _ => ParquetCell::Text(self.clone()),
        }
    }
}

impl ParquetValue for FixedLenByteArray {
    fn cell(&self, meaning: ColumnMeaning) -> ParquetCell {
        match (meaning, self.data()) {
            (ColumnMeaning::Decimal(scale), bytes) => wide_decimal(bytes, scale),
            (ColumnMeaning::Half, [low, high]) => ParquetCell::Number(f16::from_le_bytes([*low, *high]).to_f64()),
            _ => ParquetCell::Other("bytes of a fixed length"),
        }
    }
}

/// A whole number in two's complement, the highest byte first, of so many decimals.
fn wide_decimal(bytes: &[u8], scale: i32) -> ParquetCell {
    let fill = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let (extra, bytes) = bytes.split_at(bytes.len().saturating_sub(16));
    if extra.iter().any(|byte| *byte != fill) {
        return ParquetCell::Other("a decimal of more than 38 digits");
    }
    let mut wide = [fill; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    decimal(i128::from_be_bytes(wide), scale)
}

/// The number that is nearest to `unscaled` / 10^`scale`.
fn decimal(unscaled: i128, scale: i32) -> ParquetCell {
    ParquetCell::Number(format!("{unscaled}e{}", -i64::from(scale)).parse().unwrap_or(f64::NAN))
}
