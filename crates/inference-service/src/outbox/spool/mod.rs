//! Where records wait: one thread owns them, on the disk or in memory.
//!
//! Rule of thumb: all requests that wait at a moment share one transaction. The thread takes all that was handed
//! in, commits it, and then answers.

mod database;
mod disk;
mod folder;
mod inbox;
mod keeper;
mod salvage;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod wal;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use monitoring::Histogram;
use tokio::sync::Notify;
use tracing::error;

use super::books::Books;
use super::record_options::Durability;
pub(super) use inbox::SpoolInbox;
pub(super) use keeper::Settlement;
use keeper::SpoolKeeper;

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
    thread: JoinHandle<()>,
}

impl SpoolThread {
    /// Opens the spool, which may take some seconds if it is large, and starts its thread.
    ///
    /// # Errors
    /// [`SpoolError`]. A disk that does not work is no error.
    pub(super) fn start(options: SpoolOptions) -> Result<Self, SpoolError> {
        let SpoolOptions { folder, durability, books, write_seconds, changed } = options;
        let keeper = SpoolKeeper::start(folder, durability, books, write_seconds)
            .map_err(|taken| SpoolError::Taken(taken.to_string()))?;
        let inbox = Arc::<SpoolInbox>::default();
        let taken_from = inbox.clone();
        let thread = thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || run(keeper, taken_from, &changed))
            .map_err(SpoolError::Thread)?;
        Ok(Self { inbox, thread })
    }

    /// The way to the thread.
    pub(super) fn inbox(&self) -> Arc<SpoolInbox> {
        self.inbox.clone()
    }

    /// Lets the thread finish what was handed in, and waits for its end. Blocks.
    pub(super) fn finish(self) {
        self.inbox.close();
        if self.thread.join().is_err() {
            error!("the spool's thread ended in a panic");
        }
    }
}

fn run(mut keeper: SpoolKeeper, inbox: Arc<SpoolInbox>, changed: &Notify) {
    // If this thread panics, no request waits for it for ever.
    let inbox = AbandonOnDrop(inbox);
    loop {
        let batch = inbox.0.take(keeper.retry_at);
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
            return keeper.close();
        }
    }
}

struct AbandonOnDrop(Arc<SpoolInbox>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
