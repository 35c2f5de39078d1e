//! Which predictions are asked for, and the place in a list where the next page begins.
//!
//! Rule of thumb: a filter is a list of conditions, each with its value bound; no input becomes SQL.

use std::borrow::Cow;

use jiff::Timestamp;
use prediction_record::{Status, Tags};

use super::error::{DatabaseError, StoreError};
use super::session::{RequestCondition, SqlSession};
use super::time::{TimeRange, ceil_microseconds};
use super::value::SqlValue;
use crate::analysis::{label_name, number_of};

/// Which predictions to list; a field that is `None` excludes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictionFilter {
    /// Name of the model.
    pub model: Option<String>,
    /// Version of the model.
    pub version: Option<String>,
    /// The predicted label.
    pub label: Option<String>,
    /// How the prediction ended.
    pub status: Option<Status>,
    /// Whether it names a defect.
    pub defect: Option<bool>,
    /// The earliest `occurred_at`, inclusive.
    pub since: Option<Timestamp>,
    /// The latest `occurred_at`, exclusive.
    pub until: Option<Timestamp>,
    /// The lowest confidence, inclusive; excludes predictions without one.
    pub min_confidence: Option<f64>,
    /// The highest confidence, inclusive; excludes predictions without one.
    pub max_confidence: Option<f64>,
    /// The request that asked for the prediction.
    pub request_id: Option<String>,
    /// The values of tags, all of which it has.
    pub tags: Tags,
}

impl PredictionFilter {
    /// A filter by time alone.
    pub(super) fn window(since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { since, until, ..Self::default() }
    }

    /// The range of time that it lets through, up to where the page after `cursor` begins.
    pub(super) fn range(&self, cursor: Option<PageCursor>) -> TimeRange {
        // Stored times are whole microseconds, so a bound between two of them moves up to the next.
        let since = self.since.map_or(i64::MIN, ceil_microseconds);
        let until = self.until.map_or(i64::MAX, ceil_microseconds);
        TimeRange { since, until: cursor.map_or(until, |cursor| until.min(cursor.occurred_at.saturating_add(1))) }
    }

    /// The conditions of this filter within `range` and of the page after `cursor`; `session` says how it finds a request,
    /// and where rows lie.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn conditions(
        &self,
        range: TimeRange,
        cursor: Option<PageCursor>,
        session: &mut dyn SqlSession,
    ) -> Result<WhereClause, DatabaseError> {
        let mut conditions = WhereClause::default();
        if range != TimeRange::ALL
            && let Some(place) = session.places()?.condition(range)
        {
            conditions.clauses.push(place.into());
        }
        let time = |time: i64, open: i64| (time != open).then_some(time);
        conditions.and("model = ?", self.model.clone());
        conditions.and("version = ?", self.version.clone());
        conditions.any_of("label", self.label.as_deref().map(spellings).unwrap_or_default());
        // Written out, because the indexes of failures and defects cover only these rows.
        match self.status {
            Some(Status::Error) => conditions.clauses.push("status = 'error'".into()),
            Some(Status::Success) => conditions.clauses.push("status = 'success'".into()),
            None => {}
        }
        match self.defect {
            Some(true) => conditions.clauses.push("defect = 1".into()),
            Some(false) => conditions.clauses.push("defect = 0".into()),
            None => {}
        }
        conditions.and("occurred_at >= ?", time(range.since, i64::MIN));
        conditions.and("occurred_at < ?", time(range.until, i64::MAX));
        conditions.and("confidence >= ?", self.min_confidence);
        conditions.and("confidence <= ?", self.max_confidence);
        if let Some(request_id) = &self.request_id {
            let RequestCondition { sql, values } = session.of_request(request_id);
            conditions.clauses.push(sql);
            conditions.values.extend(values);
        }
        for (key, value) in &self.tags {
            conditions.clauses.push(session.of_tag().into());
            conditions.values.extend([key.as_str().into(), value.as_str().into()]);
        }
        if let Some(PageCursor { occurred_at, id }) = cursor {
            conditions.and("(occurred_at, id) < (?, ?)", Some(occurred_at));
            conditions.values.push(id.into());
        }
        Ok(conditions)
    }
}

/// The texts under which a label may be stored: a number in each of its usual spellings, with quotes around it or without, and
/// any other label as it is.
pub(super) fn spellings(label: &str) -> Vec<String> {
    let unquoted = label.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = unquoted.filter(|inner| number_of(inner).is_some()).unwrap_or(label);
    let mut spellings = vec![label.to_owned()];
    if number_of(inner).is_some() {
        let name = label_name(inner);
        let is_whole = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        spellings.extend([inner.to_owned(), name.clone().into_owned()]);
        spellings.extend(is_whole.then(|| format!("{name}.0")));
    }
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// The conditions of a query, and the values of their placeholders in order.
#[derive(Default)]
pub(super) struct WhereClause {
    clauses: Vec<Cow<'static, str>>,
    /// The values of the placeholders.
    pub(super) values: Vec<SqlValue>,
}

impl WhereClause {
    /// `WHERE …` with its placeholders numbered from 1, or nothing.
    pub(super) fn sql(&self) -> String {
        let mut sql = String::new();
        let mut number = 0;
        for (position, clause) in self.clauses.iter().enumerate() {
            sql.push_str(if position == 0 { "WHERE " } else { " AND " });
            for character in clause.chars() {
                sql.push(if character == '?' { '$' } else { character });
                if character == '?' {
                    number += 1;
                    sql.push_str(&number.to_string());
                }
            }
        }
        sql
    }

    /// The placeholder of one more value.
    pub(super) fn placeholder(&mut self, value: impl Into<SqlValue>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Adds the condition that a column has one of these values; none for an empty list.
    fn any_of(&mut self, column: &'static str, values: Vec<String>) {
        if values.is_empty() {
            return;
        }
        let places = vec!["?"; values.len()].join(", ");
        // A single value is written as such, because an index gives its rows in order.
        let clause = if values.len() == 1 { format!("{column} = ?") } else { format!("{column} IN ({places})") };
        self.clauses.push(clause.into());
        self.values.extend(values.into_iter().map(SqlValue::from));
    }

    fn and(&mut self, clause: &'static str, value: Option<impl Into<SqlValue>>) {
        if let Some(value) = value {
            self.clauses.push(clause.into());
            self.values.push(value.into());
        }
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

    #[test]
    fn a_number_is_one_label_however_it_is_written() {
        for text in ["1", "1.0", "\"1\"", "1e0"] {
            let found = spellings(text);
            assert!(found.contains(&"1".to_owned()) && found.contains(&"1.0".to_owned()), "{text}: {found:?}");
        }
        assert_eq!(spellings("cat"), ["cat"]);
        assert_eq!(spellings("\"cat\""), ["\"cat\""]);
        assert_eq!(spellings("007"), ["007"]);
        assert_eq!(spellings("2.5"), ["2.5"]);
        assert_eq!(spellings("2.50"), ["2.5", "2.50"]);
    }

    proptest! {
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
