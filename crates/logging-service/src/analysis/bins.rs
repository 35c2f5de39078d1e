//! The bins in which a window is compared with its reference.
//!
//! Rule of thumb: the reference alone decides where the bins are. Bins that move with each window would make
//! the values of two windows incomparable.

use super::{Feature, Tally, WindowCounts};

/// About how many bins of about equal mass a feature gets.
const BINS: i64 = 10;

/// The counts of a reference and of a window in the same bins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Counts of the reference.
    pub reference: Vec<u64>,
    /// Counts of the window.
    pub current: Vec<u64>,
}

/// Ranges of neighbouring bins of a feature's grid, made of a reference.
///
/// A grid bin that alone has a tenth of the mass stays alone, and what lies between two of those stays between
/// them even if the reference has nothing there: pictures that were all 32 pixels wide would otherwise share
/// their one bin with those of any other width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenBins {
    /// The last grid bin of each range, rising; the last one is the grid's last.
    ends: Vec<u16>,
}

impl FrozenBins {
    /// Makes the bins.
    pub fn of(feature: Feature, reference: &Tally) -> Self {
        let target = reference.total().max(1);
        let is_alone = |bin: u16| reference.get(bin).saturating_mul(BINS) >= target;
        let mut ends = Vec::new();
        let mut start = 0;
        for bin in (0..feature.bins()).filter(|bin| is_alone(*bin)) {
            if bin > start {
                share_out(reference, start, bin - 1, &mut ends);
            }
            ends.push(bin);
            start = bin + 1;
        }
        if start < feature.bins() {
            share_out(reference, start, feature.bins() - 1, &mut ends);
        }
        Self { ends }
    }

    /// How many bins there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Counts in these bins.
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
fn share_out(reference: &Tally, first: u16, last: u16, ends: &mut Vec<u16>) {
    let whole = reference.total();
    let mass = |bin| reference.get(bin).saturating_mul(BINS);
    let mut left = (first..=last).map(mass).fold(0_i64, i64::saturating_add);
    let mut ranges = ((left + whole / 2) / whole.max(1)).max(1);
    let mut gathered = 0;
    for bin in first..last {
        gathered += mass(bin);
        // Ends where the range is nearer to its share than with the next bin.
        if ranges > 1 && gathered > 0 && 2 * gathered + mass(bin + 1) >= 2 * (left / ranges) {
            ends.push(bin);
            left -= gathered;
            ranges -= 1;
            gathered = 0;
        }
    }
    ends.push(last);
}

/// The classes of the reference, each a bin, and one bin for all that it has not by name.
pub fn compare_classes(reference: &WindowCounts, current: &WindowCounts) -> Compared {
    let mut compared = Compared::default();
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
