//! The true labels that go into the lake, a page at a time.
//!
//! A label belongs to the day on which it was recorded, whenever its prediction was made: so the labels of a day are
//! complete soon after its end, and one that comes for a prediction of long ago needs nothing but a file of its own day.

use uuid::Uuid;

use super::error::DatabaseError;
use super::session::{SqlSession, rows};
use super::time::DAY;
use super::true_label::ANY_ROW;
use super::value::RowColumns;

/// A label as it was stored, with the number of its row. What it leaves open is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberedLabel {
    /// Number of the row.
    pub(crate) id: i64,
    /// Id of the one prediction that is meant.
    pub(crate) event_id: Option<Uuid>,
    /// The request.
    pub(crate) request_id: Option<String>,
    /// Position in the request's batch.
    pub(crate) row_index: Option<i64>,
    /// Name of the model.
    pub(crate) model: Option<String>,
    /// Its version.
    pub(crate) version: Option<String>,
    /// Its variant.
    pub(crate) variant: Option<String>,
    /// The true label.
    pub(crate) label: String,
    /// When it became known, in microseconds since 1970.
    pub(crate) labelled_at: i64,
    /// The person or system that says so.
    pub(crate) source: Option<String>,
    /// Higher ones win.
    pub(crate) revision: i64,
    /// When it was stored, in microseconds since 1970.
    pub(crate) recorded_at: i64,
}

/// Some labels of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayLabels {
    /// The first microsecond of the day.
    pub(crate) begin: i64,
    /// Labels with a higher number than this one.
    pub(crate) after_id: i64,
    /// And none with a higher number than this one.
    pub(crate) last_id: i64,
}

/// A place in the labels of a day, in the order in which they were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelPlace {
    /// In microseconds since 1970.
    pub(crate) recorded_at: i64,
    /// Number of the row.
    pub(crate) id: i64,
}

/// Up to `limit` labels after `place`, in the order in which they were recorded.
///
/// # Errors
/// The database's.
pub(crate) fn page(
    session: &mut dyn SqlSession,
    of: &DayLabels,
    place: LabelPlace,
    limit: usize,
) -> Result<Vec<NumberedLabel>, DatabaseError> {
    let sql =
        "SELECT id, event_id, request_id, row_index, model, version, variant, label, labelled_at, source, revision,
                   recorded_at
               FROM labels
               WHERE recorded_at < $1 AND id > $2 AND id <= $3 AND (recorded_at, id) > ($4, $5)
               ORDER BY recorded_at, id LIMIT $6";
    let values = [
        of.begin.saturating_add(DAY).into(),
        of.after_id.into(),
        of.last_id.into(),
        place.recorded_at.into(),
        place.id.into(),
        (limit as i64).into(),
    ];
    rows(session, sql, &values, read)
}

impl NumberedLabel {
    /// The place from which a list goes on after it.
    pub(crate) fn place(&self) -> LabelPlace {
        LabelPlace { recorded_at: self.recorded_at, id: self.id }
    }
}

fn read(columns: &mut RowColumns) -> Result<NumberedLabel, DatabaseError> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(NumberedLabel {
        id: columns.integer()?,
        event_id: some(columns.text()?).and_then(|digits| Uuid::try_parse(&digits).ok()),
        request_id: some(columns.text()?),
        row_index: Some(columns.integer()?).filter(|index| *index != ANY_ROW),
        model: some(columns.text()?),
        version: some(columns.text()?),
        variant: some(columns.text()?),
        label: columns.text()?,
        labelled_at: columns.integer()?,
        source: columns.opt_text()?,
        revision: columns.integer()?,
        recorded_at: columns.integer()?,
    })
}
