//! All rows that a filter selects, newest first and each once: hot ones out of the database, cold ones out of the lake.
//!
//! Rule of thumb: what was read of the database counts only after another look into the books. Retention enters that a
//! day is cold together with the first row that it deletes, so a day that is hot after the reading was whole during it.

use std::sync::Arc;
use std::time::Duration;

use monitoring::Hold;

use super::cold_day::{ColdDay, ColdQuestion, ColdRows};
use super::object_lake::LakeError;
use super::turn::Lake;
use crate::store::lake_books::{self, LakeDay};
use crate::store::lake_rows::RowPlace;
use crate::store::time::{ceil_microseconds, from_microseconds};
use crate::store::{
    MAX_PAGE, NumberedPrediction, PredictionFilter, PredictionPage, Store, StoreError, StoredPrediction,
};

/// How often a page is asked for while the store is overloaded.
const ATTEMPTS: usize = 20;
/// How long to wait between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a cold day is opened anew in a row, because it could not be read.
const REOPENINGS: usize = 5;

/// The pages.
pub(crate) struct LogPages {
    store: Arc<Store>,
    lake: Option<Arc<Lake>>,
    filter: PredictionFilter,
    /// Where the next page begins; `None` at the end.
    place: Option<RowPlace>,
    cold: Option<ColdDay>,
    reopenings: usize,
}

impl LogPages {
    pub(crate) fn new(store: Arc<Store>, lake: Option<Arc<Lake>>, filter: PredictionFilter) -> Self {
        let place = Some(RowPlace::first(&filter));
        Self { store, lake, filter, place, cold: None, reopenings: 0 }
    }

    /// Bytes that it holds between two pages.
    pub(crate) fn held_bytes(&self) -> usize {
        self.cold.as_ref().map_or(0, ColdDay::held_bytes)
    }

    /// The next rows, which may be none; `None` at the end. `hold` grows by what is held of a day in the lake.
    ///
    /// # Errors
    /// [`LakeError`]; the export cannot go on.
    pub(crate) async fn next(&mut self, hold: &mut Hold) -> Result<Option<Vec<StoredPrediction>>, LakeError> {
        let Some(place) = self.place else { return Ok(None) };
        if self.filter.since.is_some_and(|since| place.bound() <= ceil_microseconds(since)) {
            self.place = None;
            return Ok(None);
        }
        let Some(lake) = self.lake.clone() else { return self.hot(place, None).await.map(Some) };
        if let Some(day) = self.cold.take() {
            return self.cold(day).await.map(Some);
        }
        let newest = newest_cold(&self.store, place).await?;
        match newest.filter(|day| place.bound() <= day.end()) {
            Some(day) => {
                let question = ColdQuestion { place, model: self.filter.model.clone(), day: day.day };
                match ColdDay::open(&lake.objects, &self.store, question, hold).await {
                    Ok(opened) => self.cold = Some(opened),
                    Err(problem) => self.reopen(problem).await?,
                }
                Ok(Some(Vec::new()))
            }
            None => self.hot(place, newest).await.map(Some),
        }
    }

    /// Rows of the database, down to the end of a cold day.
    async fn hot(&mut self, place: RowPlace, below: Option<LakeDay>) -> Result<Vec<StoredPrediction>, LakeError> {
        let mut filter = self.filter.clone();
        let lowest = below.map(|day| from_microseconds(day.end()));
        filter.since = filter.since.max(lowest);
        let page = hot_page(&self.store, &filter, place).await?;
        let next = page.next_cursor.as_deref().map(RowPlace::of_cursor).transpose()?;
        let mut rows = page.predictions;
        self.place = next.or(below.map(|day| RowPlace::before(day.end())));
        if self.lake.is_some()
            && let Some(day) = newest_cold(&self.store, place).await?
            && self.place.is_none_or(|next| next < RowPlace::before(day.end()))
        {
            let is_sure = |row: &StoredPrediction| {
                row.record.occurred_at.is_some_and(|time| ceil_microseconds(time) >= day.end())
            };
            rows.retain(is_sure);
            self.place = Some(place.min(RowPlace::before(day.end())));
        }
        Ok(rows)
    }

    /// Rows of a cold day.
    async fn cold(&mut self, day: ColdDay) -> Result<Vec<StoredPrediction>, LakeError> {
        let begin = day.begin();
        match day.next().await {
            Ok((_, ColdRows::Changed)) => Ok(Vec::new()),
            Ok((_, ColdRows::End)) => {
                self.place = Some(RowPlace::before(begin));
                Ok(Vec::new())
            }
            Ok((day, ColdRows::Some(rows))) => {
                self.reopenings = 0;
                self.place = rows.last().map(NumberedPrediction::place).or(self.place);
                self.cold = Some(day);
                let rows = rows.into_iter().map(|row| row.prediction);
                Ok(rows.filter(|row| self.filter.matches(row)).collect())
            }
            Err(problem) => self.reopen(problem).await.map(|()| Vec::new()),
        }
    }

    /// Lets a cold day be opened again: a file may have been written anew under another name, or the store may be back.
    async fn reopen(&mut self, problem: LakeError) -> Result<(), LakeError> {
        self.reopenings += 1;
        if self.reopenings > REOPENINGS {
            return Err(problem);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

async fn newest_cold(store: &Store, place: RowPlace) -> Result<Option<LakeDay>, LakeError> {
    Ok(store.read(move |session| lake_books::newest_cold(session, place.bound())).await?)
}

/// One page of the database. An export is in no hurry: where the store is overloaded, it lets others ask first.
async fn hot_page(store: &Store, filter: &PredictionFilter, place: RowPlace) -> Result<PredictionPage, StoreError> {
    // The first page has no cursor, so that the store sees that nothing comes before it.
    let cursor = (place != RowPlace::first(filter)).then(|| place.cursor());
    for _ in 1..ATTEMPTS {
        match store.list(filter, MAX_PAGE, cursor.as_deref()).await {
            Err(StoreError::Overloaded { .. }) => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
    store.list(filter, MAX_PAGE, cursor.as_deref()).await
}
