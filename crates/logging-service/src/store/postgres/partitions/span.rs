//! Which event ids a partition holds: those that begin with the milliseconds of a range of time.
//!
//! Rule of thumb: a UUIDv7 begins with 48 bits of milliseconds, so a range of time is a range of ids, and what other ids
//! begin with is taken for milliseconds as well.

use jiff::Timestamp;
use uuid::Uuid;

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;
/// Milliseconds of a week.
pub(super) const WEEK: i64 = 7 * DAY;
/// The end of all ids: one more than 48 bits can say.
pub(super) const END: i64 = 1 << 48;
/// The earliest time for which a partition is made: 2015.
const EARLIEST: i64 = 1_420_070_400_000;
/// 1970 began on a Thursday, so weeks begin on a Monday.
const MONDAY: i64 = 4 * DAY;
/// Predictions that are kept for no longer have a partition for each day, because a week of them would be much more.
const SHORT_RETENTION: i64 = 31 * DAY;

/// A range of the times with which ids begin, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IdSpan {
    /// The beginning; part of the range.
    pub(super) from: i64,
    /// The end; not part of the range.
    pub(super) until: i64,
}

impl IdSpan {
    /// The day or the week of a time, from Monday to Sunday, UTC. `width` is how long it is.
    pub(super) fn of(time: i64, width: i64) -> Self {
        let from = (time - MONDAY).div_euclid(width) * width + MONDAY;
        Self { from, until: from + width }
    }

    /// Whether it has the ids of a time.
    pub(super) fn has(self, time: i64) -> bool {
        (self.from..self.until).contains(&time)
    }

    /// `predictions_from_YYYYMMDD`.
    pub(super) fn name(self) -> String {
        let begins = Timestamp::from_millisecond(self.from).unwrap_or(Timestamp::MAX);
        format!("predictions_from_{}", begins.strftime("%Y%m%d"))
    }

    /// The condition that an id is in it.
    pub(super) fn condition(self) -> String {
        match (self.from > 0, self.until < END) {
            (true, true) => {
                let (from, until) = (least_id(self.from), least_id(self.until));
                format!("(event_id >= '{from}' AND event_id < '{until}')")
            }
            (true, false) => format!("event_id >= '{}'", least_id(self.from)),
            (false, true) => format!("event_id < '{}'", least_id(self.until)),
            (false, false) => "1 = 1".to_owned(),
        }
    }
}

/// How long a partition is where predictions are kept for so many milliseconds: a day, or a week.
pub(super) fn width(retention: i64) -> i64 {
    if retention > SHORT_RETENTION { WEEK } else { DAY }
}

/// The least id that begins with this millisecond.
pub(super) fn least_id(time: i64) -> Uuid {
    Uuid::from_u128(u128::from(time.unsigned_abs()) << 80)
}

/// The milliseconds with which an id begins.
pub(super) fn time_of(id: Uuid) -> i64 {
    (id.as_u128() >> 80) as i64
}

/// Whether an id begins with a time that is no later than `latest`, and for which a partition is worth while.
pub(super) fn is_timed(id: Uuid, latest: i64) -> bool {
    id.get_version_num() == 7 && (EARLIEST..=latest).contains(&time_of(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn time(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn weeks_begin_on_monday_and_hold_the_ids_that_were_made_in_them() {
        let week = IdSpan::of(time("2024-03-03T23:59:59.999Z"), WEEK);
        assert_eq!(week.name(), "predictions_from_20240226");
        assert_eq!(week, IdSpan::of(time("2024-02-26T00:00:00Z"), WEEK));
        assert_eq!(IdSpan::of(time("2024-02-29T23:59:59.999Z"), DAY).name(), "predictions_from_20240229");
        let id = Uuid::now_v7();
        let now = IdSpan::of(Timestamp::now().as_millisecond(), WEEK);
        assert!(now.has(time_of(id)) && least_id(now.from) < id && id < least_id(now.until), "{id}");
    }

    #[test]
    fn only_ids_that_begin_with_a_likely_time_are_timed() {
        let now = Timestamp::now().as_millisecond();
        assert!(is_timed(Uuid::now_v7(), now + DAY));
        assert!(!is_timed(Uuid::now_v7(), now - DAY), "later than the latest");
        assert!(!is_timed(Uuid::nil(), now));
        assert!(!is_timed(Uuid::from_u128(0x0197_0000_0000_4000_8000_0000_0000_0000), now + DAY), "version 4");
    }
}
