//! The position of an item in its request, as JSON writes it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A position that may be written as `4120.0`, as pandas writes the whole numbers of a column with gaps, and as `null` in
/// such a gap, which is the same as leaving it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowIndex(pub Option<u32>);

impl<'de> Deserialize<'de> for RowIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowIndexVisitor)
    }
}

/// Reads the field `row_index` of a record.
///
/// # Errors
/// The value is no whole number from 0 to 4,294,967,295.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    RowIndex::deserialize(deserializer).map(|index| index.0.unwrap_or_default())
}

struct RowIndexVisitor;

impl Visitor<'_> for RowIndexVisitor {
    type Value = RowIndex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 4294967295")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RowIndex, E> {
        let unfit = |_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self);
        u32::try_from(number).map(|index| RowIndex(Some(index))).map_err(unfit)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RowIndex, E> {
        let unfit = |_| E::invalid_value(serde::de::Unexpected::Signed(number), &self);
        u32::try_from(number).map(|index| RowIndex(Some(index))).map_err(unfit)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<RowIndex, E> {
        if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            Ok(RowIndex(Some(number as u32)))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(number), &self))
        }
    }

    fn visit_unit<E>(self) -> Result<RowIndex, E> {
        Ok(RowIndex(None))
    }

    fn visit_none<E>(self) -> Result<RowIndex, E> {
        Ok(RowIndex(None))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn whole_numbers_are_taken_in_both_notations() {
        for (text, index) in [
            ("4120", Some(4120)),
            ("4120.0", Some(4120)),
            ("4.12e3", Some(4120)),
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("null", None),
        ] {
            assert_eq!(serde_json::from_str::<RowIndex>(text).unwrap(), RowIndex(index), "{text}");
        }
        for text in ["-1", "0.5", "4294967296", "1e300", "\"1\"", "true"] {
            assert!(serde_json::from_str::<RowIndex>(text).is_err(), "{text}");
        }
        let record: crate::PredictionRecord = serde_json::from_str(r#"{"model":"m","row_index":7.0}"#).unwrap();
        assert_eq!(record.row_index, 7);
    }
}
