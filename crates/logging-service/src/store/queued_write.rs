//! What a caller wants written, on its way through the queue.
//!
//! Rule of thumb: the caller spends the time, because there are many callers and one writer. What a job computes leaves
//! the writer's thread only after the commit.

use tokio::sync::oneshot;

use super::acknowledgement::Acknowledgement;
use super::buckets::BucketCounts;
use super::engine::WriteTransaction;
use super::error::{DatabaseError, StoreError};
use super::observer::CommitSummary;
use super::row::NewRow;

/// What one caller wants written, all or not at all, and where the caller waits for the answer.
pub(super) enum QueuedWrite {
    /// Predictions.
    Records {
        /// The predictions.
        rows: Vec<NewRow>,
        /// What they add up to if all of them are new, where the caller has counted them.
        counted: Option<PrecountedRows>,
        /// Where the answer goes.
        answer: oneshot::Sender<RecordsAnswer>,
    },
    /// Anything else.
    Job(Box<dyn WriteJob>),
}

/// What became of the rows, and the rows themselves: dropping a thousand of them takes time, which the caller spends.
pub(super) struct RecordsAnswer {
    pub(super) outcome: Result<Acknowledgement, StoreError>,
    pub(super) _rows: Vec<NewRow>,
}

/// What rows add up to.
pub(super) struct PrecountedRows {
    pub(super) buckets: BucketCounts,
    pub(super) summary: CommitSummary,
}

impl PrecountedRows {
    /// Counts rows as new ones.
    pub(super) fn of(rows: &[NewRow]) -> Self {
        let mut buckets = BucketCounts::default();
        buckets.observe(rows.iter());
        Self { buckets, summary: CommitSummary::of_new(rows) }
    }
}

impl QueuedWrite {
    /// The room that it takes in the queue, in records.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Records { rows, .. } => rows.len(),
            Self::Job(job) => job.weight(),
        }
    }

    /// Answers the caller. Where the caller has stopped waiting, the answer is dropped; the rows are stored all the same.
    pub(super) fn answer(self, outcome: Result<Acknowledgement, StoreError>) {
        match self {
            Self::Records { rows, answer, .. } => {
                let _ = answer.send(RecordsAnswer { outcome, _rows: rows });
            }
            Self::Job(job) => job.answer(outcome.map(|_| ())),
        }
    }
}

/// Something to be written in a transaction.
pub(super) trait WriteJob: Send {
    /// The room that it takes in the queue, in records.
    fn weight(&self) -> usize;

    /// Writes. May be undone as a whole, and run again.
    ///
    /// # Errors
    /// [`DatabaseError`]: nothing of it is stored.
    fn run(&mut self, transaction: &mut dyn WriteTransaction) -> Result<(), DatabaseError>;

    /// Tells the caller what has become of it, after the commit.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A closure as a job.
pub(super) struct ClosureJob<T, W> {
    pub(super) weight: usize,
    pub(super) work: W,
    /// What the closure gave when it ran last.
    pub(super) result: Option<T>,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> WriteJob for ClosureJob<T, W>
where
    T: Send + 'static,
    W: FnMut(&mut dyn WriteTransaction) -> Result<T, DatabaseError> + Send + 'static,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, transaction: &mut dyn WriteTransaction) -> Result<(), DatabaseError> {
        self.result = Some((self.work)(transaction)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, answer, .. } = *self;
        let stopped = || StoreError::Unavailable("the writer did not get to it".to_owned());
        // A caller that has stopped waiting needs no answer.
        let _ = answer.send(outcome.and_then(|()| result.ok_or_else(stopped)));
    }
}
