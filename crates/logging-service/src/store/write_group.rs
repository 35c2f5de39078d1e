//! Several callers' writes in one durable transaction.
//!
//! Rule of thumb: a write that breaks a constraint is left out whole, and none of the others with it.

use jiff::Timestamp;

use super::acknowledgement::Acknowledgement;
use super::buckets::BucketCounts;
use super::engine::{WritableDatabase, WriteTransaction};
use super::error::{DatabaseError, StoreError};
use super::observer::CommitSummary;
use super::queued_write::QueuedWrite;
use super::time::floor_microseconds;

/// What became of the writes of one transaction.
pub(super) struct WrittenGroup {
    /// All that was stored.
    pub(super) summary: CommitSummary,
    /// One for each write, in order.
    pub(super) outcomes: Vec<Result<Acknowledgement, StoreError>>,
}

impl WrittenGroup {
    /// Stores the writes in one transaction; returns when it is durable.
    ///
    /// # Errors
    /// The transaction's; none of the writes was acknowledged.
    pub(super) fn commit(
        database: &mut dyn WritableDatabase,
        writes: &mut [QueuedWrite],
    ) -> Result<Self, DatabaseError> {
        let mut group = Self { summary: CommitSummary::default(), outcomes: Vec::with_capacity(writes.len()) };
        let recorded_at = floor_microseconds(Timestamp::now());
        let mut counting = GroupCounting { buckets: BucketCounts::default(), recorded_at };
        database.transaction(&mut |transaction| {
            for write in writes.iter_mut() {
                let mut summary = CommitSummary::default();
                let outcome = transaction.savepoint(&mut |part| {
                    summary = store(part, write, &mut counting)?;
                    Ok(())
                });
                match outcome {
                    Ok(()) => {
                        group.outcomes.push(Ok(Acknowledgement::of(&summary)));
                        group.summary.merge(std::mem::take(&mut summary));
                    }
                    Err(DatabaseError::Refused(problem)) => group.outcomes.push(Err(StoreError::Refused(problem))),
                    Err(error) => return Err(error),
                }
            }
            std::mem::take(&mut counting.buckets).save(transaction)
        })?;
        Ok(group)
    }
}

/// How the rows of a group are counted.
struct GroupCounting {
    buckets: BucketCounts,
    /// In microseconds since 1970.
    recorded_at: i64,
}

/// Stores one write, and counts its new rows.
fn store(
    transaction: &mut dyn WriteTransaction,
    write: &mut QueuedWrite,
    counting: &mut GroupCounting,
) -> Result<CommitSummary, DatabaseError> {
    let (rows, counted) = match write {
        QueuedWrite::Records { rows, counted, .. } => (rows, counted),
        QueuedWrite::Job(job) => return job.run(transaction).map(|()| CommitSummary::default()),
    };
    let new = transaction.insert(rows, counting.recorded_at)?;
    if let Some(counted) = counted.take_if(|_| new.iter().all(|&is_new| is_new)) {
        counting.buckets.merge(counted.buckets);
        return Ok(counted.summary);
    }
    counting.buckets.observe(rows.iter().zip(&new).filter(|(_, is_new)| **is_new).map(|(row, _)| row));
    Ok(CommitSummary::of(rows, &new))
}
