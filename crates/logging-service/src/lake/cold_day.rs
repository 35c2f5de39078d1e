//! A day whose rows are read in the lake: the rows of its files, and those that came late and are in the database alone.
//!
//! Rule of thumb: of each file one row group is held, and of the database one page, however large the day is. There is room for
//! the row groups before the first of them is fetched.

use std::collections::VecDeque;
use std::sync::Arc;

use monitoring::Hold;
use tokio::task::spawn_blocking;

use super::lake_table::LakeTable;
use super::object_lake::{LakeError, ObjectLake};
use crate::store::lake_books::{self, LakeDay};
use crate::store::lake_files::{self, LakeFileEntry};
use crate::store::lake_rows::{self, DayRows, RowPlace};
use crate::store::{MAX_PAGE, NumberedPrediction, Store};

/// Rows of a day, newest first.
pub(super) struct ColdDay {
    store: Arc<Store>,
    day: LakeDay,
    files: Vec<LakeRows>,
    late: VecDeque<NumberedPrediction>,
    of_late: DayRows,
    /// Where the next page of late rows begins; `None` at the end.
    late_place: Option<RowPlace>,
    /// Bytes of the row groups that are held.
    held_bytes: usize,
}

/// What is to be read of a cold day.
pub(super) struct ColdQuestion {
    /// From here on, newest first.
    pub(super) place: RowPlace,
    /// Of one model or of all.
    pub(super) model: Option<String>,
    /// Days since 1970.
    pub(super) day: i64,
}

/// The rows of a file, with the next one in hand.
struct LakeRows {
    table: LakeTable,
    next: Option<NumberedPrediction>,
}

impl LakeRows {
    /// Goes on to the next row. Blocks.
    fn advance(&mut self) -> Result<(), LakeError> {
        self.next = self.table.next_row()?;
        Ok(())
    }
}

/// More rows of a cold day.
pub(super) enum ColdRows {
    /// Some, at least one.
    Some(Vec<NumberedPrediction>),
    /// There are no more.
    End,
    /// The day was written again meanwhile. It has to be opened anew.
    Changed,
}

impl ColdDay {
    /// Opens a day. `hold` grows by what is held of its files.
    ///
    /// # Errors
    /// [`LakeError`]; [`LakeError::Full`] where there is no room for it.
    pub(super) async fn open(
        lake: &ObjectLake,
        store: &Arc<Store>,
        question: ColdQuestion,
        hold: &mut Hold,
    ) -> Result<Self, LakeError> {
        let ColdQuestion { place, model, day } = question;
        let (day, entries) = known(store, day).await?;
        let mut files = Vec::new();
        let is_asked_for =
            |entry: &&LakeFileEntry| !entry.is_of_labels() && model.as_ref().is_none_or(|model| *model == entry.model);
        for entry in entries.iter().filter(is_asked_for) {
            files.push(LakeRows { table: LakeTable::open(lake, entry).await?, next: None });
        }
        let held_bytes = files.iter().map(|file: &LakeRows| file.table.held_bytes()).sum();
        hold.grow(held_bytes).await.map_err(|refusal| LakeError::Full(refusal.message))?;
        let files = spawn_blocking(move || {
            for file in &mut files {
                file.advance()?;
                while file.next.as_ref().is_some_and(|row| row.place() >= place) {
                    file.advance()?;
                }
            }
            Ok::<_, LakeError>(files)
        })
        .await??;
        let of_late = DayRows { model, begin: day.begin(), after_id: day.last_id, last_id: i64::MAX };
        let late_place = Some(place.min(RowPlace::before(day.end())));
        Ok(Self { store: Arc::clone(store), day, files, late: VecDeque::new(), of_late, late_place, held_bytes })
    }

    /// Its first microsecond.
    pub(super) fn begin(&self) -> i64 {
        self.day.begin()
    }

    /// Bytes that are held of its files.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// More rows; the day comes back with them.
    ///
    /// # Errors
    /// [`LakeError`].
    pub(super) async fn next(mut self) -> Result<(Self, ColdRows), LakeError> {
        if self.late.is_empty()
            && let Some(place) = self.late_place
        {
            let of_late = self.of_late.clone();
            let rows = self.store.read(move |session| lake_rows::page(session, &of_late, place, MAX_PAGE)).await?;
            self.late_place = rows.last().filter(|_| rows.len() == MAX_PAGE).map(NumberedPrediction::place);
            self.late = rows.into();
            // Had they been written into the lake and deleted before this page was read, they would be missing.
            let day = self.day.day;
            let known = self.store.read(move |session| lake_books::day(session, day)).await?;
            if known.is_none_or(|known| known.revision != self.day.revision) {
                return Ok((self, ColdRows::Changed));
            }
        }
        spawn_blocking(move || {
            let mut rows = Vec::new();
            while rows.len() < MAX_PAGE
                && let Some(row) = self.take_newest()?
            {
                rows.push(row);
                if self.late.is_empty() && self.late_place.is_some() {
                    break;
                }
            }
            Ok((self, if rows.is_empty() { ColdRows::End } else { ColdRows::Some(rows) }))
        })
        .await?
    }

    /// The newest of the rows in hand. Blocks.
    fn take_newest(&mut self) -> Result<Option<NumberedPrediction>, LakeError> {
        let newest = self.files.iter_mut().max_by_key(|file| file.next.as_ref().map(NumberedPrediction::place));
        let in_file = newest.as_ref().and_then(|file| file.next.as_ref()).map(NumberedPrediction::place);
        let late = self.late.front().map(NumberedPrediction::place);
        match newest.filter(|_| in_file > late) {
            Some(file) => {
                let row = file.next.take();
                file.advance()?;
                Ok(row)
            }
            None => Ok(self.late.pop_front()),
        }
    }
}

/// A day and its files, as of one moment.
async fn known(store: &Store, day: i64) -> Result<(LakeDay, Vec<LakeFileEntry>), LakeError> {
    let look = move || store.read(move |session| lake_books::day(session, day));
    let gone = || LakeError::Disagrees("a day is not in the books any more".to_owned());
    loop {
        let before = look().await?.ok_or_else(gone)?;
        let files = store.read(move |session| lake_files::files(session, day, true)).await?;
        if look().await?.is_some_and(|after| after.revision == before.revision) {
            return Ok((before, files));
        }
    }
}
