//! Writes to the disk, which may first have to be opened, emptied or saved.

use super::{SpoolKeeper, WriteOutcome};
use crate::outbox::line::RecordLine;
use crate::outbox::spool::disk::{DiskError, SpoolDisk};
use crate::outbox::spool::folder::SpoolFolder;

/// Records that move from memory to the disk in one transaction.
const MOVED_AT_ONCE: usize = 2000;

impl SpoolKeeper {
    /// Writes what waits in memory and then these lines.
    pub(super) fn write(&mut self, lines: &[RecordLine]) -> Result<WriteOutcome, DiskError> {
        if self.retry_at.is_some() {
            self.remove_if_spent()?;
        }
        self.open()?;
        let Some(disk) = &mut self.disk else { return Ok(WriteOutcome::NothingToDo) };
        let mut outcome = WriteOutcome::NothingToDo;
        if self.retry_at.is_some() {
            disk.database.prove_writable()?;
            outcome = WriteOutcome::Written;
        }
        loop {
            let moved: Vec<&RecordLine> = self.memory.idle().take(MOVED_AT_ONCE).collect();
            let count = moved.len();
            if count == 0 {
                break;
            }
            disk.append(&moved, &self.books)?;
            self.memory.remove_idle(count);
            outcome = WriteOutcome::Written;
        }
        if !lines.is_empty() || disk.is_stale() {
            disk.append(&lines.iter().collect::<Vec<_>>(), &self.books)?;
            disk.tidy();
            outcome = WriteOutcome::Written;
        }
        Ok(outcome)
    }

    /// Opens the spool if it is not open.
    pub(super) fn open(&mut self) -> Result<(), DiskError> {
        if let (None, Some(folder)) = (&self.disk, &self.folder) {
            let folder = SpoolFolder::open(folder)?;
            self.disk = Some(SpoolDisk::open(folder, self.durability, &self.books, self.known)?);
            self.known = None;
        }
        Ok(())
    }

    /// The spool's own files may be what fills the disk, so much that they can neither be written nor emptied;
    /// once all that was in them is delivered, they go.
    fn remove_if_spent(&mut self) -> Result<(), DiskError> {
        if let Some(disk) = self.disk.take_if(|disk| disk.is_spent().unwrap_or(false)) {
            // Should they stay after all, what is in them is not to be counted again.
            let known = disk.known();
            if let Err(problem) = disk.remove() {
                self.known = Some(known);
                return Err(problem.into());
            }
        }
        Ok(())
    }

    /// Closes the damaged spool, and opens what can be saved of it.
    pub(super) fn reopen(&mut self) -> Result<(), DiskError> {
        self.known = self.disk.take().map(|disk| disk.known()).or(self.known);
        if let Some(known) = &mut self.known {
            known.damaged = true;
        }
        self.open()
    }
}
