//! Which of a model's files is in service.
//!
//! Rule of thumb: the one that answers. A request that failed names no file, or a wrong one; and a canary, or an old version
//! that somebody asks for by its number, is not the one in service although its prediction may be the latest.

use std::cmp::Ordering;

use super::error::DatabaseError;
use super::value::{RowColumns, SqlValue};

/// How much more a prediction counts than one of the bucket before. A file that gets all the traffic from now on is ahead
/// of the former one after two minutes.
const BASE: f64 = 4.0;

/// How much a file was used lately: its answered predictions, the later ones of which count more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RecentUse {
    /// The number of its latest bucket.
    bucket: i64,
    /// The predictions of that bucket, a fourth of those of the bucket before, and so on.
    predictions: f64,
}

impl RecentUse {
    /// The use by answered predictions of one bucket; buckets are numbered in order of time.
    pub(crate) fn of_bucket(bucket: i64, predictions: u64) -> Self {
        Self { bucket, predictions: predictions as f64 }
    }

    /// What [`RecentUse::values`] wrote.
    ///
    /// # Errors
    /// The columns hold something else.
    pub(super) fn read(columns: &mut RowColumns) -> Result<Self, DatabaseError> {
        Ok(Self { bucket: columns.integer()?, predictions: columns.opt_real()?.unwrap_or_default() })
    }

    /// The values of the columns `used_at` and `used`.
    pub(super) fn values(&self) -> [SqlValue; 2] {
        [self.bucket.into(), self.predictions.into()]
    }

    /// The use by both.
    pub(crate) fn merge(&mut self, other: Self) {
        if other.predictions == 0.0 {
            return;
        }
        if self.predictions == 0.0 {
            *self = other;
            return;
        }
        let bucket = self.bucket.max(other.bucket);
        *self = Self { bucket, predictions: self.seen_from(bucket) + other.seen_from(bucket) };
    }

    /// Which of two was used more.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.is_more_than(other, 1.0).cmp(&other.is_more_than(self, 1.0))
    }

    /// Whether it is more than so many times the other.
    pub(crate) fn is_more_than(&self, other: &Self, factor: f64) -> bool {
        let bucket = self.bucket.max(other.bucket);
        match (self.predictions > 0.0, other.predictions > 0.0) {
            (true, true) => self.seen_from(bucket) > factor * other.seen_from(bucket),
            (is_used, _) => is_used && other.predictions == 0.0,
        }
    }

    fn seen_from(&self, bucket: i64) -> f64 {
        self.predictions * BASE.powf((self.bucket - bucket) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(buckets: &[(i64, u64)]) -> RecentUse {
        let mut sum = RecentUse::default();
        buckets.iter().for_each(|(number, predictions)| sum.merge(RecentUse::of_bucket(*number, *predictions)));
        sum
    }

    #[test]
    fn the_file_that_answers_is_in_service() {
        let steady: Vec<(i64, u64)> = (100..200).map(|number| (number, 1000)).collect();
        let steady = used(&steady);
        for (other, why) in [
            (used(&[]), "a file that has answered nothing, of requests that failed"),
            (used(&[(199, 1)]), "one prediction in the same bucket"),
            (used(&[(200, 1)]), "one prediction in a bucket that has just begun"),
            (used(&[(199, 100), (200, 100)]), "a canary"),
            (used(&[(150, 100_000)]), "what served hours ago"),
            (used(&[(i64::MIN / 1_000, 5)]), "what lies beyond numbers"),
        ] {
            assert_eq!(steady.compare(&other), Ordering::Greater, "{why}");
            assert_eq!(other.compare(&steady), Ordering::Less, "{why}");
        }
        assert_eq!(steady.compare(&used(&[(200, 400)])), Ordering::Less, "a new version, two minutes after the change");
        assert_eq!(used(&[]).compare(&used(&[])), Ordering::Equal);
    }

    #[test]
    fn the_order_of_buckets_does_not_matter() {
        let forth = used(&[(1, 8), (2, 4), (3, 2)]);
        assert_eq!(forth, used(&[(3, 2), (1, 8), (2, 4)]));
        assert!(forth.is_more_than(&used(&[(3, 1)]), 3.0));
        assert!(!forth.is_more_than(&used(&[(3, 1)]), 3.5));
    }
}
