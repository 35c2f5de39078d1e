//! Points in time as RFC 3339 writes them.
//!
//! The library that reads them also takes offsets up to 25 hours, which RFC 3339 does not have: whoever writes `+25:00` has
//! made a mistake, and would get another day.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer, Error, Visitor};

/// The digits of a second's fraction that are read.
const FRACTION_DIGITS: usize = 9;

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// The offset from UTC has more than 23 hours.
    #[error("the offset from UTC has more than 23 hours")]
    Offset,
    /// It is later than what can be told: with every offset that a place may have, the time has to have a date.
    #[error("the last time that can be told is 9999-12-30T22:00:00Z")]
    Beyond,
    /// The text is not a time.
    #[error("{0}")]
    Text(String),
}

/// Reads a time with its offset from UTC, such as `2026-03-01T12:30:00Z` or `2026-03-01T13:30:00+01:00`.
///
/// # Errors
/// [`InvalidTime`].
pub fn parse_time(text: &str) -> Result<Timestamp, InvalidTime> {
    let text = &*without_excess_digits(text);
    let time = text.parse().map_err(|error: jiff::Error| {
        // The same moment of another year is a time, so only the year is the matter.
        let is_beyond =
            text.strip_prefix("9999").is_some_and(|rest| format!("2000{rest}").parse::<Timestamp>().is_ok());
        if is_beyond { InvalidTime::Beyond } else { InvalidTime::Text(error.to_string()) }
    })?;
    if offset_hours(text).is_some_and(|hours| hours > 23) { Err(InvalidTime::Offset) } else { Ok(time) }
}

/// The text with a fraction of no more than nine digits: RFC 3339 has no bound, and a billionth of a second is enough.
fn without_excess_digits(text: &str) -> Cow<'_, str> {
    let Some((before, fraction)) = text.split_once('.') else { return text.into() };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if digits <= FRACTION_DIGITS {
        return text.into();
    }
    format!("{before}.{}{}", &fraction[..FRACTION_DIGITS], &fraction[digits..]).into()
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

/// Reads a member that has to be there.
///
/// # Errors
/// The text is not a time.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_str(OptionalTimeVisitor)?.ok_or_else(|| D::Error::custom("there is no time"))
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
        for (text, expected) in [
            ("2026-03-01T12:30:00.123456789012Z", "2026-03-01T12:30:00.123456789Z"),
            ("2026-03-01T12:30:00.0000000000+01:00", "2026-03-01T11:30:00Z"),
            ("9999-12-30T22:00:00Z", "9999-12-30T22:00:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T00:00:00.5+01:00"] {
            assert_eq!(parse_time(text), Err(InvalidTime::Beyond), "{text}");
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
