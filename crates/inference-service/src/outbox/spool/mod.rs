//! Where records wait: one thread owns them, on the disk or in memory.
//!
//! Rule of thumb: everybody who waits at a moment shares one transaction. The thread takes all that was handed
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
use tokio::sync::{Notify, oneshot};
use tracing::error;

use super::books::Books;
use super::line::RecordLine;
use super::record_options::Durability;
use inbox::{Errand, SpoolBatch, SpoolInbox, Submission};
pub(super) use keeper::Settlement;
use keeper::SpoolKeeper;

/// The spool cannot be had at all.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process uses it.
    #[error("{0}; end it, or let --spool name another folder")]
    Taken(String),
    /// No thread can be had.
    #[error("the spool's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// What a spool needs.
pub(super) struct SpoolParts {
    /// Without a folder, records wait in memory.
    pub(super) folder: Option<PathBuf>,
    pub(super) durability: Durability,
    pub(super) books: Books,
    pub(super) write_seconds: Histogram,
    /// Rung after each write, and when the disk works again.
    pub(super) bell: Arc<Notify>,
}

/// The way to the spool's thread. Clones lead to the same.
#[derive(Clone)]
pub(super) struct Spool(Arc<SpoolInbox>);

/// The thread itself.
pub(super) struct SpoolThread {
    inbox: Arc<SpoolInbox>,
    thread: JoinHandle<()>,
}

impl Spool {
    /// Opens the spool, which may take some seconds if it is large, and starts its thread.
    ///
    /// # Errors
    /// [`SpoolError`]. A disk that does not work is none.
    pub(super) fn start(parts: SpoolParts) -> Result<(Self, SpoolThread), SpoolError> {
        let SpoolParts { folder, durability, books, write_seconds, bell } = parts;
        let keeper = SpoolKeeper::start(folder, durability, (books, write_seconds))
            .map_err(|taken| SpoolError::Taken(taken.to_string()))?;
        let inbox = Arc::new(SpoolInbox::default());
        let keeping = inbox.clone();
        let thread = thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || run(keeper, &keeping, &bell))
            .map_err(SpoolError::Thread)?;
        Ok((Self(inbox.clone()), SpoolThread { inbox, thread }))
    }

    /// Hands lines in, without waiting. What comes back tells whether they are kept as asked; `None` if they are
    /// not taken.
    pub(super) fn submit(&self, lines: Vec<RecordLine>) -> Option<oneshot::Receiver<bool>> {
        let (answer, kept) = oneshot::channel();
        self.0.submit(Submission { lines, answer }).then_some(kept)
    }

    /// The oldest lines, at most `records` of them and about `bytes`. They stay until they are settled.
    pub(super) async fn lend(&self, records: usize, bytes: u64) -> Vec<RecordLine> {
        let (answer, lines) = oneshot::channel();
        self.0.send(Errand::Lend(records, bytes, answer));
        lines.await.unwrap_or_default()
    }

    /// What was lent last is done with.
    pub(super) fn settle(&self, how: Settlement) {
        self.0.send(Errand::Settle(how));
    }
}

impl SpoolThread {
    /// Lets the thread finish what was handed in, and waits for its end. Blocks.
    pub(super) fn finish(self) {
        self.inbox.close();
        if self.thread.join().is_err() {
            error!("the spool's thread ended in a panic");
        }
    }
}

fn run(mut keeper: SpoolKeeper, inbox: &Arc<SpoolInbox>, bell: &Notify) {
    // Should this thread panic, nobody waits for it for ever.
    let _abandoned = AbandonOnDrop(inbox.clone());
    loop {
        let SpoolBatch { submissions, errands, closed, .. } = inbox.take(keeper.next_tick());
        let (lends, settlements): (Vec<_>, Vec<_>) =
            errands.into_iter().partition(|errand| matches!(errand, Errand::Lend(..)));
        for errand in settlements {
            if let Errand::Settle(how) = errand {
                keeper.settle(how);
            }
        }
        let (lines, answers): (Vec<_>, Vec<_>) =
            submissions.into_iter().map(|submission| (submission.lines, submission.answer)).unzip();
        let lines: Vec<RecordLine> = lines.into_iter().flatten().collect();
        let (any, failed_before) = (!lines.is_empty(), keeper.next_tick().is_some());
        let kept = keeper.keep(lines);
        // A disk that works again may bring records with it.
        let works_again = failed_before && keeper.next_tick().is_none();
        for answer in answers {
            // Who does not wait for it has left.
            let _ = answer.send(kept);
        }
        if any || works_again {
            bell.notify_one();
        }
        for errand in lends {
            if let Errand::Lend(records, bytes, answer) = errand {
                let _ = answer.send(keeper.lend(records, bytes));
            }
        }
        if closed {
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
