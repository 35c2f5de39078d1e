//! Lists of predictions, a page at a time.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{DatabaseError, StoreError};
use super::filter::PredictionFilter;
use super::list_range::PageCursor;
use super::row::{self, StoredPrediction};
use super::scan::{ListScan, ListedRows};
use super::session::{SqlSession, first};
use super::time::{floor_microseconds, from_microseconds};

/// The most predictions of one page.
pub const MAX_PAGE: usize = 1000;

/// The longest that a page looks for rows before it says how far it has looked.
pub(super) const PATIENCE: Duration = Duration::from_millis(800);

/// A part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Page)]
pub struct PredictionPage {
    /// The predictions, newest `occurred_at` first.
    pub predictions: Vec<StoredPrediction>,
    /// What to ask for the next page with; `None` at the end.
    pub next_cursor: Option<String>,
    /// Where few predictions match, a page may end before it is full, or before any was found: it holds all that match down
    /// to this time, and `next_cursor` goes on from there. Absent from all other pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub looked_until: Option<Timestamp>,
}

/// One page of what the filter lets through, newest first, beginning after `cursor`. It ends early when `patience` is over.
///
/// # Errors
/// The database's.
pub(super) fn page(
    session: &mut dyn SqlSession,
    filter: &PredictionFilter,
    limit: usize,
    PageStart { cursor, patience }: PageStart,
) -> Result<PredictionPage, DatabaseError> {
    // One more than asked for tells whether there is a next page.
    let scan = ListScan { filter, limit: limit + 1, patience };
    let ListedRows { mut found, looked_until } = scan.run(session, cursor)?;
    let is_full = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| is_full).map(|last| {
        let occurred_at = last.prediction.record.occurred_at.map_or(0, floor_microseconds);
        PageCursor { occurred_at, id: last.id }
    });
    let predictions = found.into_iter().map(|row| row.prediction).collect();
    let next_cursor = last.or(looked_until).map(PageCursor::encode);
    let looked_until = looked_until.map(|end| from_microseconds(end.occurred_at));
    Ok(PredictionPage { predictions, next_cursor, looked_until })
}

/// Where a page begins, and how long it may look.
#[derive(Clone, Copy)]
pub(super) struct PageStart {
    pub(super) cursor: Option<PageCursor>,
    pub(super) patience: Duration,
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
    Ok(page(session, filter, limit, PageStart { cursor, patience: PATIENCE })?)
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
