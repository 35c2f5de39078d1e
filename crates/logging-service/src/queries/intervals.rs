//! Intervals of a range, as questions name them.

use monitoring::ApiError;

use super::parameters::refused;
use crate::store::time::{BUCKET, TimeRange, begin_of_span};

/// The most intervals of counts: a week of hours.
const MAX_INTERVALS: i64 = 168;
/// The most intervals that are judged. Each has a report, which is longer the more features and classes there are.
const MAX_JUDGED: i64 = 60;

/// A length of time such as `90s`, `15m`, `24h` or `7d`, in microseconds.
///
/// # Errors
/// `invalid_request` for any other text.
pub(super) fn parse_length(text: &str) -> Result<i64, ApiError> {
    let expected = || refused("expected a length of time such as 90s, 15m, 24h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let number: i64 = number.parse().map_err(|_| expected())?;
    number.checked_mul(seconds * 1_000_000).filter(|length| (1..=i64::MAX / 1000).contains(length)).ok_or_else(expected)
}

/// The intervals of this length in a range, in microseconds since 1970; the last one may be shorter.
///
/// # Errors
/// `invalid_request`, if there are too many.
pub(super) fn intervals(range: TimeRange, length: i64) -> Result<Vec<TimeRange>, ApiError> {
    split(range, length, MAX_INTERVALS)
}

fn split(range: TimeRange, length: i64, most: i64) -> Result<Vec<TimeRange>, ApiError> {
    if range.until.saturating_sub(range.since).saturating_add(length - 1) / length > most {
        return Err(refused(&format!("there would be more than {most} intervals")));
    }
    let mut intervals = Vec::new();
    let mut since = range.since;
    while since < range.until {
        let until = (since + length).min(range.until);
        intervals.push(TimeRange { since, until });
        since = until;
    }
    Ok(intervals)
}

/// The whole intervals that cover a range: each begins at a multiple of its length, so that it is made of the counts of five minutes.
///
/// # Errors
/// `invalid_request`, if the length is no multiple of five minutes or there are too many.
pub(super) fn whole_intervals(range: TimeRange, length: i64) -> Result<Vec<TimeRange>, ApiError> {
    if length % BUCKET != 0 {
        return Err(refused(
            "counts are kept for five minutes at a time; expected a multiple of 5m, such as 5m, 1h or 1d",
        ));
    }
    let until = begin_of_span(range.until.saturating_add(length - 1), length);
    split(TimeRange { since: begin_of_span(range.since, length), until }, length, MAX_JUDGED)
}
