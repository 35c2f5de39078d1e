//! Lists of predictions, a page at a time.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{DatabaseError, StoreError};
use super::filter::{PageCursor, PredictionFilter};
use super::row::{self, NumberedPrediction, StoredPrediction};
use super::session::{SqlSession, first, rows};
use super::time::floor_microseconds;

/// The most predictions of one page.
pub const MAX_PAGE: usize = 1000;

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PredictionPage {
    /// The predictions, newest `occurred_at` first.
    pub predictions: Vec<StoredPrediction>,
    /// What to ask for the next page with; `None` at the end.
    pub next_cursor: Option<String>,
}

/// One page of what the filter lets through, newest first, beginning after `cursor`.
///
/// # Errors
/// The database's.
pub(super) fn page(
    session: &mut dyn SqlSession,
    filter: &PredictionFilter,
    limit: usize,
    cursor: Option<PageCursor>,
) -> Result<PredictionPage, DatabaseError> {
    let mut found: Vec<NumberedPrediction> = Vec::new();
    for part in session.places()?.parts(filter.range(cursor)) {
        let mut conditions = filter.conditions(part, cursor, session)?;
        // One more than asked for tells whether there is a next page.
        let most = conditions.placeholder((limit + 1 - found.len()) as i64);
        let (columns, conditions) = (row::COLUMNS, &conditions);
        let sql = format!(
            "SELECT {columns} FROM predictions {} ORDER BY occurred_at DESC, id DESC LIMIT {most}",
            conditions.sql()
        );
        found.extend(rows(session, &sql, &conditions.values, row::read)?);
        if found.len() > limit {
            break;
        }
    }
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| !is_last).map(|last| {
        let occurred_at = last.prediction.record.occurred_at.map_or(0, floor_microseconds);
        PageCursor { occurred_at, id: last.id }.encode()
    });
    Ok(PredictionPage { predictions: found.into_iter().map(|row| row.prediction).collect(), next_cursor })
}

/// One page of what the filter lets through, for a command that asks without a [`Store`](super::Store).
///
/// # Errors
/// The database's, and [`StoreError::InvalidQuery`] for the cursor.
pub(crate) fn predictions_page(
    session: &mut dyn SqlSession,
    filter: &PredictionFilter,
    limit: usize,
    cursor: Option<&str>,
) -> Result<PredictionPage, StoreError> {
    let cursor = cursor.map(PageCursor::decode).transpose()?;
    Ok(page(session, filter, limit, cursor)?)
}

/// The prediction of this event id.
///
/// # Errors
/// The database's.
pub(super) fn prediction(
    session: &mut dyn SqlSession,
    event_id: Uuid,
) -> Result<Option<StoredPrediction>, DatabaseError> {
    let sql = format!("SELECT {} FROM predictions WHERE event_id = $1", row::COLUMNS);
    let found = first(session, &sql, &[event_id.as_bytes().as_slice().into()], row::read)?;
    Ok(found.map(|row| row.prediction))
}
