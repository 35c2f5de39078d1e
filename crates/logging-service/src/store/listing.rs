//! Predictions out of the store: one, or a page of a list, with the true labels that are counted for them.

use uuid::Uuid;

use super::error::StoreError;
use super::filter::PredictionFilter;
use super::list_range::PageCursor;
use super::page::{self, MAX_PAGE, PredictionPage};
use super::reader::QueryLength;
use super::row::StoredPrediction;
use super::session::SqlSession;
use super::{Store, label_lookup};

impl Store {
    /// The prediction of this event id.
    ///
    /// # Errors
    /// The errors of every query: [`StoreError::Overloaded`], [`StoreError::Timeout`], [`StoreError::Unavailable`].
    pub async fn get(&self, event_id: Uuid) -> Result<Option<StoredPrediction>, StoreError> {
        let read = move |session: &mut dyn SqlSession| {
            let mut found = page::prediction(session, event_id)?;
            label_lookup::add_to(session, found.iter_mut())?;
            Ok(found)
        };
        self.reader.read(QueryLength::Quick, read).await
    }

    /// Up to `limit` (1 to [`MAX_PAGE`]) predictions, newest first by `occurred_at`. Start without a cursor, go on with
    /// each page's `next_cursor`.
    ///
    /// # Errors
    /// [`StoreError::InvalidQuery`] for the limit or the cursor, and the errors of every query.
    pub async fn list(
        &self,
        filter: &PredictionFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<PredictionPage, StoreError> {
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(StoreError::InvalidQuery(format!("limit must be between 1 and {MAX_PAGE}")));
        }
        let cursor = cursor.map(PageCursor::decode).transpose()?;
        let (filter, start) = (filter.clone(), page::PageStart { cursor, patience: self.page_patience });
        let length = if filter.index().is_enough { QueryLength::Quick } else { QueryLength::Long };
        self.reader.read(length, move |session| page::page(session, &filter, limit, start)).await
    }

    /// The same, with the true labels that are counted for the predictions.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub(crate) async fn list_with_labels(
        &self,
        filter: &PredictionFilter,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<PredictionPage, StoreError> {
        let mut page = self.list(filter, limit, cursor).await?;
        let add = move |session: &mut dyn SqlSession| {
            label_lookup::add_to(session, page.predictions.iter_mut())?;
            Ok(page)
        };
        self.read(add).await
    }
}
