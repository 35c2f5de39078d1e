//! The rows of a day that go into the lake, or that are not there yet, a page at a time.

use super::error::{DatabaseError, StoreError};
use super::filter::PredictionFilter;
use super::list_range::PageCursor;
use super::row::{self, NumberedPrediction};
use super::session::{SqlSession, rows};
use super::time::{DAY, TimeRange, ceil_microseconds, floor_microseconds};
use super::value::SqlValue;

/// A place in a list of predictions, newest first: what comes next lies before this time and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowPlace {
    /// `occurred_at` in microseconds since 1970.
    pub(crate) occurred_at: i64,
    /// Number of the row.
    pub(crate) id: i64,
}

impl RowPlace {
    /// Before the newest row of a filter.
    pub(crate) fn first(filter: &PredictionFilter) -> Self {
        let newest = Self { occurred_at: i64::MAX, id: i64::MAX };
        filter.until.map_or(newest, |until| Self::before(ceil_microseconds(until)))
    }

    /// All that comes next occurred before this time, in microseconds since 1970.
    pub(crate) fn bound(self) -> i64 {
        self.occurred_at.saturating_add(i64::from(self.id > i64::MIN))
    }

    /// The cursor of a page that begins here.
    pub(crate) fn cursor(self) -> String {
        PageCursor { occurred_at: self.occurred_at, id: self.id }.encode()
    }

    /// The place of a cursor that a page has given.
    ///
    /// # Errors
    /// [`StoreError::InvalidQuery`] for anything else.
    pub(crate) fn of_cursor(cursor: &str) -> Result<Self, StoreError> {
        PageCursor::decode(cursor).map(|PageCursor { occurred_at, id }| Self { occurred_at, id })
    }

    /// Before every row that occurred at `time` or later.
    pub(crate) fn before(time: i64) -> Self {
        Self { occurred_at: time, id: i64::MIN }
    }
}

impl NumberedPrediction {
    /// The place from which a list goes on after it.
    pub(crate) fn place(&self) -> RowPlace {
        let occurred_at = self.prediction.record.occurred_at.map_or(0, floor_microseconds);
        RowPlace { occurred_at, id: self.id }
    }
}

/// Some rows of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DayRows {
    /// Of one model, or of all.
    pub(crate) model: Option<String>,
    /// The first microsecond of the day.
    pub(crate) begin: i64,
    /// Rows with a higher number than this one.
    pub(crate) after_id: i64,
    /// And none with a higher number than this one.
    pub(crate) last_id: i64,
}

/// Up to `limit` rows, newest first, of those after `place`.
///
/// # Errors
/// The database's.
pub(crate) fn page(
    session: &mut dyn SqlSession,
    of: &DayRows,
    place: RowPlace,
    limit: usize,
) -> Result<Vec<NumberedPrediction>, DatabaseError> {
    let mut values: Vec<SqlValue> = Vec::new();
    let mut conditions = String::new();
    if let Some(model) = &of.model {
        values.push(model.as_str().into());
        conditions.push_str("model = $1 AND ");
    }
    let range = TimeRange { since: of.begin, until: of.begin.saturating_add(DAY) };
    if let Some(place) = session.places()?.condition(range) {
        conditions.push_str(&format!("{place} AND "));
    }
    let number = values.len();
    let [begin, after, last, time, id, most] = [1, 2, 3, 4, 5, 6].map(|place| number + place);
    values.extend([
        of.begin.into(),
        of.after_id.into(),
        of.last_id.into(),
        place.occurred_at.into(),
        place.id.into(),
        (limit as i64).into(),
    ]);
    // The place is the only upper bound of the time: of two, SQLite would walk from the later one for each page.
    let sql = format!(
        "SELECT {} FROM predictions
         WHERE {conditions}occurred_at >= ${begin} AND id > ${after} AND id <= ${last}
           AND (occurred_at, id) < (${time}, ${id})
         ORDER BY occurred_at DESC, id DESC LIMIT ${most}",
        row::COLUMNS
    );
    rows(session, &sql, &values, row::read)
}
