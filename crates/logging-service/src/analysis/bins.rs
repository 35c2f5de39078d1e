//! The bins in which a window is compared with its reference.
//!
//! Rule of thumb: the reference alone decides where the bins are. If they moved with each window, the values of two
//! windows could not be compared.

use super::{ClassCounts, Tally};

/// A feature gets about this many bins, of about equal mass.
const BINS: i64 = 10;

/// The counts of a reference and of a window in the same bins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComparedCounts {
    /// Counts of the reference.
    pub reference: Vec<u64>,
    /// Counts of the window.
    pub current: Vec<u64>,
}

impl ComparedCounts {
    /// Puts the bins of another behind these.
    pub(super) fn extend(&mut self, other: &Self) {
        self.reference.extend(&other.reference);
        self.current.extend(&other.current);
    }
}

/// Ranges of neighbouring bins of a feature's grid, fixed by a reference.
///
/// A grid bin that alone has a tenth of the mass stays a range of its own, and the bins between two such bins stay
/// between them even if the reference has nothing there. Otherwise, for a reference whose pictures are all 32 pixels
/// wide, pictures of any other width would fall into the same range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenBins {
    /// The last grid bin of each range, in rising order; the last entry is the last bin of the grid.
    ends: Vec<u16>,
}

impl FrozenBins {
    /// The bins that a reference fixes on a grid of `bins` bins.
    pub fn of(bins: u16, reference: &Tally) -> Self {
        let whole = reference.total();
        let mut ends = Vec::new();
        let mut start = 0;
        // The occupied bins that have been passed since `start`. Only they are visited, because a grid may have thousands.
        let mut passed = Vec::new();
        for (bin, count) in reference.iter() {
            if count.saturating_mul(BINS) < whole.max(1) {
                passed.push((bin, count));
                continue;
            }
            if bin > start {
                split_evenly(&passed, whole, bin - 1, &mut ends);
            }
            ends.push(bin);
            start = bin + 1;
            passed.clear();
        }
        if start < bins {
            split_evenly(&passed, whole, bins - 1, &mut ends);
        }
        Self { ends }
    }

    /// The last grid bin of each range, in rising order; the last range reaches to the end of the grid.
    pub fn ends(&self) -> &[u16] {
        &self.ends
    }

    /// How many bins there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no bins, which does not occur.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Counts a tally in these bins.
    pub fn count(&self, tally: &Tally) -> Vec<u64> {
        let mut counts = vec![0; self.ends.len()];
        for (bin, count) in tally.iter() {
            let at = self.ends.partition_point(|end| *end < bin).min(self.ends.len().saturating_sub(1));
            if let Some(counted) = counts.get_mut(at) {
                *counted += u64::try_from(count).unwrap_or(0);
            }
        }
        counts
    }
}

/// Splits the grid bins up to `last`, of which those in `occupied` have counts, into ranges of about a tenth of the mass.
fn split_evenly(occupied: &[(u16, i64)], whole: i64, last: u16, ends: &mut Vec<u16>) {
    let mass = |count: i64| count.saturating_mul(BINS);
    let mut left = occupied.iter().map(|(_, count)| mass(*count)).fold(0_i64, i64::saturating_add);
    let mut ranges = (left.saturating_add(whole / 2) / whole.max(1)).max(1);
    let mut gathered = 0_i64;
    for pair in occupied.windows(2) {
        let [(bin, count), (next, next_count)] = [pair[0], pair[1]];
        gathered = gathered.saturating_add(mass(count));
        let share = left / ranges;
        // The range ends where it is nearer to its share without the next bin than with it.
        if ranges > 1 && gathered.saturating_add(mass(next_count) / 2) >= share {
            ends.push(if gathered >= share { bin } else { next - 1 });
            left -= gathered;
            ranges -= 1;
            gathered = 0;
        }
    }
    ends.push(last);
}

/// Counts the names of the reference, each as a bin, and all other names in one more bin.
pub fn compare_classes(reference: &ClassCounts, current: &ClassCounts) -> ComparedCounts {
    let mut compared = ComparedCounts::default();
    let mut known = 0;
    for (class, count) in reference.iter() {
        let now = current.get(class);
        known += now;
        compared.reference.push(count);
        compared.current.push(now);
    }
    compared.reference.push(reference.other());
    compared.current.push(current.total().saturating_sub(known));
    compared
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Feature;
    use super::*;

    fn tally(entries: &[(u16, i64)]) -> Tally {
        let mut tally = Tally::default();
        entries.iter().for_each(|(bin, count)| tally.add(*bin, *count));
        tally
    }

    #[test]
    fn a_spread_feature_gets_ten_bins_of_about_equal_mass() {
        let spread: Vec<(u16, i64)> = (20..120).map(|bin| (bin, 10 + i64::from(bin % 7))).collect();
        let reference = tally(&spread);
        let bins = FrozenBins::of(Feature::Brightness.bins(), &reference);
        assert_eq!(bins.len(), 10);
        let counts = bins.count(&reference);
        assert_eq!(counts.iter().sum::<u64>(), u64::try_from(reference.total()).unwrap());
        let tenth = u64::try_from(reference.total()).unwrap() / 10;
        assert!(counts.iter().all(|count| count.abs_diff(tenth) < tenth / 5), "{counts:?}");
    }

    #[test]
    fn a_constant_feature_has_bins_for_what_is_smaller_and_larger() {
        let reference = tally(&[(20, 500)]);
        let bins = FrozenBins::of(Feature::Width.bins(), &reference);
        assert_eq!(bins.count(&reference), [0, 500, 0]);
        assert_eq!(bins.count(&tally(&[(19, 1), (20, 2), (63, 3)])), [1, 2, 3]);
    }

    #[test]
    fn a_heavy_end_leaves_the_rest_its_share() {
        let mut entries: Vec<(u16, i64)> = (60..110).map(|bin| (bin, 8)).collect();
        entries.push((117, 600));
        let reference = tally(&entries);
        let counts = FrozenBins::of(Feature::Confidence.bins(), &reference).count(&reference);
        assert_eq!(counts, [96, 104, 96, 104, 600]);
    }

    #[test]
    fn nothing_is_one_bin() {
        assert_eq!(FrozenBins::of(Feature::Brightness.bins(), &Tally::default()).len(), 1);
    }

    #[test]
    fn classes_that_the_reference_has_not_share_a_bin() {
        let mut reference = ClassCounts::default();
        let mut current = ClassCounts::default();
        [("cat", 3), ("dog", 4)].into_iter().for_each(|(class, count)| reference.add(class, count));
        [("cat", 1), ("eel", 2), ("fox", 5)].into_iter().for_each(|(class, count)| current.add(class, count));
        let compared = compare_classes(&reference, &current);
        assert_eq!((compared.reference, compared.current), (vec![3, 4, 0], vec![1, 0, 7]));
    }
}
