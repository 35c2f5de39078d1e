//! Where the rows of new files come from, a page at a time.
//!
//! Rule of thumb: what is held is one page, however many rows a day has.

use super::layout;
use super::object_lake::LakeError;
use crate::export::{LabelFileEncoder, LakeEncoder, PredictionFileEncoder};
use crate::store::lake_labels::{self, DayLabels, LabelPlace, NumberedLabel};
use crate::store::lake_rows::{self, DayRows, RowPlace};
use crate::store::{MAX_PAGE, NumberedPrediction, Store};

/// Rows on their way into files.
pub(super) trait FileRows: Send {
    /// What makes a file of them.
    type Encoder: LakeEncoder;

    /// The model whose rows they are; empty for labels.
    fn model(&self) -> &str;

    /// A path for one more file.
    fn new_path(&self, day: i64) -> String;

    /// Whether there may be more.
    fn has_more(&self) -> bool;

    /// The next page, which may be empty.
    ///
    /// # Errors
    /// [`LakeError`].
    fn next(
        &mut self,
        store: &Store,
    ) -> impl Future<Output = Result<Vec<<Self::Encoder as LakeEncoder>::Row>, LakeError>> + Send;
}

/// The rows of one model and day, out of the database.
pub(super) struct ModelRows {
    of: DayRows,
    place: Option<RowPlace>,
}

impl ModelRows {
    /// The first page of them is next.
    pub(super) fn new(of: DayRows, end: i64) -> Self {
        Self { of, place: Some(RowPlace::before(end)) }
    }
}

impl FileRows for ModelRows {
    type Encoder = PredictionFileEncoder;

    fn model(&self) -> &str {
        self.of.model.as_deref().unwrap_or_default()
    }

    fn new_path(&self, day: i64) -> String {
        layout::new_file(self.model(), day)
    }

    fn has_more(&self) -> bool {
        self.place.is_some()
    }

    async fn next(&mut self, store: &Store) -> Result<Vec<NumberedPrediction>, LakeError> {
        let Some(place) = self.place else { return Ok(Vec::new()) };
        let of = self.of.clone();
        let rows = store.read(move |session| lake_rows::page(session, &of, place, MAX_PAGE)).await?;
        self.place = rows.last().filter(|_| rows.len() == MAX_PAGE).map(NumberedPrediction::place);
        Ok(rows)
    }
}

/// The labels of one day, out of the database.
pub(super) struct LabelRows {
    of: DayLabels,
    place: Option<LabelPlace>,
}

impl LabelRows {
    /// The first page of them is next.
    pub(super) fn new(of: DayLabels) -> Self {
        Self { of, place: Some(LabelPlace { recorded_at: of.begin, id: i64::MIN }) }
    }
}

impl FileRows for LabelRows {
    type Encoder = LabelFileEncoder;

    fn model(&self) -> &str {
        ""
    }

    fn new_path(&self, day: i64) -> String {
        layout::new_label_file(day)
    }

    fn has_more(&self) -> bool {
        self.place.is_some()
    }

    async fn next(&mut self, store: &Store) -> Result<Vec<NumberedLabel>, LakeError> {
        let Some(place) = self.place else { return Ok(Vec::new()) };
        let of = self.of;
        let rows = store.read(move |session| lake_labels::page(session, &of, place, MAX_PAGE)).await?;
        self.place = rows.last().filter(|_| rows.len() == MAX_PAGE).map(NumberedLabel::place);
        Ok(rows)
    }
}
