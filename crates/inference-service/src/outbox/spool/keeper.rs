//! Decides where each record waits: on the disk as asked, or in memory while the disk does not take it.
//!
//! Rule of thumb: no error of the disk gets out of here. Records that cannot be written wait in memory, within
//! its bound, and move to the disk when that works again; only where predictions without a record are refused,
//! the waiting client is told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use monitoring::Histogram;
use tracing::{error, info, warn};

use super::super::books::{Books, DropReason};
use super::super::line::{Amount, RecordLine};
use super::super::memory::MemoryQueue;
use super::super::record_options::{Durability, RecordBound, WhenFull};
use super::disk::{DiskError, KnownContent, SpoolDisk};
use super::folder::{FolderError, SpoolFolder};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Records that move from memory to the disk in one transaction.
const MOVED_AT_ONCE: usize = 2000;

/// What became of the records that were being delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Settlement {
    /// The logging service has stored them.
    Delivered,
    /// The logging service refuses them.
    Rejected,
}

/// All records that wait.
pub(super) struct SpoolKeeper {
    books: Books,
    durability: Durability,
    /// The spool's folder; without one, all records wait in memory.
    folder: Option<PathBuf>,
    /// The open spool, even while it takes no records.
    pub(super) disk: Option<SpoolDisk>,
    /// What the books count as being in a spool that was closed because it is damaged, or could not be removed.
    known: Option<KnownContent>,
    pub(super) memory: MemoryQueue,
    write_seconds: Histogram,
    /// When the disk is tried again; `None` while it takes records.
    pub(super) retry_at: Option<Instant>,
    pause: Duration,
}

impl SpoolKeeper {
    /// Opens the spool in this folder; without a folder, records wait in memory.
    ///
    /// # Errors
    /// Only if the spool is another process's. Where it cannot be opened for now, records wait in memory.
    pub(super) fn start(
        folder: Option<PathBuf>,
        durability: Durability,
        (books, write_seconds): (Books, Histogram),
    ) -> Result<Self, FolderError> {
        let (memory, retry_at, pause) = (MemoryQueue::default(), None, FIRST_PAUSE);
        let (disk, known) = (None, None);
        let mut keeper = Self { books, durability, folder, disk, known, memory, write_seconds, retry_at, pause };
        if keeper.folder.is_some() {
            match keeper.open() {
                Ok(()) => info!(spooled = keeper.books.waiting().records, "prediction_log_spool_opened"),
                Err(DiskError::Folder(taken @ FolderError::Taken(_))) => return Err(taken),
                Err(problem) => keeper.failed(&problem),
            }
            keeper.note_oldest();
        }
        Ok(keeper)
    }

    /// Keeps these lines, deletes what is settled, and tries the disk again if it is time. False if they could not be kept as asked and must not be answered.
    pub(super) fn keep(&mut self, lines: Vec<RecordLine>) -> bool {
        let kept = self.write(lines);
        self.note_oldest();
        kept
    }

    /// When [`SpoolKeeper::keep`] has something to do even without lines.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The oldest lines, at most `records` of them and about `bytes`. They are being delivered from now on.
    pub(super) fn lend(&mut self, records: usize, bytes: u64) -> Vec<RecordLine> {
        self.memory.take_back();
        match self.lend_from_disk(records, bytes) {
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => return lines,
            Err(problem) => self.failed(&problem),
        }
        self.memory.lend(records, bytes)
    }

    /// What was lent last is done with.
    pub(super) fn settle(&mut self, how: Settlement) {
        let mut settled = self.memory.settle();
        if let Some(disk) = &mut self.disk {
            settled = settled.plus(disk.settle());
        }
        match how {
            Settlement::Delivered => self.books.delivered(settled),
            Settlement::Rejected => self.books.dropped(settled, DropReason::Rejected),
        }
    }

    /// Closes the spool. What waits on the disk stays there; what waits in memory goes there if it can.
    pub(super) fn close(mut self) {
        self.memory.take_back();
        self.retry_at = self.retry_at.map(|_| Instant::now());
        self.keep(Vec::new());
        let lost = self.memory.amount();
        if lost.records > 0 {
            self.books.dropped(lost, DropReason::Shutdown);
            error!(
                records = lost.records,
                "prediction_log_records_lost: the logging service did not take them before this service stopped"
            );
        }
        let records = self.disk.map_or(0, |disk| disk.amount().records);
        if records > 0 {
            info!(records, "prediction_log_records_kept: they stay in the spool, for the next start to deliver");
        }
    }

    fn write(&mut self, lines: Vec<RecordLine>) -> bool {
        let due = self.retry_at.is_none_or(|at| at <= Instant::now());
        if self.folder.is_none() || !due {
            return self.keep_in_memory(lines);
        }
        let started = Instant::now();
        match self.try_write(&lines) {
            Ok(false) => true,
            Ok(true) => {
                self.write_seconds.observe(started.elapsed().as_secs_f64());
                self.works();
                true
            }
            Err(problem) => {
                self.failed(&problem);
                self.keep_in_memory(lines)
            }
        }
    }

    /// Writes what waits in memory and then these lines; false if there was nothing to write.
    fn try_write(&mut self, lines: &[RecordLine]) -> Result<bool, DiskError> {
        match self.commit(lines) {
            Err(problem) if problem.is_damage() => {
                self.reopen()?;
                self.commit(lines)
            }
            committed => committed,
        }
    }

    fn commit(&mut self, lines: &[RecordLine]) -> Result<bool, DiskError> {
        if self.retry_at.is_some() {
            self.remove_if_spent()?;
        }
        self.open()?;
        let Some(disk) = &mut self.disk else { return Ok(false) };
        let mut written = self.retry_at.is_some();
        if written {
            disk.database.prove_writable()?;
        }
        loop {
            let moved: Vec<&RecordLine> = self.memory.idle().take(MOVED_AT_ONCE).collect();
            let count = moved.len();
            if count == 0 {
                break;
            }
            disk.commit(&moved, &self.books)?;
            self.memory.remove_idle(count);
            written = true;
        }
        if !lines.is_empty() || disk.is_stale() {
            disk.commit(&lines.iter().collect::<Vec<_>>(), &self.books)?;
            disk.tidy();
            written = true;
        }
        Ok(written)
    }

    fn lend_from_disk(&mut self, records: usize, bytes: u64) -> Result<Vec<RecordLine>, DiskError> {
        let Some(disk) = &mut self.disk else { return Ok(Vec::new()) };
        match disk.lend(records, bytes, &self.books) {
            Err(problem) if problem.is_damage() => {
                self.reopen()?;
                let reopened = self.disk.as_mut();
                reopened.map_or(Ok(Vec::new()), |disk| disk.lend(records, bytes, &self.books))
            }
            lent => lent,
        }
    }

    /// Opens the spool if it is not open.
    fn open(&mut self) -> Result<(), DiskError> {
        if let (None, Some(folder)) = (&self.disk, &self.folder) {
            let folder = SpoolFolder::open(folder)?;
            self.disk = Some(SpoolDisk::open(folder, self.durability, (&self.books, self.known))?);
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
    fn reopen(&mut self) -> Result<(), DiskError> {
        self.known = self.disk.take().map(|disk| disk.known()).or(self.known);
        if let Some(known) = &mut self.known {
            known.damaged = true;
        }
        self.open()
    }

    /// Keeps lines in memory within its bound. False where that is not what was asked for.
    fn keep_in_memory(&mut self, lines: Vec<RecordLine>) -> bool {
        let as_asked = self.folder.is_none();
        if !as_asked && self.books.when_full() == WhenFull::Refuse {
            self.books.dropped(Amount::of(&lines), DropReason::Full);
            return lines.is_empty();
        }
        for line in lines {
            let size = Amount::one(line.size());
            let fits = |memory: &MemoryQueue| {
                let with = memory.amount().plus(size);
                RecordBound::MEMORY.holds(with.records, with.bytes)
            };
            while self.books.when_full() == WhenFull::DropOldest && !fits(&self.memory) {
                let Some(oldest) = self.memory.pop() else { break };
                self.books.dropped(Amount::one(oldest.size()), DropReason::Evicted);
            }
            if fits(&self.memory) {
                self.memory.push(line);
            } else {
                self.books.dropped(size, DropReason::Full);
            }
        }
        true
    }

    fn works(&mut self) {
        (self.retry_at, self.pause) = (None, FIRST_PAUSE);
        if self.books.available(true) {
            warn!("prediction_log_spool_available_again");
        }
    }

    fn failed(&mut self, problem: &DiskError) {
        self.books.spool_failed();
        self.retry_at = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if self.books.available(false) {
            error!(%problem, "prediction_log_spool_unavailable: records wait in memory until it can be written");
        }
    }

    fn note_oldest(&self) {
        let on_disk = self.disk.as_ref().and_then(SpoolDisk::oldest_at);
        let oldest = [on_disk, self.memory.oldest_at()].into_iter().flatten().min();
        self.books.oldest_at(oldest);
    }
}
