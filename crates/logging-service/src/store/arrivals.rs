//! Predictions that arrive after the labels that mean them.
//!
//! A label counts for every prediction that it means, and they need not arrive together: the one of a shadow model may be
//! delivered when the label has long been counted for another one.
//!
//! Rule of thumb: new rows are looked through beside the writer, by their numbers. Only what is found is written.

use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::value::RowColumns;

/// Rows that are looked at in one query.
const STEP: i64 = 10_000;
/// Rows before the newest that are looked at once more: of several programs that write to a server, one may be given the
/// lower number and be seen later.
const OVERLAP: i64 = 2_000;

/// What a search through new rows found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelledArrivals {
    /// Numbers of the labels that mean a prediction for which none is counted.
    pub(crate) labels: Vec<i64>,
    /// Number of the row after which the next search begins.
    pub(crate) next: i64,
    /// Whether there are more rows to look at now.
    pub(crate) is_unfinished: bool,
}

/// Looks through the rows after the row `after`; where nothing has been looked at, through the newest.
///
/// # Errors
/// The database's.
pub(crate) fn search(session: &mut dyn SqlSession, after: Option<i64>) -> Result<LabelledArrivals, DatabaseError> {
    let newest = first(session, "SELECT max(id) FROM predictions", &[], RowColumns::opt_integer)?.flatten();
    let newest = newest.unwrap_or_default();
    let after = after.unwrap_or(newest - STEP).max(0);
    let until = newest.min(after.saturating_add(STEP));
    // A label that names an event means no other prediction.
    let sql = "SELECT DISTINCT l.id FROM predictions p CROSS JOIN labels l
               WHERE p.id > $1 AND p.id <= $2 AND p.status = 'success' AND coalesce(p.task, '') <> 'raw'
                   AND l.event_id = '' AND l.request_id = p.request_id AND l.row_index = p.row_index AND l.state <> 2
                   AND l.model IN ('', p.model)
                   AND NOT EXISTS (SELECT 1 FROM counted_labels c WHERE c.event_id = p.event_id)";
    let labels = rows(session, sql, &[after.into(), until.into()], RowColumns::integer)?;
    let is_unfinished = until < newest;
    let next = if is_unfinished { until } else { (newest - OVERLAP).max(0) };
    Ok(LabelledArrivals { labels, next, is_unfinished })
}
