//! What the store tells about its work, to whoever counts it.
//!
//! Rule of thumb: the store knows nothing of metrics; it names what happened.

use std::collections::BTreeMap;

use super::StoreError;
use super::row::NewRow;

/// Watches the writer. Every method is called on the writer's thread, before the callers concerned
/// get their answers: a client that was answered finds itself counted. It must be quick and must not panic.
pub trait StoreObserver: Send + Sync {
    /// A transaction is durable.
    fn committed(&self, summary: &CommitSummary);
    /// The database can be written from now on, or cannot. Called at the start and at every change.
    fn availability(&self, available: bool);
    /// A transaction failed and was rolled back ([`StoreError::Unavailable`]), or one batch of it was
    /// left out ([`StoreError::Refused`]).
    fn commit_failed(&self, error: &StoreError);
}

/// One durable transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommitSummary {
    /// From the transaction's beginning until it was durable.
    pub seconds: f64,
    /// Records of all batches that were stored: accepted and duplicates.
    pub rows: usize,
    /// The same by model.
    pub models: BTreeMap<String, ModelCounts>,
}

/// What one transaction stored of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelCounts {
    /// New records.
    pub accepted: u64,
    /// Records that were there already.
    pub duplicates: u64,
    /// New records that name a defect.
    pub defects: u64,
}

impl CommitSummary {
    /// Counts rows, of which those are duplicates that are not `new`; without it, none is.
    pub(super) fn of(rows: &[NewRow], new: Option<&[bool]>) -> Self {
        let mut summary = Self::default();
        for (index, NewRow { record, .. }) in rows.iter().enumerate() {
            let is_new = new.is_none_or(|new| new.get(index) == Some(&true));
            let counts = if is_new {
                ModelCounts { accepted: 1, duplicates: 0, defects: u64::from(record.defect) }
            } else {
                ModelCounts { duplicates: 1, ..ModelCounts::default() }
            };
            summary.count(&record.model, counts);
        }
        summary
    }

    fn count(&mut self, model: &str, row: ModelCounts) {
        self.rows += 1;
        match self.models.get_mut(model) {
            Some(counts) => counts.add(row),
            None => {
                self.models.insert(model.to_owned(), row);
            }
        }
    }

    /// Adds the counts of another summary.
    pub(super) fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        for (model, counts) in other.models {
            self.models.entry(model).or_default().add(counts);
        }
    }
}

impl ModelCounts {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicates += other.duplicates;
        self.defects += other.defects;
    }
}
