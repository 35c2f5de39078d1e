//! The values of a column of a Parquet file as cells.

use jiff::Timestamp;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::ColumnDescriptor;
use serde_json::Value;
use uuid::Uuid;

use super::cell::TableCell;

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ParquetMeaning {
    /// Signed whole numbers, numbers, flags, texts: what the physical type says.
    Plain,
    /// Whole numbers without a sign.
    Unsigned,
    /// Whole numbers that are to be divided by this power of ten.
    Decimal(i32),
    /// Days since 1970.
    Days,
    /// Times since 1970, of which so many make a second.
    Times(i64),
    /// Times of a day, of which so many make a second.
    TimesOfDay(i64),
    /// Numbers of 16 bits.
    Half,
    /// UUIDs.
    Uuid,
    /// Lists, maps and what this version does not know.
    Nested,
}

impl ParquetMeaning {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        if column.max_rep_level() > 0 {
            return Self::Nested;
        }
        match column.logical_type_ref() {
            Some(LogicalType::Decimal(decimal)) => Self::Decimal(decimal.scale),
            Some(LogicalType::Date) => Self::Days,
            Some(LogicalType::Time(time)) => Self::TimesOfDay(per_second(time.unit)),
            Some(LogicalType::Timestamp(time)) => Self::Times(per_second(time.unit)),
            Some(LogicalType::Integer(integer)) if !integer.is_signed => Self::Unsigned,
            Some(LogicalType::Uuid) => Self::Uuid,
            Some(LogicalType::Float16) => Self::Half,
            Some(
                LogicalType::Integer(_)
                | LogicalType::String
                | LogicalType::Enum
                | LogicalType::Json
                | LogicalType::Unknown,
            ) => Self::Plain,
            Some(_) => Self::Nested,
            None => Self::of_converted(column),
        }
    }

    /// What files of old writers say.
    fn of_converted(column: &ColumnDescriptor) -> Self {
        match column.converted_type() {
            ConvertedType::DECIMAL => Self::Decimal(column.type_scale()),
            ConvertedType::DATE => Self::Days,
            ConvertedType::TIME_MILLIS => Self::TimesOfDay(1_000),
            ConvertedType::TIME_MICROS => Self::TimesOfDay(1_000_000),
            ConvertedType::TIMESTAMP_MILLIS => Self::Times(1_000),
            ConvertedType::TIMESTAMP_MICROS => Self::Times(1_000_000),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                Self::Unsigned
            }
            ConvertedType::INTERVAL | ConvertedType::BSON => Self::Nested,
            // Bytes of a fixed length that mean nothing in particular are no text.
            _ if column.physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY => Self::Nested,
            _ => Self::Plain,
        }
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    }
}

/// A value of a Parquet file.
pub(super) trait ParquetValue {
    /// Its cell, in a column of this meaning.
    ///
    /// # Errors
    /// A description of what is wrong with it.
    fn cell(&self, meaning: ParquetMeaning) -> Result<TableCell, String>;
}

impl ParquetValue for bool {
    fn cell(&self, _: ParquetMeaning) -> Result<TableCell, String> {
        Ok(TableCell::Flag(*self))
    }
}

impl ParquetValue for i32 {
    fn cell(&self, meaning: ParquetMeaning) -> Result<TableCell, String> {
        match meaning {
            ParquetMeaning::Unsigned => Ok(TableCell::Integer(self.cast_unsigned().into())),
            _ => i64::from(*self).cell(meaning),
        }
    }
}

impl ParquetValue for i64 {
    fn cell(&self, meaning: ParquetMeaning) -> Result<TableCell, String> {
        let unsigned = |number: u64| TableCell::of_number(number as f64);
        match meaning {
            ParquetMeaning::Unsigned if *self < 0 => Ok(unsigned(self.cast_unsigned())),
            ParquetMeaning::Decimal(scale) => Ok(decimal(i128::from(*self), scale)),
            ParquetMeaning::Days => time(i128::from(*self) * 86_400 * 1_000_000_000),
            ParquetMeaning::Times(per_second) => time(i128::from(*self) * i128::from(1_000_000_000 / per_second)),
            ParquetMeaning::TimesOfDay(per_second) => Ok(TableCell::of_number(*self as f64 / per_second as f64)),
            _ => Ok(TableCell::Integer(*self)),
        }
    }
}

impl ParquetValue for Int96 {
    fn cell(&self, _: ParquetMeaning) -> Result<TableCell, String> {
        time(i128::from(self.to_nanos()))
    }
}

impl ParquetValue for f32 {
    fn cell(&self, _: ParquetMeaning) -> Result<TableCell, String> {
        Ok(TableCell::of_number((*self).into()))
    }
}

impl ParquetValue for f64 {
    fn cell(&self, _: ParquetMeaning) -> Result<TableCell, String> {
        Ok(TableCell::of_number(*self))
    }
}

impl ParquetValue for ByteArray {
    fn cell(&self, meaning: ParquetMeaning) -> Result<TableCell, String> {
        bytes(self.data(), meaning)
    }
}

impl ParquetValue for FixedLenByteArray {
    fn cell(&self, meaning: ParquetMeaning) -> Result<TableCell, String> {
        bytes(self.data(), meaning)
    }
}

fn bytes(bytes: &[u8], meaning: ParquetMeaning) -> Result<TableCell, String> {
    match meaning {
        ParquetMeaning::Decimal(scale) => big_endian(bytes).map(|number| decimal(number, scale)),
        ParquetMeaning::Half => match bytes {
            [low, high] => Ok(TableCell::of_number(half_to_number(u16::from_le_bytes([*low, *high])))),
            _ => Err("is no number of 16 bits".to_owned()),
        },
        ParquetMeaning::Uuid => {
            Uuid::from_slice(bytes).map(|id| TableCell::Text(id.to_string())).map_err(|_| "is no UUID".to_owned())
        }
        ParquetMeaning::Nested => Ok(TableCell::Nested(Value::Null)),
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|_| "holds bytes that are no text in UTF-8".to_owned())?;
            Ok(TableCell::Text(text.to_owned()))
        }
    }
}

/// A whole number in two's complement, the highest byte first.
fn big_endian(bytes: &[u8]) -> Result<i128, String> {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let fill = if is_negative { 0xff } else { 0 };
    let (extra, bytes) = bytes.split_at(bytes.len().saturating_sub(16));
    if extra.iter().any(|byte| *byte != fill) {
        return Err("holds a decimal of more than 38 digits".to_owned());
    }
    let mut wide = [fill; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    Ok(i128::from_be_bytes(wide))
}

/// The number that is nearest to `unscaled` / 10^`scale`.
fn decimal(unscaled: i128, scale: i32) -> TableCell {
    TableCell::of_number(format!("{unscaled}e{}", -i64::from(scale)).parse().unwrap_or(f64::NAN))
}

fn time(nanoseconds: i128) -> Result<TableCell, String> {
    Timestamp::from_nanosecond(nanoseconds).map(TableCell::Time).map_err(|_| "holds a time out of range".to_owned())
}

/// IEEE 754 binary16.
fn half_to_number(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let [exponent, fraction] = [i32::from((bits >> 10) & 0x1f), i32::from(bits & 0x3ff)];
    let fraction = f64::from(fraction) / 1024.0;
    sign * match exponent {
        0 => fraction * 2_f64.powi(-14),
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read() {
        assert_eq!(half_to_number(0x3c00), 1.0);
        assert_eq!(half_to_number(0xc500), -5.0);
        assert_eq!(half_to_number(0x0001), 2_f64.powi(-24));
        assert_eq!(big_endian(&[0xff, 0x85]), Ok(-123));
        assert_eq!(big_endian(&[]), Ok(0));
        assert_eq!(big_endian(&[&[0xff; 20][..], &[0x85]].concat()), Ok(-123));
        assert!(big_endian(&[1; 17]).is_err());
        assert_eq!(decimal(12_345, 2), TableCell::Number(123.45));
        assert_eq!((-1_i32).cell(ParquetMeaning::Unsigned), Ok(TableCell::Integer(u32::MAX.into())));
        assert_eq!((-1_i64).cell(ParquetMeaning::Unsigned), Ok(TableCell::Number(u64::MAX as f64)));
    }

    #[test]
    fn times_of_every_unit_are_read() {
        let expected = Ok(TableCell::Time("2026-01-02T00:00:00Z".parse().unwrap_or_default()));
        assert_eq!(20_455_i32.cell(ParquetMeaning::Days), expected);
        assert_eq!((20_455_i64 * 86_400_000).cell(ParquetMeaning::Times(1_000)), expected);
        assert_eq!((20_455_i64 * 86_400_000_000_000).cell(ParquetMeaning::Times(1_000_000_000)), expected);
        assert!(i64::MAX.cell(ParquetMeaning::Times(1_000)).is_err());
    }
}
