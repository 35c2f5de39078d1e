//! Points in time, as tables write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::tables::TableCell;

/// The time in a cell. One without an offset is in UTC, as pandas writes it. Numbers are none: their unit is not said.
pub(super) fn time(cell: &TableCell) -> Option<Timestamp> {
    match cell {
        TableCell::Time(time) => Some(*time),
        TableCell::Text(text) | TableCell::Written(text) => {
            let text = text.trim();
            let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
            text.parse().ok().or_else(in_utc)
        }
        _ => None,
    }
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
        assert_eq!([read("1772368200"), read("noon")], [None, None]);
    }
}
