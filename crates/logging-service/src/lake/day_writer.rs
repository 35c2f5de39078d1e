//! One day on its way into the lake.
//!
//! The names of its files into the books → the files, each read back → the manifest, created only where there is none of
//! that number → the books. Until the manifest is there nothing counts, and from then on all of it does.
//!
//! Rule of thumb: what a crash has left is settled by the next manifest. Either the earlier attempt has written it, and
//! counts; or this program writes it without the attempt's files, and no late request can make them count any more.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::file_writer::LakeFileWriter;
use super::lake_table::LakeTable;
use super::layout;
use super::manifest;
use super::object_lake::{LakeError, ObjectLake};
use super::options::LakeOptions;
use crate::store::lake_books::{self, LakeDay};
use crate::store::lake_files::{self, LakeFileEntry, WrittenDay};
use crate::store::lake_rows::{self, DayRows, RowPlace};
use crate::store::time::floor_microseconds;
use crate::store::{MAX_PAGE, Store};

/// How long a program keeps the lake for itself, in microseconds, after it said so.
const CLAIM: i64 = 120 * 1_000_000;
/// How often it says so.
const RENEWAL: Duration = Duration::from_secs(20);

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeGrowth {
    /// Rows.
    pub(crate) rows: u64,
    /// Bytes of their files.
    pub(crate) bytes: u64,
}

/// Writes days, for one program at a time.
pub(super) struct DayWriter<'l> {
    lake: &'l ObjectLake,
    store: &'l Store,
    options: &'l LakeOptions,
    claimed: Option<Instant>,
}

impl<'l> DayWriter<'l> {
    pub(super) fn new(lake: &'l ObjectLake, store: &'l Store, options: &'l LakeOptions) -> Self {
        Self { lake, store, options, claimed: None }
    }

    /// Takes the lake for this program, or keeps it; false where another program has it.
    pub(super) async fn claim(&mut self) -> Result<bool, LakeError> {
        if self.claimed.is_some_and(|claimed| claimed.elapsed() < RENEWAL) {
            return Ok(true);
        }
        let (holder, now) = (self.options.holder.clone(), now());
        let is_mine = self.store.write(0, move |tx| lake_books::claim(tx, &holder, now, now + CLAIM)).await?;
        self.claimed = is_mine.then(Instant::now);
        Ok(is_mine)
    }

    async fn keep_claim(&mut self) -> Result<(), LakeError> {
        match self.claim().await? {
            true => Ok(()),
            false => Err(LakeError::Disagrees("another program has taken the lake over".to_owned())),
        }
    }

    /// Writes the rows of a day that are not in the lake yet, up to the row `settled`.
    ///
    /// # Errors
    /// [`LakeError`]; the next attempt settles what this one has left.
    pub(super) async fn write(&mut self, day: &LakeDay, settled: i64) -> Result<LakeGrowth, LakeError> {
        let mut files = self.files(day.day, true).await?;
        let (of_day, former) = (*day, files.len());
        for model in self.store.read(move |session| lake_books::models(session, &of_day, settled)).await? {
            self.write_model(day, settled, model, &mut files).await?;
        }
        let mut written = WrittenDay { day: day.day, revision: day.revision + 1, last_id: settled, files };
        if !manifest::create(self.lake, &written).await? {
            let found = manifest::read(self.lake, written.day, written.revision).await?;
            // Without new files, nothing in the books tells of an attempt whose manifest was written and not entered.
            let ours = found.filter(|found| found.files == written.files && found.last_id <= settled);
            written = ours.ok_or_else(|| {
                let path = layout::manifest(written.day, written.revision);
                LakeError::Disagrees(format!("{path} was written by another program"))
            })?;
        }
        self.enter(&written).await?;
        let new = &written.files[former..];
        Ok(LakeGrowth { rows: new.iter().map(|file| file.rows).sum(), bytes: new.iter().map(|file| file.bytes).sum() })
    }

    /// Settles what an earlier attempt at a day has left: it counts as a whole, or its files are deleted.
    ///
    /// # Errors
    /// [`LakeError::Disagrees`] where the lake has a manifest that this database knows nothing of, and others.
    pub(super) async fn settle(&mut self, day: i64) -> Result<(), LakeError> {
        let Some(known) = self.store.read(move |session| lake_books::day(session, day)).await? else { return Ok(()) };
        let counting = self.files(day, true).await?;
        let planned = self.files(day, false).await?;
        let without = WrittenDay { day, revision: known.revision + 1, last_id: known.last_id, files: counting.clone() };
        let truth = match manifest::create(self.lake, &without).await? {
            true => without,
            false => manifest::read(self.lake, day, without.revision).await?.unwrap_or(without),
        };
        let is_known = |file: &LakeFileEntry| counting.iter().chain(&planned).any(|known| known.path == file.path);
        if !truth.files.iter().all(is_known) {
            let path = layout::manifest(day, truth.revision);
            return Err(LakeError::Disagrees(format!("{path} names files that this database has not written")));
        }
        self.enter(&truth).await?;
        self.delete_uncounted(day).await
    }

    /// Deletes the files of a day that do not count, first in the lake and then in the books.
    pub(super) async fn delete_uncounted(&mut self, day: i64) -> Result<(), LakeError> {
        for file in self.files(day, false).await? {
            self.lake.delete(&file.path).await?;
        }
        Ok(self.store.write(0, move |transaction| lake_files::forget_files(transaction, day)).await?)
    }

    async fn files(&self, day: i64, is_counting: bool) -> Result<Vec<LakeFileEntry>, LakeError> {
        Ok(self.store.read(move |session| lake_files::files(session, day, is_counting)).await?)
    }

    /// Enters what is in the lake now.
    pub(super) async fn enter(&mut self, written: &WrittenDay) -> Result<(), LakeError> {
        let (written, now) = (written.clone(), now());
        Ok(self.store.write(0, move |transaction| lake_files::enter_written(transaction, &written, now)).await?)
    }

    /// Writes the rows of one model, in as many files as it takes.
    async fn write_model(
        &mut self,
        day: &LakeDay,
        settled: i64,
        model: String,
        files: &mut Vec<LakeFileEntry>,
    ) -> Result<(), LakeError> {
        let of = DayRows { model: Some(model), begin: day.begin(), after_id: day.last_id, last_id: settled };
        let mut place = Some(RowPlace::before(day.end()));
        while let Some(from) = place {
            let planned = self.plan(day.day, of.model.clone().unwrap_or_default()).await?;
            let mut file = LakeFileWriter::new(self.lake, &planned)?;
            match self.fill(&of, from, &mut file).await {
                Ok(next) => place = next,
                Err(problem) => {
                    file.abandon().await;
                    return Err(problem);
                }
            }
            let written = file.finish().await?;
            let rows = LakeTable::open(self.lake, &written).await?.rows();
            if rows != written.rows {
                let (path, expected) = (written.path, written.rows);
                return Err(LakeError::Disagrees(format!("{path} was read back with {rows} rows, not {expected}")));
            }
            files.push(written);
        }
        Ok(())
    }

    /// Enters the name of the next file, before there is one.
    pub(super) async fn plan(&mut self, day: i64, model: String) -> Result<LakeFileEntry, LakeError> {
        self.keep_claim().await?;
        let file = LakeFileEntry { path: layout::new_file(&model, day), model, ..LakeFileEntry::default() };
        let planned = file.clone();
        self.store.write(0, move |transaction| lake_files::plan_file(transaction, day, &planned)).await?;
        Ok(file)
    }

    /// Writes rows into a file until it is full, and gives the place of the next one; `None` at the end.
    async fn fill(
        &mut self,
        of: &DayRows,
        mut place: RowPlace,
        file: &mut LakeFileWriter<'_>,
    ) -> Result<Option<RowPlace>, LakeError> {
        while file.bytes() < self.options.file_bytes {
            let began = Instant::now();
            let of = of.clone();
            let rows = self.store.read(move |session| lake_rows::page(session, &of, place, MAX_PAGE)).await?;
            let is_last = rows.len() < MAX_PAGE;
            if let Some(last) = rows.last() {
                place = last.place();
            }
            file.rows(rows).await?;
            if is_last {
                return Ok(None);
            }
            self.keep_claim().await?;
            // Half of the time is left to those who ask and store.
            tokio::time::sleep(began.elapsed()).await;
        }
        Ok(Some(place))
    }
}

fn now() -> i64 {
    floor_microseconds(Timestamp::now())
}
