//! Erasing rows of the lake: files are written anew without them, under new names, before the old ones go.
//!
//! Rule of thumb: as when a day is written, the manifest decides. Before it the old files count and the new ones are
//! settled away; after it the new ones count, and the old ones are.

use super::day_writer::DayWriter;
use super::kept_rows::{KeptLabels, KeptPredictions};
use super::object_lake::LakeError;
use super::turn::Lake;
use crate::store::erasures::{self, Erasure, ErasureStage};
use crate::store::lake_files::{self, LakeFileEntry, WrittenDay};
use crate::store::{Store, erased_rows, lake_books};

impl Lake {
    /// Erases what the stage of an erasure is about, day by day; false where another program keeps the lake, and does it.
    ///
    /// # Errors
    /// [`LakeError`]; the next attempt goes on with the day at which this one ended.
    pub(crate) async fn erase(&self, store: &Store, erasure: &Erasure) -> Result<bool, LakeError> {
        let mut writer = DayWriter::new(&self.objects, store, &self.options);
        if !writer.claim().await? {
            return Ok(false);
        }
        for day in store.read(lake_files::unsettled).await? {
            writer.settle(day).await?;
        }
        let (id, mut from) = (erasure.id, erasure.day);
        while let Some(day) = store.read(move |session| erasures::next_day(session, from)).await? {
            writer.keep_claim().await?;
            writer.erase_of_day(day, erasure).await?;
            from = day + 1;
            store.write(0, move |transaction| erasures::set_day(transaction, id, from)).await?;
        }
        Ok(true)
    }
}

impl DayWriter<'_> {
    /// Writes the files of a day anew in which something is to go, and deletes the old ones.
    async fn erase_of_day(&mut self, day: i64, erasure: &Erasure) -> Result<(), LakeError> {
        let known = self.store.read(move |session| lake_books::day(session, day)).await?;
        let Some(known) = known else { return Ok(()) };
        let is_about_labels = erasure.stage == ErasureStage::LakeLabels;
        let (mut files, mut is_changed) = (Vec::new(), false);
        for file in self.files(day, true).await? {
            let has_erased = file.is_of_labels() == is_about_labels
                && if is_about_labels {
                    KeptLabels::open(self.lake, &file).await?.has_erased(self.store).await?
                } else {
                    self.note_erased(&file, erasure).await?
                };
            if !has_erased {
                files.push(file);
                continue;
            }
            is_changed = true;
            if is_about_labels {
                let kept = KeptLabels::open(self.lake, &file).await?;
                self.write_files(day, kept, &mut files).await?;
            } else {
                let kept = KeptPredictions::open(self.lake, &file, erasure.filter.clone()).await?;
                self.write_files(day, kept, &mut files).await?;
            }
        }
        if !is_changed {
            return Ok(());
        }
        let (last_id, last_label_id) = (known.last_id, known.label_last_id);
        self.count(WrittenDay { day, revision: known.revision + 1, last_id, last_label_id, files }).await?;
        self.delete_uncounted(day).await
    }

    /// Notes the predictions of a file that are to go, so that their labels go as well; says whether there are any.
    async fn note_erased(&self, file: &LakeFileEntry, erasure: &Erasure) -> Result<bool, LakeError> {
        let mut rows = KeptPredictions::open(self.lake, file, erasure.filter.clone()).await?;
        let mut has_erased = false;
        loop {
            let erased = rows.next_erased().await?;
            if erased.is_empty() {
                return Ok(has_erased);
            }
            has_erased = true;
            self.store.write(erased.len(), move |transaction| erased_rows::note(transaction, &erased)).await?;
        }
    }
}
