//! Points in time as RFC 3339 writes them.
//!
//! The library that reads them also takes offsets up to 25 hours, which RFC 3339 does not have: whoever writes `+25:00` has
//! made a mistake, and would get another day.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer, Error, Visitor};

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// The offset from UTC has more than 23 hours.
    #[error("the offset from UTC has more than 23 hours")]
    Offset,
    /// The text is not a time.
    #[error("{0}")]
    Text(String),
}

/// Reads a time with its offset from UTC, such as `2026-03-01T12:30:00Z` or `2026-03-01T13:30:00+01:00`.
///
/// # Errors
/// [`InvalidTime`].
pub fn parse_time(text: &str) -> Result<Timestamp, InvalidTime> {
    let time = text.parse().map_err(|error: jiff::Error| InvalidTime::Text(error.to_string()))?;
    if offset_hours(text).is_some_and(|hours| hours > 23) { Err(InvalidTime::Offset) } else { Ok(time) }
}

/// The hours of the offset from UTC; `None` where there is no such number.
fn offset_hours(text: &str) -> Option<u8> {
    // The date has signs of its own.
    let time = text.get(10..)?;
    let sign = time.rfind(['+', '-'])?;
    time.get(sign + 1..sign + 3)?.parse().ok()
}

/// Reads a member that may be left out or null.
///
/// # Errors
/// The text is not a time.
pub fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_option(OptionalTimeVisitor)
}

struct OptionalTimeVisitor;

impl<'de> Visitor<'de> for OptionalTimeVisitor {
    type Value = Option<Timestamp>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time such as 2026-03-01T12:30:00Z")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        parse_time(text).map(Some).map_err(E::custom)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn an_offset_has_at_most_23_hours() {
        for (text, expected) in [
            ("2026-03-01T12:30:00Z", "2026-03-01T12:30:00Z"),
            ("2026-03-01T12:30:00+01:00", "2026-03-01T11:30:00Z"),
            ("2026-03-01T12:30:00-23:59", "2026-03-02T12:29:00Z"),
            ("2026-03-01t12:30:00.123456-00:00", "2026-03-01T12:30:00.123456Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["2026-03-01T12:30:00+25:00", "2026-03-01T12:30:00-24:00", "2026-03-01T12:30:00+24"] {
            assert_eq!(parse_time(text), Err(InvalidTime::Offset), "{text}");
        }
        for text in
            ["", "yesterday", "2026-03-01", "2026-03-01T12:30:00", "2026-03-01T12:30:00+99:00", "2026-02-30T00:00:00Z"]
        {
            assert!(matches!(parse_time(text), Err(InvalidTime::Text(_))), "{text}");
        }
    }
}
