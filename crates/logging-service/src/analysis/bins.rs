//! The bins in which a window is compared with its reference.
//!
//! Rule of thumb: the reference alone decides where the bins are. If they moved with each window, the values of two
//! windows could not be compared.

use super::{Feature, Tally, WindowCounts};

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
    /// The bins that a reference fixes.
    pub fn of(feature: Feature, reference: &Tally) -> Self {
        let target = reference.total().max(1);
        let is_alone = |bin: u16| reference.get(bin).saturating_mul(BINS) >= target;
        let mut ends = Vec::new();
        let mut start = 0;
        for bin in (0..feature.bins()).filter(|bin| is_alone(*bin)) {
            if bin > start {
                split_evenly(reference, start, bin - 1, &mut ends);
            }
            ends.push(bin);
            start = bin + 1;
        }
        if start < feature.bins() {
            split_evenly(reference, start, feature.bins() - 1, &mut ends);
        }
        Self { ends }
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

/// Splits the grid bins from `first` to `last` into ranges of about a tenth of the whole mass.
fn split_evenly(reference: &Tally, first: u16, last: u16, ends: &mut Vec<u16>) {
    let whole = reference.total();
    let mass = |bin| reference.get(bin).saturating_mul(BINS);
    let mut left = (first..=last).map(mass).fold(0_i64, i64::saturating_add);
    let mut ranges = ((left + whole / 2) / whole.max(1)).max(1);
    let mut gathered = 0;
    for bin in first..last {
        gathered += mass(bin);
        // The range ends where it is nearer to its share without the next bin than with it.
        if ranges > 1 && gathered > 0 && 2 * gathered + mass(bin + 1) >= 2 * (left / ranges) {
            ends.push(bin);
            left -= gathered;
            ranges -= 1;
            gathered = 0;
        }
    }
    ends.push(last);
}

/// Counts the classes of the reference, each as a bin, and all other classes in one more bin.
pub fn compare_classes(reference: &WindowCounts, current: &WindowCounts) -> ComparedCounts {
    let mut compared = ComparedCounts::default();
    let mut known = 0;
    for (class, count) in reference.classes.iter() {
        let now = current.classes.get(class);
        known += now;
        compared.reference.push(count);
        compared.current.push(now);
    }
    compared.reference.push(reference.classes.other());
    compared.current.push(current.classes.total().saturating_sub(known));
    compared
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
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
        let bins = FrozenBins::of(Feature::Brightness, &reference);
        assert_eq!(bins.len(), 10);
        let counts = bins.count(&reference);
        assert_eq!(counts.iter().sum::<u64>(), u64::try_from(reference.total()).unwrap());
        let tenth = u64::try_from(reference.total()).unwrap() / 10;
        assert!(counts.iter().all(|count| count.abs_diff(tenth) < tenth / 5), "{counts:?}");
    }

    #[test]
    fn a_constant_feature_has_bins_for_what_is_smaller_and_larger() {
        let reference = tally(&[(20, 500)]);
        let bins = FrozenBins::of(Feature::Width, &reference);
        assert_eq!(bins.count(&reference), [0, 500, 0]);
        assert_eq!(bins.count(&tally(&[(19, 1), (20, 2), (63, 3)])), [1, 2, 3]);
    }

    #[test]
    fn a_heavy_end_leaves_the_rest_its_share() {
        let mut entries: Vec<(u16, i64)> = (60..110).map(|bin| (bin, 8)).collect();
        entries.push((117, 600));
        let reference = tally(&entries);
        let counts = FrozenBins::of(Feature::Confidence, &reference).count(&reference);
        assert_eq!(counts, [96, 104, 96, 104, 600]);
    }

    #[test]
    fn nothing_is_one_bin() {
        assert_eq!(FrozenBins::of(Feature::Brightness, &Tally::default()).len(), 1);
    }

    #[test]
    fn classes_that_the_reference_has_not_share_a_bin() {
        let mut reference = WindowCounts::default();
        let mut current = WindowCounts::default();
        [("cat", 3), ("dog", 4)].into_iter().for_each(|(class, count)| reference.classes.add(class, count));
        [("cat", 1), ("eel", 2), ("fox", 5)].into_iter().for_each(|(class, count)| current.classes.add(class, count));
        let compared = compare_classes(&reference, &current);
        assert_eq!((compared.reference, compared.current), (vec![3, 4, 0], vec![1, 0, 7]));
    }
}
