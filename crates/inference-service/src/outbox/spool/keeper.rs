//! Decides where each record waits: on the disk as asked, or in memory while the disk does not take it.
//!
//! Rule of thumb: no error of the disk gets out of here. Records that cannot be written wait in memory, within
//! its bound, and move to the disk when that works again; where predictions without a record are refused,
//! these are refused at once instead.

mod write;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use monitoring::{Backoff, Histogram};
use tracing::{error, info, warn};

use super::super::books::{Books, DropReason};
use super::super::line::RecordLine;
use super::super::memory::MemoryQueue;
use super::super::record_options::{Durability, MEMORY_BOUND, WhenFull};
use super::disk::{DiskError, KnownContent, SpoolDisk};
use super::folder::FolderError;

/// When a disk that does not work is tried again.
const DISK_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// What became of the records that were being delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Settlement {
    /// The logging service has stored them.
    Delivered,
    /// The logging service refuses them.
    Rejected,
}

/// What a write to the disk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteOutcome {
    Written,
    NothingToDo,
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
    /// When the disk is tried again, by [`SpoolKeeper::keep`]; `None` while it takes records.
    pub(super) retry_at: Option<Instant>,
    backoff: Backoff,
}

impl SpoolKeeper {
    /// The keeper of the spool in this folder, which is not open yet; without a folder, records wait in memory.
    pub(super) fn new(folder: Option<PathBuf>, durability: Durability, books: Books, write_seconds: Histogram) -> Self {
        Self {
            books,
            durability,
            folder,
            disk: None,
            known: None,
            memory: MemoryQueue::default(),
            write_seconds,
            retry_at: None,
            backoff: DISK_BACKOFF,
        }
    }

    /// Opens the spool for the first time.
    ///
    /// # Errors
    /// Only if the spool is another process's. Where it cannot be opened for now, records wait in memory.
    pub(super) fn open_first(&mut self) -> Result<(), FolderError> {
        if self.folder.is_none() {
            return Ok(());
        }
        let opened = self.open();
        match &opened {
            Ok(()) => info!(spooled = self.books.waiting().records, "prediction_log_spool_opened"),
            Err(problem) => self.note_failure(problem),
        }
        self.note_oldest();
        match opened {
            Err(DiskError::Folder(taken @ FolderError::Taken(_))) => Err(taken),
            _ => Ok(()),
        }
    }

    /// Keeps these lines, deletes what is settled, and tries the disk again if it is time: [`SpoolKeeper::retry_at`] says
    /// when there is something to do without lines. False if the lines could not be kept as asked, and their predictions
    /// must not be answered.
    pub(super) fn keep(&mut self, lines: Vec<RecordLine>) -> bool {
        let is_due = self.retry_at.is_none_or(|at| at <= Instant::now());
        let kept = if self.folder.is_some() && is_due {
            let started = Instant::now();
            let mut written = self.write(&lines);
            if written.as_ref().is_err_and(DiskError::is_damage) {
                written = self.reopen().and_then(|()| self.write(&lines));
            }
            match written {
                Ok(WriteOutcome::NothingToDo) => true,
                Ok(WriteOutcome::Written) => {
                    self.write_seconds.observe(started.elapsed().as_secs_f64());
                    self.note_success();
                    true
                }
                Err(problem) => {
                    self.note_failure(&problem);
                    self.keep_in_memory(lines)
                }
            }
        } else {
            self.keep_in_memory(lines)
        };
        self.note_oldest();
        kept
    }

    /// The oldest lines, at most `records` of them and about `bytes`. They are being delivered from now on.
    pub(super) fn lend(&mut self, records: usize, bytes: u64) -> Vec<RecordLine> {
        self.memory.take_back();
        match self.lend_from_disk(records, bytes) {
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => return lines,
            Err(problem) => self.note_failure(&problem),
        }
        self.memory.lend(records, bytes)
    }

    /// Removes the lines that were lent last.
    pub(super) fn settle(&mut self, settlement: Settlement) {
        let mut settled = self.memory.settle();
        if let Some(disk) = &mut self.disk {
            settled = settled.plus(disk.settle());
        }
        match settlement {
            Settlement::Delivered => self.books.count_delivered(settled),
            Settlement::Rejected => self.books.count_dropped(settled, DropReason::Rejected),
        }
    }

    /// Closes the spool. What waits on the disk stays there; what waits in memory goes there if it can.
    pub(super) fn close(mut self) {
        self.memory.take_back();
        self.retry_at = self.retry_at.map(|_| Instant::now());
        self.keep(Vec::new());
        let lost = self.memory.amount();
        if lost.records > 0 {
            self.books.count_dropped(lost, DropReason::Shutdown);
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

    /// Keeps lines in memory within its bound. False if they must be on the disk and are refused.
    fn keep_in_memory(&mut self, lines: Vec<RecordLine>) -> bool {
        let is_as_asked = self.folder.is_none();
        if !is_as_asked && self.books.when_full() == WhenFull::Refuse {
            lines.iter().for_each(|line| self.books.count_without_room(line));
            return lines.is_empty();
        }
        for line in lines {
            let fits = |memory: &MemoryQueue| MEMORY_BOUND.has_room(memory.amount(), &line);
            let gives_way = self.books.when_full() == WhenFull::DropOldest && !line.is_refusal;
            while gives_way && !fits(&self.memory) {
                let Some(oldest) = self.memory.pop() else { break };
                self.books.count_dropped(oldest.amount(), DropReason::Evicted);
            }
            if fits(&self.memory) {
                self.memory.push(line);
            } else {
                self.books.count_without_room(&line);
            }
        }
        true
    }

    /// The disk takes records.
    fn note_success(&mut self) {
        self.retry_at = None;
        self.backoff.reset();
        if self.books.set_available(true) {
            warn!("prediction_log_spool_available_again");
        }
    }

    /// The disk does not take records for now.
    fn note_failure(&mut self, problem: &DiskError) {
        self.books.count_spool_error();
        self.retry_at = Some(Instant::now() + self.backoff.next_delay());
        if self.books.set_available(false) {
            error!(%problem, "prediction_log_spool_unavailable: records wait in memory until it can be written");
        }
    }

    fn note_oldest(&self) {
        let on_disk = self.disk.as_ref().and_then(SpoolDisk::oldest_at);
        let oldest = [on_disk, self.memory.oldest_at()].into_iter().flatten().min();
        self.books.set_oldest_at(oldest);
    }
}
