//! Parts of a list, and the place in it where the next page begins.
//!
//! Rule of thumb: an index is read from one bound to the other, and passes over all that further conditions exclude. So the
//! rows of one time, which may be many, are a part of their own, with bounds on their numbers.

use super::error::{DatabaseError, StoreError};
use super::session::{RowPlaces, SqlSession};
use super::time::TimeRange;
use super::where_clause::WhereClause;

/// A part of a list, which is in order of time and number, the newest first. All times are in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListRange {
    /// The rows of some time.
    Times {
        /// The earliest, inclusive.
        since: Option<i64>,
        /// The latest, exclusive.
        until: Option<i64>,
    },
    /// The rows of one time.
    EqualTimes {
        /// That time.
        time: i64,
        /// Their numbers are less than this.
        below: Option<i64>,
        /// Their numbers are not less than this.
        from: Option<i64>,
    },
}

impl ListRange {
    /// Adds the conditions of this part.
    pub(super) fn add_to(self, conditions: &mut WhereClause) {
        match self {
            Self::Times { since, until } => {
                conditions.and("occurred_at >= ?", since);
                conditions.and("occurred_at < ?", until);
            }
            Self::EqualTimes { time, below, from } => {
                conditions.and("occurred_at = ?", Some(time));
                conditions.and("id < ?", below);
                conditions.and("id >= ?", from);
            }
        }
    }

    /// The range of time that has all of its rows.
    pub(super) fn bounds(self) -> TimeRange {
        match self {
            Self::Times { since, until } => {
                TimeRange { since: since.unwrap_or(i64::MIN), until: until.unwrap_or(i64::MAX) }
            }
            Self::EqualTimes { time, .. } => TimeRange { since: time, until: time.saturating_add(1) },
        }
    }

    /// Adds the condition on the place where its rows lie.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn add_place(
        self,
        conditions: &mut WhereClause,
        session: &mut dyn SqlSession,
    ) -> Result<(), DatabaseError> {
        let bounds = self.bounds();
        if bounds != TimeRange::ALL
            && let Some(place) = session.places()?.condition(bounds)
        {
            conditions.and_plain(place);
        }
        Ok(())
    }

    /// Parts of it that lie in few places each, in the order of the list.
    pub(super) fn apart(self, places: &dyn RowPlaces) -> Vec<Self> {
        let Self::Times { .. } = self else { return vec![self] };
        let part = |TimeRange { since, until }| Self::Times {
            since: (since != i64::MIN).then_some(since),
            until: (until != i64::MAX).then_some(until),
        };
        places.parts(self.bounds()).into_iter().map(part).collect()
    }

    /// The parts of times from the row behind `before` to the row `from`, in the order of the list.
    pub(super) fn between(self, before: Option<PageCursor>, from: Option<PageCursor>) -> Vec<Self> {
        let Self::Times { since, until } = self else { return vec![self] };
        let is_inside = |key: &PageCursor| until.is_none_or(|until| key.occurred_at < until);
        let before = before.filter(is_inside);
        let mut parts = Vec::new();
        if let Some(PageCursor { occurred_at: time, id }) = before
            && since.is_none_or(|since| time >= since)
        {
            let last = from.filter(|from| from.occurred_at == time);
            parts.push(Self::EqualTimes { time, below: Some(id), from: last.map(|from| from.id) });
            if last.is_some() {
                return parts;
            }
        }
        let until = before.map(|before| before.occurred_at).or(until);
        let since = from.map_or(since, |from| Some(from.occurred_at.saturating_add(1)));
        parts.push(Self::Times { since, until });
        if let Some(PageCursor { occurred_at: time, id }) = from {
            parts.push(Self::EqualTimes { time, below: None, from: Some(id) });
        }
        parts
    }
}

/// The last row of a page. Written as 32 hexadecimal digits, which callers hand back as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageCursor {
    pub(super) occurred_at: i64,
    pub(super) id: i64,
}

impl PageCursor {
    /// The opaque form.
    pub(super) fn encode(self) -> String {
        format!("{:016x}{:016x}", self.occurred_at, self.id)
    }

    /// Reads what [`PageCursor::encode`] wrote.
    ///
    /// # Errors
    /// [`StoreError::InvalidQuery`] for anything else.
    pub(super) fn decode(text: &str) -> Result<Self, StoreError> {
        let invalid = || StoreError::InvalidQuery("cursor is not one that a previous page returned".to_owned());
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(invalid());
        }
        let number = |digits: &str| u64::from_str_radix(digits, 16).map(u64::cast_signed).map_err(|_| invalid());
        Ok(Self { occurred_at: number(&text[..16])?, id: number(&text[16..])? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn holds(part: ListRange, time: i64, id: i64) -> bool {
        match part {
            ListRange::Times { since, until } => {
                since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until)
            }
            ListRange::EqualTimes { time: of, below, from } => {
                time == of && below.is_none_or(|below| id < below) && from.is_none_or(|from| id >= from)
            }
        }
    }

    proptest! {
        #[test]
        fn parts_are_the_rows_between_two_keys_once(
            bounds in any::<[Option<u8>; 2]>(), before in any::<Option<[u8; 2]>>(), from in any::<Option<[u8; 2]>>(),
        ) {
            let [since, until] = bounds.map(|bound| bound.map(|bound| i64::from(bound % 8)));
            let key = |key: [u8; 2]| PageCursor { occurred_at: i64::from(key[0] % 8), id: i64::from(key[1] % 8) };
            let range = ListRange::Times { since, until };
            let before = before.map(key);
            // A piece ends with a row of the list behind its beginning.
            let is_behind = |key: &PageCursor| {
                holds(range, key.occurred_at, key.id) && before.is_none_or(|before| (key.occurred_at, key.id) < (before.occurred_at, before.id))
            };
            let from = from.map(key).filter(is_behind);
            let parts = range.between(before, from);
            for time in 0..9 {
                for id in 0..9 {
                    let is_in = holds(range, time, id)
                        && before.is_none_or(|before| (time, id) < (before.occurred_at, before.id))
                        && from.is_none_or(|from| (time, id) >= (from.occurred_at, from.id));
                    let times = parts.iter().filter(|part| holds(**part, time, id)).count();
                    prop_assert_eq!(times, usize::from(is_in), "{} {} {:?}", time, id, &parts);
                }
            }
        }

        #[test]
        fn cursors_come_back(occurred_at in any::<i64>(), id in any::<i64>()) {
            let cursor = PageCursor { occurred_at, id };
            prop_assert_eq!(PageCursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn no_text_breaks_the_cursor(text in "\\PC{0,40}|[0-9a-fA-F+ ]{30,34}|[0-9a-f]{32}") {
            if let Ok(cursor) = PageCursor::decode(&text) {
                prop_assert_eq!(cursor.encode(), text);
            }
        }
    }
}
