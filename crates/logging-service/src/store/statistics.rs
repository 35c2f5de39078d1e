//! Counts, means and names of what is stored.

use jiff::Timestamp;

use super::Store;
use super::error::StoreError;
use super::filter::PredictionFilter;
use super::reader::QueryLength;
use super::stats::{self, PredictionStats};

impl Store {
    /// Counts and means of the predictions from `since` (inclusive) to `until` (exclusive).
    ///
    /// # Errors
    /// The errors of every query.
    pub async fn stats(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<PredictionStats, StoreError> {
        self.stats_of(PredictionFilter::window(since, until)).await
    }

    /// Counts and means of the predictions that a filter selects.
    ///
    /// # Errors
    /// The errors of every query.
    pub async fn stats_of(&self, filter: PredictionFilter) -> Result<PredictionStats, StoreError> {
        self.reader.read(QueryLength::Long, move |session| stats::stats(session, &filter)).await
    }

    /// The same of several filters, within one deadline.
    ///
    /// # Errors
    /// The errors of every query.
    pub async fn stats_of_each(&self, filters: Vec<PredictionFilter>) -> Result<Vec<PredictionStats>, StoreError> {
        self.reader
            .read(QueryLength::Long, move |session| {
                filters.iter().map(|filter| stats::stats(session, filter)).collect()
            })
            .await
    }

    /// The models that have predictions, in alphabetical order, at most [`super::MAX_NAMES`].
    ///
    /// # Errors
    /// The errors of every query.
    pub async fn models(&self) -> Result<Vec<String>, StoreError> {
        self.reader.read(QueryLength::Quick, |session| stats::models(session)).await
    }

    /// How many predictions there are. Reads a whole index: seconds for tens of millions.
    ///
    /// # Errors
    /// The errors of every query.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.reader.read(QueryLength::Long, |session| stats::count(session)).await
    }
}
