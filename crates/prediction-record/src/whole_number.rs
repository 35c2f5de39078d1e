//! Whole numbers as JSON has them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A whole number that may be written as `4120.0`, as pandas writes the whole numbers of a column with gaps, and as `null` in
/// such a gap, which is the same as leaving it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WholeNumber(pub Option<u32>);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeNumberVisitor)
    }
}

/// Reads a member that is a whole number, and 0 where it is left out or null.
///
/// # Errors
/// The value is no whole number from 0 to 4,294,967,295.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    optional_whole_number(deserializer).map(Option::unwrap_or_default)
}

/// Reads a member that is a whole number, and may be left out or null.
///
/// # Errors
/// The value is no whole number from 0 to 4,294,967,295.
pub fn optional_whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    WholeNumber::deserialize(deserializer).map(|number| number.0)
}

/// Reads a member that is a whole number, and has to be there.
///
/// # Errors
/// The value is no whole number from 0 to 4,294,967,295.
pub(crate) fn required_whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let missing = || D::Error::invalid_type(serde::de::Unexpected::Unit, &WholeNumberVisitor);
    optional_whole_number(deserializer)?.ok_or_else(missing)
}

struct WholeNumberVisitor;

impl Visitor<'_> for WholeNumberVisitor {
    type Value = WholeNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 4294967295")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<WholeNumber, E> {
        let unfit = |_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self);
        u32::try_from(number).map(|index| WholeNumber(Some(index))).map_err(unfit)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<WholeNumber, E> {
        let unfit = |_| E::invalid_value(serde::de::Unexpected::Signed(number), &self);
        u32::try_from(number).map(|index| WholeNumber(Some(index))).map_err(unfit)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    fn visit_f64<E: Error>(self, number: f64) -> Result<WholeNumber, E> {
        if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            Ok(WholeNumber(Some(number as u32)))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(number), &self))
        }
    }

    fn visit_unit<E>(self) -> Result<WholeNumber, E> {
        Ok(WholeNumber(None))
    }

    fn visit_none<E>(self) -> Result<WholeNumber, E> {
        Ok(WholeNumber(None))
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
            assert_eq!(serde_json::from_str::<WholeNumber>(text).unwrap(), WholeNumber(index), "{text}");
        }
        for text in ["-1", "0.5", "4294967296", "1e300", "\"1\"", "true"] {
            assert!(serde_json::from_str::<WholeNumber>(text).is_err(), "{text}");
        }
        let record: crate::PredictionRecord = serde_json::from_str(r#"{"model":"m","row_index":7.0}"#).unwrap();
        assert_eq!(record.row_index, 7);
        let gaps =
            r#"{"model":"m","class":2.0,"schema_version":4.0,"top":[{"label":"a","class":1.0,"confidence":0.5}]}"#;
        let record: crate::PredictionRecord = serde_json::from_str(gaps).unwrap();
        assert_eq!((record.class, record.schema_version, record.top[0].class), (Some(2), Some(4), Some(1)));
    }
}
