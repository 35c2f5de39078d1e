//! Which predictions are asked for, and the index by which a list of them is read.
//!
//! Rule of thumb: a filter is a list of conditions, each with its value bound; no input becomes SQL.

use jiff::Timestamp;
use prediction_record::{Status, Tags};

use super::error::DatabaseError;
use super::list_range::ListRange;
use super::session::{RequestCondition, SqlSession};
use super::time::ceil_microseconds;
use super::where_clause::WhereClause;
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
    /// Whether a true label is counted for it.
    pub labelled: Option<bool>,
}

impl PredictionFilter {
    /// A filter by time alone.
    pub(super) fn window(since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { since, until, ..Self::default() }
    }

    /// The conditions of this filter in a range; `session` says how it finds a request, and where rows lie.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn conditions(
        &self,
        range: ListRange,
        session: &mut dyn SqlSession,
    ) -> Result<WhereClause, DatabaseError> {
        let mut conditions = WhereClause::default();
        range.add_place(&mut conditions, session)?;
        conditions.and("model = ?", self.model.clone());
        conditions.and("version = ?", self.version.clone());
        conditions.any_of("label", self.label.as_deref().map(spellings).unwrap_or_default());
        // Written out, because the indexes of failures and defects cover only these rows.
        match self.status {
            Some(Status::Error) => conditions.and_plain(FAILED),
            Some(Status::Success) => conditions.and_plain("status = 'success'"),
            None => {}
        }
        match self.defect {
            Some(true) => conditions.and_plain(DEFECT),
            Some(false) => conditions.and_plain("defect = 0"),
            None => {}
        }
        range.add_to(&mut conditions);
        conditions.and("confidence >= ?", self.min_confidence);
        conditions.and("confidence <= ?", self.max_confidence);
        if let Some(request_id) = &self.request_id {
            let RequestCondition { sql, values } = session.of_request(request_id);
            conditions.and_plain(sql);
            conditions.values.extend(values);
        }
        for (key, value) in &self.tags {
            conditions.and_plain(session.of_tag());
            conditions.values.extend([key.as_str().into(), value.as_str().into()]);
        }
        match self.labelled {
            Some(true) => conditions.and_plain(format!("EXISTS {COUNTED}")),
            Some(false) => conditions.and_plain(format!("NOT EXISTS {COUNTED}")),
            None => {}
        }
        Ok(conditions)
    }

    /// The times of this filter.
    pub(super) fn times(&self) -> ListRange {
        // Stored times are whole microseconds, so a bound between two of them moves up to the next.
        let time = |time: Option<Timestamp>| time.map(ceil_microseconds);
        ListRange::Times { since: time(self.since), until: time(self.until) }
    }

    /// The index by which a list of this filter is read.
    pub(super) fn index(&self) -> ListIndex {
        let label = self.label.as_deref().map(spellings).unwrap_or_default();
        let (name, of) = match self {
            // Few are, so these come first.
            Self { defect: Some(true), .. } => ("predictions_defects", IndexedColumn::Defect),
            Self { status: Some(Status::Error), .. } => ("predictions_errors", IndexedColumn::Failed),
            _ if label.len() == 1 => ("predictions_by_label_and_time", IndexedColumn::Label),
            Self { model: Some(_), .. } => ("predictions_by_model_and_time", IndexedColumn::Model),
            _ => ("predictions_by_time", IndexedColumn::Time),
        };
        let others = [
            self.model.is_some() && of != IndexedColumn::Model,
            self.version.is_some(),
            self.label.is_some() && of != IndexedColumn::Label,
            self.status.is_some() && of != IndexedColumn::Failed,
            self.defect.is_some() && of != IndexedColumn::Defect,
            self.min_confidence.is_some() || self.max_confidence.is_some() || !self.tags.is_empty(),
            self.labelled.is_some(),
        ];
        // A request has few rows, and an index of its own.
        ListIndex { name, of, is_enough: self.request_id.is_some() || !others.contains(&true) }
    }

    /// The conditions of the index alone.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn indexed_conditions(
        &self,
        index: &ListIndex,
        range: ListRange,
        session: &mut dyn SqlSession,
    ) -> Result<WhereClause, DatabaseError> {
        let mut conditions = WhereClause::default();
        range.add_place(&mut conditions, session)?;
        match index.of {
            IndexedColumn::Defect => conditions.and_plain(DEFECT),
            IndexedColumn::Failed => conditions.and_plain(FAILED),
            IndexedColumn::Label => {
                conditions.any_of("label", self.label.as_deref().map(spellings).unwrap_or_default());
            }
            IndexedColumn::Model => conditions.and("model = ?", self.model.clone()),
            IndexedColumn::Time => {}
        }
        range.add_to(&mut conditions);
        Ok(conditions)
    }
}

const FAILED: &str = "status = 'error'";
const DEFECT: &str = "defect = 1";
const COUNTED: &str = "(SELECT 1 FROM counted_labels WHERE counted_labels.event_id = predictions.event_id)";

/// An index of predictions that ends with their time.
pub(super) struct ListIndex {
    pub(super) name: &'static str,
    of: IndexedColumn,
    /// No row of it has to be looked at that is not part of the list.
    pub(super) is_enough: bool,
}

/// What an index is about, beside the time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IndexedColumn {
    Defect,
    Failed,
    Label,
    Model,
    Time,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

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
}
