//! The records on the disk: the database in its folder, and what is known of its content.
//!
//! Rule of thumb: damage is met here and never goes further. What can be read goes on, and what cannot is set
//! aside and counted.

mod open;

use std::collections::HashSet;
use std::io;

use tracing::{error, warn};

use super::super::books::{Books, DropReason};
use super::super::line::{Amount, RecordLine};
use super::super::record_options::WhenFull;
use super::database::{OldestRecords, SCHEMA, SpoolDatabase, SpoolRow, is_damage};
use super::folder::{FolderError, SpoolFolder};
use super::marks::{MarksFile, SpoolMarks};
use super::salvage::SalvageError;

/// Why the disk does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    #[error("{0}")]
    Files(#[from] io::Error),
    #[error("the database turned out to be damaged while it was used")]
    Damaged,
    #[error(transparent)]
    Salvage(#[from] SalvageError),
}

/// What is known of a spool that was closed, and is to be opened again by the same process.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownContent {
    amount: Amount,
    gone_through: i64,
    /// It was closed because it is damaged.
    pub(super) damaged: bool,
}

/// A record that is being delivered.
struct LentRecord {
    id: i64,
    amount: Amount,
}

/// The open spool.
pub(super) struct SpoolDisk {
    /// Keeps other processes away.
    folder: SpoolFolder,
    pub(super) database: SpoolDatabase,
    marks: MarksFile,
    /// What waits in it.
    amount: Amount,
    oldest_at: Option<i64>,
    /// Records up to this id are settled or evicted; the next commit deletes them.
    gone_through: i64,
    /// There are records to delete.
    stale: bool,
    /// The records that are being delivered.
    lent: Vec<LentRecord>,
    /// Damaged records that could not be set aside.
    damaged: HashSet<i64>,
}

impl SpoolDisk {
    /// What this process knows of it, for when it is opened again.
    pub(super) fn known(&self) -> KnownContent {
        KnownContent { amount: self.amount, gone_through: self.gone_through, damaged: false }
    }

    /// Whether nothing waits in it and nothing is set aside.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(super) fn is_spent(&self) -> Result<bool, DiskError> {
        Ok(self.amount.records == 0 && self.database.quarantined()? == 0)
    }

    /// Removes the database's files, once nothing waits in them.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn remove(mut self) -> io::Result<()> {
        // The marks outlive them, and would tell of records that are missing although they were settled. They are overwritten
        // in place, for which a full disk has room.
        let newest = self.database.newest;
        let marks = SpoolMarks { schema: SCHEMA, gone_through: newest, acknowledged: newest, intended: newest };
        self.marks.write(marks);
        drop(self.database);
        self.folder.remove_database()
    }

    pub(super) fn amount(&self) -> Amount {
        self.amount
    }

    pub(super) fn oldest_at(&self) -> Option<i64> {
        self.oldest_at
    }

    /// Whether there is something to delete.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Writes these lines, and deletes what is settled and, where the oldest records give way, what must make room.
    ///
    /// # Errors
    /// [`DiskError`]; nothing has changed then.
    pub(super) fn append(&mut self, lines: &[&RecordLine], books: &Books) -> Result<(), DiskError> {
        let added = Amount::of(lines.iter().copied());
        let excess = if books.when_full() == WhenFull::DropOldest {
            self.amount.plus(added).minus(books.bound())
        } else {
            Amount::default()
        };
        let mut evicted = OldestRecords { amount: Amount::default(), through: self.gone_through };
        if !evicted.amount.covers(excess) {
            evicted = self.database.measure(self.gone_through, excess)?;
        }
        let mut kept = lines;
        while !evicted.amount.covers(excess)
            && let [oldest, others @ ..] = kept
        {
            evicted.amount = evicted.amount.plus(oldest.amount());
            kept = others;
        }
        let leaves = self.stale || evicted.amount.records > 0;
        self.commit(leaves.then_some(evicted.through), kept)?;
        books.count_dropped(evicted.amount, DropReason::Evicted);
        let was_empty = self.amount.records == 0;
        self.amount = self.amount.plus(added).minus(evicted.amount);
        self.gone_through = evicted.through;
        self.stale = false;
        if evicted.amount.records > 0 {
            self.find_oldest();
        } else if was_empty {
            self.oldest_at = kept.first().map(|line| line.recorded_at);
        }
        Ok(())
    }

    /// Commits between two writes of the marks, so that they are never behind what somebody was told.
    fn commit(&mut self, gone_through: Option<i64>, lines: &[&RecordLine]) -> rusqlite::Result<()> {
        let newest = self.database.newest;
        let marks = SpoolMarks {
            schema: SCHEMA,
            gone_through: gone_through.unwrap_or(self.gone_through),
            acknowledged: newest,
            intended: newest + lines.len() as i64,
        };
        self.marks.write(marks);
        if let Err(problem) = self.database.commit(gone_through, lines) {
            // What was to make room is still there, and the next start is not to delete it.
            self.marks.write(SpoolMarks { gone_through: self.gone_through, ..marks });
            return Err(problem);
        }
        if !lines.is_empty() {
            self.marks.write(SpoolMarks { acknowledged: marks.intended, ..marks });
        }
        Ok(())
    }

    /// The oldest lines, at most `records` of them and about `bytes`. They are being delivered from now on.
    ///
    /// # Errors
    /// [`DiskError`].
    pub(super) fn lend(&mut self, records: usize, bytes: u64, books: &Books) -> Result<Vec<RecordLine>, DiskError> {
        self.lent.clear();
        while self.amount.records > 0 {
            let rows = self.database.oldest(self.gone_through, records, bytes)?;
            if rows.is_empty() {
                // They are gone, although this process has not deleted them.
                books.count_dropped(std::mem::take(&mut self.amount), DropReason::Corrupt);
                break;
            }
            let (whole, damaged): (Vec<SpoolRow>, Vec<SpoolRow>) =
                rows.into_iter().partition(|row| row.line.is_whole());
            for row in &damaged {
                self.set_aside(row, books);
            }
            if whole.is_empty() {
                self.gone_through = damaged.last().map_or(self.gone_through, |row| row.id);
                self.stale = true;
                continue;
            }
            self.lent = whole.iter().map(|row| LentRecord { id: row.id, amount: row.line.amount() }).collect();
            return Ok(whole.into_iter().map(|row| row.line).collect());
        }
        Ok(Vec::new())
    }

    /// What is being delivered has arrived, and is deleted with the next commit.
    pub(super) fn settle(&mut self) -> Amount {
        let lent = std::mem::take(&mut self.lent);
        let waited = lent.iter().filter(|record| record.id > self.gone_through);
        let mut settled = waited.fold(Amount::default(), |sum, record| sum.plus(record.amount));
        if settled.records == 0 {
            return settled;
        }
        if settled.records == self.amount.records {
            // Damage may have changed the size of one; with the last record, all bytes leave.
            settled = self.amount;
        }
        self.gone_through = lent.last().map_or(self.gone_through, |record| record.id);
        self.amount = self.amount.minus(settled);
        self.stale = true;
        self.find_oldest();
        settled
    }

    /// Gives space back if there is little left of much.
    pub(super) fn tidy(&self) {
        if self.amount.records == 0
            && let Err(problem) = self.database.shrink()
        {
            // It is tried again the next time that the spool is empty.
            warn!(%problem, "prediction_log_spool_not_shrunk");
        }
    }

    /// Where the database cannot be read, the time stays as it was; the next reading meets the problem.
    fn find_oldest(&mut self) {
        if let Ok(oldest_at) = self.database.oldest_at(self.gone_through) {
            self.oldest_at = oldest_at;
        }
    }

    fn set_aside(&mut self, row: &SpoolRow, books: &Books) {
        if self.damaged.contains(&row.id) {
            return;
        }
        let size = row.line.amount();
        books.count_dropped(size, DropReason::Corrupt);
        self.amount = self.amount.minus(size);
        error!(id = row.id, "prediction_log_record_damaged: it is kept in the spool's table quarantine");
        if let Err(problem) = self.database.set_aside(row.id) {
            warn!(%problem, "prediction_log_record_not_set_aside");
            self.damaged.insert(row.id);
        }
    }
}

impl DiskError {
    /// Whether the database is damaged, so that only a salvage helps.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged => true,
            Self::Database(problem) => is_damage(problem),
            _ => false,
        }
    }
}
