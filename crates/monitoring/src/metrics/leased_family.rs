//! A metric whose series come and go with the leases of their label values.

use std::sync::Arc;

use super::family::LabelledMetric;
use super::labels::Labels;
use super::leases::{LabelLease, LeasedSet};

/// No label beside those of a lease.
#[derive(Clone, Copy, Debug)]
pub struct NoLabels;

impl Labels for NoLabels {
    type Key = Self;
    fn names(&self) -> Vec<&'static str> {
        Vec::new()
    }
    fn capacity(&self) -> usize {
        1
    }
    fn index(&self, _: Self) -> usize {
        0
    }
    fn values(&self, _: Self) -> Vec<String> {
        Vec::new()
    }
    fn keys(&self) -> Vec<Self> {
        vec![Self]
    }
}

/// All series of one metric whose first labels are leased; `L` are the labels behind them. Reaching a series takes a lock
/// that is shared; whoever counts often keeps the series together with the lease.
pub struct LeasedFamily<M: LabelledMetric, L: Labels> {
    vec: M::Vec,
    labels: Arc<L>,
}

impl<M: LabelledMetric, L: Labels> LeasedFamily<M, L> {
    pub(super) fn new(vec: M::Vec, leased: &LeasedSet, labels: L) -> Self {
        let labels = Arc::new(labels);
        let (released_from, behind) = (vec.clone(), labels.clone());
        leased.on_release(Box::new(move |row| {
            for key in behind.keys() {
                M::forget(&released_from, &joined(row, &behind.values(key)));
            }
        }));
        Self { vec, labels }
    }

    /// The series with these values. It is in the scrape, from 0 on, until the last holder of the lease lets go.
    pub fn with(&self, lease: &LabelLease, key: L::Key) -> M {
        M::series(&self.vec, &joined(lease.values(), &self.labels.values(key)))
    }
}

fn joined<'a>(leased: &'a [String], behind: &'a [String]) -> Vec<&'a str> {
    leased.iter().chain(behind).map(String::as_str).collect()
}
