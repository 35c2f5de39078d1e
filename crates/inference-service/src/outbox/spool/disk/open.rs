//! Opens a spool in any state of its files.

use std::collections::HashSet;
use std::io;

use tracing::error;

use super::super::database::{SpoolContent, SpoolDatabase};
use super::super::folder::SpoolFolder;
use super::super::salvage::salvage;
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
        let opened = if known.is_some_and(|known| known.damaged) {
            Err(DiskError::Damaged)
        } else {
            SpoolDatabase::open(&folder.database(), durability).map_err(DiskError::from)
        };
        let mut lost = 0;
        let mut database = match opened {
            Err(problem) if problem.is_damage() => {
                let salvaged = salvage(&folder)?;
                books.count_quarantined();
                let kept_at = salvaged.kept_at.display();
                error!(%problem, %kept_at, known_lost = salvaged.lost, "prediction_log_spool_damaged");
                lost = salvaged.lost;
                SpoolDatabase::open(&folder.database(), durability)?
            }
            opened => opened?,
        };
        // These were delivered before. To deliver them again would only be a duplicate, but the books know better.
        let gone_through = known.map_or(0, |known| known.gone_through);
        database.commit(Some(gone_through), &[])?;
        let SpoolContent { amount, oldest_at } = database.content()?;
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
            amount,
            oldest_at,
            gone_through,
            stale: false,
            lent: Vec::new(),
            damaged: HashSet::new(),
        })
    }
}

/// Copies a damaged write-ahead log: SQLite would silently leave out what comes after the damage, and overwrite it.
fn keep_damaged_log(folder: &SpoolFolder, books: &Books) -> io::Result<()> {
    if wal::inspect(&folder.wal())? == WalState::Damaged {
        let kept_at = folder.copy_wal()?;
        books.count_quarantined();
        error!(
            kept_at = %kept_at.display(),
            "prediction_log_spool_log_damaged: records behind the damage are lost to this spool"
        );
    }
    Ok(())
}
