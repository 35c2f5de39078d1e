//! Where records wait: one thread owns them, on the disk or in memory.
//!
//! Rule of thumb: all requests that wait at a moment share one transaction. The thread takes all that was handed
//! in, commits it, and then answers.

mod database;
mod disk;
mod folder;
mod inbox;
mod keeper;
mod marks;
mod salvage;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod wal;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use monitoring::Histogram;
use tokio::sync::Notify;
use tracing::{error, warn};

use super::books::{Books, DropReason};
use super::record_options::Durability;
pub(super) use inbox::SpoolInbox;
pub(super) use keeper::Settlement;
use keeper::SpoolKeeper;

/// How long the opening of a spool may take before the service starts without it, with records in memory.
const OPENING_PATIENCE: Duration = Duration::from_secs(5);
/// How long the disk may take for anything else. A healthy one takes milliseconds.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
/// How long the thread has for its last transaction.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

/// The spool cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process uses it.
    #[error("{0}; end it, or let --spool name another folder")]
    Taken(String),
    /// No thread can be started.
    #[error("the spool's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// What a spool needs.
pub(super) struct SpoolOptions {
    /// Without a folder, records wait in memory.
    pub(super) folder: Option<PathBuf>,
    pub(super) durability: Durability,
    pub(super) books: Books,
    pub(super) write_seconds: Histogram,
    /// Wakes the delivery after each write, and when the disk works again.
    pub(super) changed: Arc<Notify>,
}

/// The thread that owns the records.
pub(super) struct SpoolThread {
    inbox: Arc<SpoolInbox>,
    books: Books,
    /// Disconnected when the thread has ended.
    ended: mpsc::Receiver<()>,
}

impl SpoolThread {
    /// Starts the thread, which opens the spool. That takes some seconds if it is large, and where it takes longer, records
    /// wait in memory until it is open.
    ///
    /// # Errors
    /// [`SpoolError`]. A disk that does not work is no error.
    pub(super) fn start(options: SpoolOptions) -> Result<Self, SpoolError> {
        let SpoolOptions { folder, durability, books, write_seconds, changed } = options;
        let mut keeper = SpoolKeeper::new(folder, durability, books.clone(), write_seconds);
        let inbox = Arc::<SpoolInbox>::default();
        let (taken_from, counted) = (inbox.clone(), books.clone());
        // Without a buffer, so that the thread knows whether somebody has heard how the opening went.
        let (opened, opening) = mpsc::sync_channel(0);
        let (end, ended) = mpsc::channel();
        let work = move || {
            let _end = end;
            counted.begin_disk_work(OPENING_PATIENCE);
            let first = keeper.open_first();
            counted.end_disk_work();
            let is_taken = first.is_err();
            let is_awaited = opened.send(first).is_ok();
            if !(is_taken && is_awaited) {
                run(keeper, taken_from, &counted, &changed);
            }
        };
        thread::Builder::new().name("spool".to_owned()).spawn(work).map_err(SpoolError::Thread)?;
        match opening.recv_timeout(OPENING_PATIENCE) {
            Ok(Ok(())) => {}
            Ok(Err(taken)) => return Err(SpoolError::Taken(taken.to_string())),
            Err(RecvTimeoutError::Timeout) => {
                warn!("prediction_log_spool_opens_slowly: records wait in memory meanwhile");
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(SpoolError::Thread(io::Error::other("it ended in a panic")));
            }
        }
        Ok(Self { inbox, books, ended })
    }

    /// The way to the thread.
    pub(super) fn inbox(&self) -> Arc<SpoolInbox> {
        self.inbox.clone()
    }

    /// Lets the thread finish what was handed in, and waits for its end, but not for a disk that does not answer. Blocks.
    pub(super) fn finish(self) {
        self.inbox.close();
        if self.ended.recv_timeout(LAST_PATIENCE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let lost = self.inbox.abandon();
        self.books.count_dropped(lost, DropReason::Shutdown);
        error!(
            records = lost.records,
            "prediction_log_records_lost: the disk does not answer; what it was given before may be there after all"
        );
    }
}

fn run(mut keeper: SpoolKeeper, inbox: Arc<SpoolInbox>, books: &Books, changed: &Notify) {
    // If this thread panics, no request waits for it for ever.
    let inbox = AbandonOnDrop(inbox);
    loop {
        let batch = inbox.0.take(keeper.retry_at);
        books.begin_disk_work(DISK_PATIENCE);
        for settlement in batch.settlements {
            keeper.settle(settlement);
        }
        let (mut lines, mut receipts) = (Vec::new(), Vec::new());
        for submission in batch.submissions {
            lines.extend(submission.lines);
            receipts.push(submission.receipt);
        }
        let (any, failed_before) = (!lines.is_empty(), keeper.retry_at.is_some());
        let kept = keeper.keep(lines);
        // A disk that works again may bring records with it.
        let works_again = failed_before && keeper.retry_at.is_none();
        for receipt in receipts {
            // A client that does not wait for it has left.
            let _ = receipt.send(kept);
        }
        if any || works_again {
            changed.notify_one();
        }
        for loan in batch.loans {
            // The delivery may have been stopped meanwhile.
            let _ = loan.lines.send(keeper.lend(loan.records, loan.bytes));
        }
        if batch.closed {
            keeper.close();
            return books.end_disk_work();
        }
        books.end_disk_work();
    }
}

struct AbandonOnDrop(Arc<SpoolInbox>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
