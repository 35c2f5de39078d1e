//! Points in time, as tables write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prediction_record::{InvalidTime, parse_time};

use crate::tables::TableCell;

/// The time in a cell. One without an offset is in UTC, as pandas writes it. Numbers are none: their unit is not said.
pub(super) fn time(cell: &TableCell) -> Option<Timestamp> {
    match cell {
        TableCell::Time(time) => Some(*time),
        TableCell::Text(text) | TableCell::Written(text) => {
            let text = text.trim();
            match parse_time(text) {
                Ok(time) => Some(time),
                // With an offset that no place has, it is no time without one either.
                Err(InvalidTime::Offset | InvalidTime::Beyond) => None,
                Err(InvalidTime::Text(_)) => TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok(),
            }
        }
        _ => None,
    }
}

/// The time that a flag names.
///
/// # Errors
/// A sentence about what is expected.
pub(super) fn flag_time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).map_err(|problem| match problem {
        InvalidTime::Text(_) => "expected a time such as 2026-03-01T12:30:00Z".to_owned(),
        problem => problem.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_pandas_and_of_rfc_3339_are_read() {
        let read = |text: &str| time(&TableCell::Written(text.to_owned())).map(|time| time.to_string());
        for (text, expected) in [
            ("2026-03-01T12:30:00Z", "2026-03-01T12:30:00Z"),
            ("2026-03-01 12:30:00+01:00", "2026-03-01T11:30:00Z"),
            ("2026-03-01 12:30:00.25", "2026-03-01T12:30:00.25Z"),
            ("2026-03-01", "2026-03-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["1772368200", "noon", "2026-03-01T12:30:00+25:00", "2026-03-01 12:30:00-24:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
