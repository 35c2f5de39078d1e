//! Times as the store keeps them: whole microseconds since 1970, UTC.
//!
//! Rule of thumb: rounding has a direction; a stored time goes down, a bound between two microseconds goes up.

use jiff::{SignedDuration, Timestamp};

/// Microseconds of a bucket, the five minutes that are counted together.
pub(crate) const BUCKET: i64 = 300_000_000;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * 1_000_000;

/// How far the clock of another program may be ahead.
pub(crate) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The beginning of the span that holds `time`. Spans of a length follow each other, and one begins at 1970; all is in
/// microseconds.
pub(crate) fn begin_of_span(time: i64, length: i64) -> i64 {
    time.div_euclid(length).saturating_mul(length)
}

/// A range of time, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeRange {
    /// The beginning; part of the range.
    pub(crate) since: i64,
    /// The end; not part of the range.
    pub(crate) until: i64,
}

impl TimeRange {
    /// All of time.
    pub(crate) const ALL: Self = Self { since: i64::MIN, until: i64::MAX };

    /// How long it is.
    pub(crate) fn seconds(self) -> f64 {
        self.until.saturating_sub(self.since) as f64 / 1e6
    }

    /// Whether parts, in any order, follow each other from its beginning to its end without gaps. Empty ones do not count.
    #[cfg(test)]
    pub(crate) fn is_made_of(self, mut parts: Vec<Self>) -> bool {
        parts.retain(|part| part.since < part.until);
        parts.sort_by_key(|part| part.since);
        let end = parts.iter().try_fold(self.since, |at, part| (part.since == at).then_some(part.until));
        end == Some(self.until)
    }
}

/// The time that is nearest to so many microseconds.
///
/// The ends of time, rounded, may lie just outside of what a [`Timestamp`] can say; a row there must not make a whole
/// page unreadable.
pub(crate) fn from_microseconds(microseconds: i64) -> Timestamp {
    let nearest = if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microseconds).unwrap_or(nearest)
}

/// The latest whole microsecond that is not after `time`.
pub(crate) fn floor_microseconds(time: Timestamp) -> i64 {
    let truncated = time.as_microsecond();
    if time.as_nanosecond() < i128::from(truncated) * 1000 { truncated - 1 } else { truncated }
}

/// The earliest whole microsecond that is not before `time`.
pub(crate) fn ceil_microseconds(time: Timestamp) -> i64 {
    let truncated = time.as_microsecond();
    if time.as_nanosecond() > i128::from(truncated) * 1000 { truncated + 1 } else { truncated }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn microseconds_round_down_and_up_on_both_sides_of_1970() {
        for (nanoseconds, floor, ceil) in
            [(0, 0, 0), (1500, 1, 2), (2000, 2, 2), (-1500, -2, -1), (-2000, -2, -2), (-1, -1, 0), (1, 0, 1)]
        {
            let time = Timestamp::from_nanosecond(nanoseconds).unwrap();
            assert_eq!((floor_microseconds(time), ceil_microseconds(time)), (floor, ceil), "{nanoseconds}");
        }
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            let distance = extreme.duration_since(from_microseconds(floor_microseconds(extreme))).abs();
            assert!(distance < jiff::SignedDuration::from_micros(1), "{extreme} {distance}");
        }
    }
}
