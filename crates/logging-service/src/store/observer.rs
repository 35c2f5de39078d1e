//! What the store tells an observer about its work.
//!
//! Rule of thumb: the store knows nothing of metrics; it says what has happened.

use std::collections::BTreeMap;

use prediction_record::PredictionRecord;

use super::caution::DatabaseCaution;
use super::error::StoreError;
use super::row::NewRow;

/// Watches the writer. Every method is called on the writer's thread, before the callers concerned get their answers, so
/// that a client that was answered has been counted. An observer must be quick and must not panic.
pub trait StoreObserver: Send + Sync {
    /// A transaction is durable.
    fn committed(&self, summary: &CommitSummary);
    /// The database can be written from now on, or cannot. Called at the start and at every change.
    fn availability_changed(&self, is_available: bool);
    /// A transaction failed and was rolled back ([`StoreError::Unavailable`]), or one batch of it was
    /// left out ([`StoreError::Refused`]).
    fn commit_failed(&self, error: &StoreError);
    /// The database is to be known about in these ways from now on, and in no others.
    fn cautions_changed(&self, _: &[DatabaseCaution]) {}
    /// Records of a model had so many values of features that it does not declare, and they were left out. The one method
    /// that is called by the caller, before the records are stored.
    fn features_left_out(&self, _model: &str, _values: u64) {}
}

/// One durable transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommitSummary {
    /// Seconds from the transaction's beginning until it was durable.
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
    /// Predictions of new records; a refused request is one record of several.
    pub predictions: u64,
    /// Records that were there already.
    pub duplicates: u64,
    /// New records that name a defect.
    pub defects: u64,
}

impl CommitSummary {
    /// Counts rows that are all new.
    pub(super) fn of_new(rows: &[NewRow]) -> Self {
        let mut summary = Self::default();
        for row in rows {
            summary.count(&row.record, true);
        }
        summary
    }

    /// Counts rows; `new` says of each whether it is new or a duplicate.
    pub(super) fn of(rows: &[NewRow], new: &[bool]) -> Self {
        let mut summary = Self::default();
        for (row, is_new) in rows.iter().zip(new) {
            summary.count(&row.record, *is_new);
        }
        summary
    }

    fn count(&mut self, record: &PredictionRecord, is_new: bool) {
        let row = if is_new {
            let defects = u64::from(record.defect);
            ModelCounts { accepted: 1, predictions: record.counts_as(), duplicates: 0, defects }
        } else {
            ModelCounts { duplicates: 1, ..ModelCounts::default() }
        };
        self.rows += 1;
        match self.models.get_mut(&record.model) {
            Some(counts) => counts.add(row),
            None => {
                self.models.insert(record.model.clone(), row);
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
        self.predictions += other.predictions;
        self.duplicates += other.duplicates;
        self.defects += other.defects;
    }
}
