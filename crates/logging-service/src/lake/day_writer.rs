//! One day on its way into the lake.
//!
//! The names of its files into the books → the files, each read back → the manifest, created only where there is none of
//! that number → the books. Until the manifest is there nothing counts, and from then on all of it does.
//!
//! Rule of thumb: what a crash has left is settled by the next manifest. Either the earlier attempt has written it, and
//! counts; or this program writes it without the attempt's files, and no late request can make them count any more.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::file_rows::{FileRows, LabelRows, ModelRows};
use super::file_writer::LakeFileWriter;
use super::lake_table::LakeTable;
use super::layout;
use super::manifest;
use super::object_lake::{LakeError, ObjectLake};
use super::options::LakeOptions;
use crate::store::Store;
use crate::store::lake_books::{self, LakeDay};
use crate::store::lake_files::{self, LakeFileEntry, WrittenDay};
use crate::store::lake_labels::DayLabels;
use crate::store::lake_rows::DayRows;
use crate::store::lake_scan::SettledIds;
use crate::store::time::floor_microseconds;

/// How long a program keeps the lake for itself, in microseconds, after it said so.
const CLAIM: i64 = 120 * 1_000_000;
/// How often it says so.
const RENEWAL: Duration = Duration::from_secs(20);

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeGrowth {
    /// Rows, labels among them.
    pub(crate) rows: u64,
    /// Bytes of their files.
    pub(crate) bytes: u64,
}

impl LakeGrowth {
    fn of(files: &[LakeFileEntry]) -> Self {
        Self { rows: files.iter().map(|file| file.rows).sum(), bytes: files.iter().map(|file| file.bytes).sum() }
    }
}

/// Writes days, for one program at a time.
pub(super) struct DayWriter<'l> {
    pub(super) lake: &'l ObjectLake,
    pub(super) store: &'l Store,
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

    pub(super) async fn keep_claim(&mut self) -> Result<(), LakeError> {
        match self.claim().await? {
            true => Ok(()),
            false => Err(LakeError::Disagrees("another program has taken the lake over".to_owned())),
        }
    }

    /// Writes the rows and labels of a day that are not in the lake yet, as far as `settled` says.
    ///
    /// # Errors
    /// [`LakeError`]; the next attempt settles what this one has left.
    pub(super) async fn write(&mut self, day: &LakeDay, settled: SettledIds) -> Result<LakeGrowth, LakeError> {
        let mut new = Vec::new();
        let of_day = *day;
        if day.seen_id > day.last_id {
            let models = self.store.read(move |session| lake_books::models(session, &of_day, settled.rows)).await?;
            for model in models {
                let (after_id, last_id) = (day.last_id, settled.rows);
                let of = DayRows { model: Some(model), begin: day.begin(), after_id, last_id };
                self.write_files(day.day, ModelRows::new(of, day.end()), &mut new).await?;
            }
        }
        if day.label_seen_id > day.label_last_id {
            let of = DayLabels { begin: day.begin(), after_id: day.label_last_id, last_id: settled.labels };
            self.write_files(day.day, LabelRows::new(of), &mut new).await?;
        }
        let growth = LakeGrowth::of(&new);
        let mut files = self.files(day.day, true).await?;
        files.append(&mut new);
        self.count(WrittenDay {
            day: day.day,
            revision: day.revision + 1,
            last_id: settled.rows,
            last_label_id: settled.labels,
            files,
        })
        .await?;
        Ok(growth)
    }

    /// Makes these files the ones that count: the manifest, and then the books.
    ///
    /// # Errors
    /// [`LakeError`]; the next attempt settles what this one has left.
    pub(super) async fn count(&mut self, mut written: WrittenDay) -> Result<(), LakeError> {
        written.files.sort_by(|a, b| a.path.cmp(&b.path));
        if !manifest::create(self.lake, &written).await? {
            let found = manifest::read(self.lake, written.day, written.revision).await?;
            // Without new files, nothing in the books tells of an attempt whose manifest was written and not entered.
            let is_ours = |found: &WrittenDay| {
                found.files == written.files
                    && found.last_id <= written.last_id
                    && found.last_label_id <= written.last_label_id
            };
            written = found.filter(is_ours).ok_or_else(|| {
                let path = layout::manifest(written.day, written.revision);
                LakeError::Disagrees(format!("{path} was written by another program"))
            })?;
        }
        self.enter(&written).await
    }

    /// Settles what an earlier attempt at a day has left: it counts as a whole, or its files are deleted.
    ///
    /// # Errors
    /// [`LakeError::Disagrees`] where the lake has a manifest that this database knows nothing of, and others.
    pub(super) async fn settle(&mut self, day: i64) -> Result<(), LakeError> {
        let Some(known) = self.store.read(move |session| lake_books::day(session, day)).await? else { return Ok(()) };
        let counting = self.files(day, true).await?;
        let planned = self.files(day, false).await?;
        let without = WrittenDay {
            day,
            revision: known.revision + 1,
            last_id: known.last_id,
            last_label_id: known.label_last_id,
            files: counting.clone(),
        };
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

    pub(super) async fn files(&self, day: i64, is_counting: bool) -> Result<Vec<LakeFileEntry>, LakeError> {
        Ok(self.store.read(move |session| lake_files::files(session, day, is_counting)).await?)
    }

    /// Enters what is in the lake now.
    pub(super) async fn enter(&mut self, written: &WrittenDay) -> Result<(), LakeError> {
        let (written, now) = (written.clone(), now());
        Ok(self.store.write(0, move |transaction| lake_files::enter_written(transaction, &written, now)).await?)
    }

    /// Writes rows, in as many files as it takes.
    pub(super) async fn write_files<R: FileRows>(
        &mut self,
        day: i64,
        mut rows: R,
        files: &mut Vec<LakeFileEntry>,
    ) -> Result<(), LakeError> {
        while rows.has_more() {
            let planned = self.plan(day, rows.new_path(day), rows.model().to_owned()).await?;
            let mut file = LakeFileWriter::<R::Encoder>::new(self.lake, &planned)?;
            if let Err(problem) = self.fill(&mut rows, &mut file).await {
                file.abandon().await;
                return Err(problem);
            }
            if file.row_count() == 0 {
                file.abandon().await;
                continue;
            }
            let written = file.finish().await?;
            let found = LakeTable::open(self.lake, &written).await?.rows();
            if found != written.rows {
                let (path, expected) = (written.path, written.rows);
                return Err(LakeError::Disagrees(format!("{path} was read back with {found} rows, not {expected}")));
            }
            files.push(written);
        }
        Ok(())
    }

    /// Enters the name of the next file, before there is one.
    async fn plan(&mut self, day: i64, path: String, model: String) -> Result<LakeFileEntry, LakeError> {
        self.keep_claim().await?;
        let file = LakeFileEntry { path, model, ..LakeFileEntry::default() };
        let planned = file.clone();
        self.store.write(0, move |transaction| lake_files::plan_file(transaction, day, &planned)).await?;
        Ok(file)
    }

    /// Writes rows into a file until it is full or there are no more.
    async fn fill<R: FileRows>(
        &mut self,
        rows: &mut R,
        file: &mut LakeFileWriter<'_, R::Encoder>,
    ) -> Result<(), LakeError> {
        while rows.has_more() && file.bytes() < self.options.file_bytes {
            let began = Instant::now();
            let page = rows.next(self.store).await?;
            file.rows(page).await?;
            self.keep_claim().await?;
            if rows.has_more() {
                // Half of the time is left to those who ask and store.
                tokio::time::sleep(began.elapsed()).await;
            }
        }
        Ok(())
    }
}

fn now() -> i64 {
    floor_microseconds(Timestamp::now())
}
