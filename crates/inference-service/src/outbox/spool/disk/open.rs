//! Opens a spool in any state of its files.

use std::collections::HashSet;
use std::io;

use tracing::error;

use super::super::database::{SCHEMA, SpoolContent, SpoolDatabase};
use super::super::folder::SpoolFolder;
use super::super::marks::{self, MarksFile, SpoolMarks};
use super::super::salvage::{SalvageReport, salvage};
use super::super::wal::{self, WalState};
use super::{DiskError, KnownContent, SpoolDisk};
use crate::outbox::books::{Books, DropReason};
use crate::outbox::record_options::Durability;

impl SpoolDisk {
    /// Opens the folder's spool. `known` is what the books count as being in it, if this process had it open before.
    ///
    /// # Errors
    /// [`DiskError`]; damage is no error.
    pub(in super::super) fn open(
        folder: SpoolFolder,
        durability: Durability,
        books: &Books,
        known: Option<KnownContent>,
    ) -> Result<Self, DiskError> {
        if folder.salvaged().exists() {
            folder.swap_in_salvaged()?;
        }
        keep_damaged_log(&folder, books)?;
        let marks = marks::read(&folder.marks())?;
        let schema = marks.map(|marks| marks.schema);
        let opened = if known.is_some_and(|known| known.damaged) {
            Err(DiskError::Damaged)
        } else {
            SpoolDatabase::open(&folder.database(), durability, schema).map_err(DiskError::from)
        };
        let (mut database, salvaged) = match opened {
            Err(problem) if problem.is_damage() => {
                let salvaged = salvage(&folder)?;
                books.count_quarantined();
                let kept_at = salvaged.kept_at.display();
                error!(%problem, %kept_at, "prediction_log_spool_damaged");
                (SpoolDatabase::open(&folder.database(), durability, None)?, Some(salvaged))
            }
            opened => (opened?, None),
        };
        let lost = lost(&database, marks, salvaged.as_ref())?;
        // These were delivered before. To deliver them again would only be a duplicate, but the books know better.
        let gone_before = marks.map_or(0, |marks| marks.gone_through);
        let gone_through = known.map_or(gone_before, |known| known.gone_through);
        // An id is not given twice while the marks tell of it.
        database.newest = database.newest.max(gone_through);
        database.commit(Some(gone_through), &[])?;
        let SpoolContent { amount, oldest_at } = database.content()?;
        let newest = database.newest;
        let marks = SpoolMarks { schema: SCHEMA, gone_through, acknowledged: newest, intended: newest };
        let marks = MarksFile::create(&folder.marks(), marks)?;
        folder.sync()?;
        match known {
            Some(known) => books.count_dropped(known.amount.minus(amount), DropReason::Corrupt),
            None => {
                books.count_recovered(amount);
                books.count_lost(lost);
            }
        }
        Ok(Self {
            folder,
            database,
            marks,
            amount,
            oldest_at,
            gone_through,
            stale: false,
            lent: Vec::new(),
            damaged: HashSet::new(),
        })
    }
}

/// How many records cannot be read any more. With marks that is exact, also where they are missing at either end.
fn lost(
    database: &SpoolDatabase,
    marks: Option<SpoolMarks>,
    salvaged: Option<&SalvageReport>,
) -> rusqlite::Result<u64> {
    let missing = match marks {
        Some(marks) => marks.records().saturating_sub(database.count_between(marks)?),
        None => salvaged.map_or(0, |salvaged| salvaged.missing),
    };
    let lost = missing + salvaged.map_or(0, |salvaged| salvaged.damaged);
    if lost > 0 {
        error!(records = lost, "prediction_log_records_lost: they were in the spool, and cannot be read any more");
    }
    Ok(lost)
}

/// Copies a damaged write-ahead log: SQLite would silently leave out what comes after the damage, and overwrite it.
fn keep_damaged_log(folder: &SpoolFolder, books: &Books) -> io::Result<()> {
    if wal::inspect(&folder.wal())? == WalState::Damaged {
        let kept_at = folder.copy_wal()?;
        books.count_quarantined();
        error!(
            kept_at = %kept_at.display(),
            "prediction_log_spool_log_damaged: what stands behind the damage cannot be read"
        );
    }
    Ok(())
}
