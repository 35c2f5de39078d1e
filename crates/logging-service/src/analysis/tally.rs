//! Counts by bin, kept only where they are not zero.
//!
//! Rule of thumb: tallies with equal counts are equal and have equal JSON, so a count that becomes zero is removed.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Whole numbers by bin. They may be negative, because a difference between two states is a tally too.
///
/// Its JSON form is one list. A number is the count of the next bin; a 0 and a number skip as many bins:
/// `[0,57,12,3,0,2,4]` is 12 in bin 57, 3 in bin 58 and 4 in bin 61.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sorted by bin. For a hundred entries, a sorted list is smaller and faster than a map.
    counts: Vec<(u16, i64)>,
}

/// The list is not the JSON form of a tally.
#[derive(Debug, thiserror::Error)]
#[error("the counts by bin are not a list of counts and skips")]
struct NotATally;

impl Tally {
    /// Adds to one bin.
    pub fn add(&mut self, bin: u16, count: i64) {
        if count == 0 {
            return;
        }
        match self.counts.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(at) => {
                let sum = self.counts[at].1.saturating_add(count);
                if sum == 0 {
                    self.counts.remove(at);
                } else {
                    self.counts[at].1 = sum;
                }
            }
            Err(at) => self.counts.insert(at, (bin, count)),
        }
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        if other.counts.len() < 4 {
            other.iter().for_each(|(bin, count)| self.add(bin, count));
            return;
        }
        // Both are sorted, so one walk along them is enough, where adding bin by bin moves all that come after it.
        let mut sums = Vec::with_capacity(self.counts.len() + other.counts.len());
        let (mut ours, mut theirs) = (self.counts.iter().copied().peekable(), other.counts.iter().copied().peekable());
        while let (Some((bin, count)), Some((other_bin, added))) = (ours.peek().copied(), theirs.peek().copied()) {
            if bin <= other_bin {
                ours.next();
            }
            if other_bin <= bin {
                theirs.next();
            }
            match bin.cmp(&other_bin) {
                Ordering::Less => sums.push((bin, count)),
                Ordering::Greater => sums.push((other_bin, added)),
                Ordering::Equal => match count.saturating_add(added) {
                    0 => {}
                    sum => sums.push((bin, sum)),
                },
            }
        }
        sums.extend(ours.chain(theirs));
        self.counts = sums;
    }

    /// The count of one bin.
    pub fn get(&self, bin: u16) -> i64 {
        self.counts.binary_search_by_key(&bin, |(bin, _)| *bin).map_or(0, |at| self.counts[at].1)
    }

    /// The bins that are not zero and their counts, in order of the bins.
    pub fn iter(&self) -> impl Iterator<Item = (u16, i64)> + '_ {
        self.counts.iter().copied()
    }

    /// The sum of all counts.
    pub fn total(&self) -> i64 {
        self.iter().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Whether every count is zero.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The highest bin that is not zero.
    pub fn last_bin(&self) -> Option<u16> {
        self.counts.last().map(|(bin, _)| *bin)
    }

    fn from_steps(steps: &[i64]) -> Result<Self, NotATally> {
        let mut counts = Vec::with_capacity(steps.len());
        let mut steps = steps.iter();
        let mut bin = 0_u16;
        while let Some(step) = steps.next() {
            if *step == 0 {
                let skip = steps.next().and_then(|skip| u16::try_from(*skip).ok()).ok_or(NotATally)?;
                bin = bin.checked_add(skip).ok_or(NotATally)?;
            } else {
                counts.push((bin, *step));
                bin = bin.checked_add(1).ok_or(NotATally)?;
            }
        }
        Ok(Self { counts })
    }
}

impl PartialSchema for Tally {
    fn schema() -> RefOr<Schema> {
        let description = "Counts of the bins from the first on; a 0 and a number skip as many bins.";
        ArrayBuilder::new().items(i64::schema()).description(Some(description)).into()
    }
}

impl ToSchema for Tally {}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut steps = Vec::with_capacity(2 * self.counts.len());
        let mut next = 0;
        for (bin, count) in self.iter() {
            if bin > next {
                steps.extend([0, i64::from(bin - next)]);
            }
            steps.push(count);
            next = bin.saturating_add(1);
        }
        serializer.collect_seq(steps)
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_steps(&Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn tally(entries: &[(u16, i64)]) -> Tally {
        let mut tally = Tally::default();
        entries.iter().for_each(|(bin, count)| tally.add(*bin, *count));
        tally
    }

    #[test]
    fn the_json_form_is_counts_and_skips() {
        let counts = tally(&[(61, 4), (57, 12), (58, 3)]);
        assert_eq!(serde_json::to_string(&counts).unwrap(), "[0,57,12,3,0,2,4]");
        assert_eq!(counts.get(58), 3);
        assert_eq!(counts.get(59), 0);
        assert_eq!(counts.total(), 19);
    }

    #[test]
    fn what_is_no_tally_is_refused() {
        for text in ["[0]", "[0,-1,3]", "[0,70000,1]", "[0,65535,1,1]", "[1.5]", "{}"] {
            assert!(serde_json::from_str::<Tally>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_and_back_is_the_same_and_taking_away_leaves_nothing(entries in vec((0_u16..200, -5_i64..5), 0..80)) {
            let mut counts = tally(&entries);
            let text = serde_json::to_string(&counts).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Tally>(&text).unwrap(), &counts);
            counts.merge(&tally(&entries.iter().map(|(bin, count)| (*bin, -count)).collect::<Vec<_>>()));
            prop_assert!(counts.is_empty());
        }

        #[test]
        fn merging_is_adding_bin_by_bin(ours in vec((0_u16..60, -5_i64..5), 0..40), theirs in vec((0_u16..60, -5_i64..5), 0..40)) {
            let mut merged = tally(&ours);
            merged.merge(&tally(&theirs));
            prop_assert_eq!(merged, tally(&[ours, theirs].concat()));
        }
    }
}
