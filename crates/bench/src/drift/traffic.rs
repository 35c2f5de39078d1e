//! The rows of a model without drift.

use std::ops::Range;

use fastrand::Rng;
use logging_service::analysis::Tally;
use logging_service::analysis::bins::FrozenBins;
use prediction_record::{NUMBER_BINS, number_bin};

use super::decision::FEATURES;

/// How the features of a row are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrafficKind {
    /// Normal numbers that know nothing of each other.
    Independent,
    /// Normal numbers that share nine tenths of their variance.
    Correlated,
    /// Numbers with a tail so heavy that they have no variance, and every other feature 40 categories, most of them rare.
    HeavyTails,
}

impl TrafficKind {
    pub(super) const ALL: [Self; 3] = [Self::Independent, Self::Correlated, Self::HeavyTails];

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Independent => "independent normal numbers",
            Self::Correlated => "correlated normal numbers",
            Self::HeavyTails => "heavy tails and rare categories",
        }
    }

    /// Rows of the reference.
    pub(super) fn reference_rows(self) -> u64 {
        match self {
            Self::Independent | Self::Correlated => 10_000,
            Self::HeavyTails => 1_000,
        }
    }
}

/// Rows of the stock: so many that the processor's cache holds all of their places.
const STOCK: usize = 1 << 12;
const CATEGORIES: u32 = 40;

/// A stock of rows, from which those of windows and references are drawn with replacement. Its shares are the truth of the
/// simulation; to make every row anew would take hours.
pub(super) struct RowStock {
    kind: TrafficKind,
    /// The bin of each row on the grid, by feature.
    bins: Vec<Vec<u16>>,
}

impl RowStock {
    /// Makes the rows.
    pub(super) fn new(kind: TrafficKind) -> Self {
        let mut random = Rng::with_seed(7);
        let weights: Vec<f64> = (1..=CATEGORIES).map(|rank| f64::from(rank).powf(-1.5)).collect();
        let whole: f64 = weights.iter().sum();
        let cumulated = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight / whole;
            Some(*sum)
        });
        let cumulated: Vec<f64> = cumulated.collect();
        let mut bins = vec![Vec::new(); FEATURES];
        for _ in 0..STOCK {
            let shared = normal(&mut random);
            for (feature, bins) in bins.iter_mut().enumerate() {
                bins.push(match kind {
                    TrafficKind::Independent => grid_bin(normal(&mut random)),
                    TrafficKind::Correlated => grid_bin(0.9_f64.sqrt() * shared + 0.1_f64.sqrt() * normal(&mut random)),
                    TrafficKind::HeavyTails if is_category(kind, feature) => {
                        let draw = random.f64();
                        u16::try_from(cumulated.partition_point(|sum| *sum < draw)).unwrap_or(0)
                    }
                    TrafficKind::HeavyTails => {
                        let side = if random.bool() { 1.0 } else { -1.0 };
                        grid_bin(side * (1.0 - random.f64()).powf(-1.1))
                    }
                });
            }
        }
        Self { kind, bins }
    }

    /// Draws references, and finds in which of their ranges each row of the stock lies.
    pub(super) fn references(&self, random: &mut Rng) -> ReferenceRanges {
        let drawn: Vec<usize> = (0..self.kind.reference_rows()).map(|_| random.usize(0..STOCK)).collect();
        let mut dense = vec![0; usize::from(NUMBER_BINS)];
        let references: Vec<FeatureReference> = (0..FEATURES)
            .map(|feature| {
                dense.fill(0);
                drawn.iter().for_each(|row| dense[usize::from(self.bins[feature][*row])] += 1);
                let mut tally = Tally::default();
                (0..).zip(&dense).for_each(|(bin, count)| tally.add(bin, *count));
                FeatureReference::of(&tally, is_category(self.kind, feature))
            })
            .collect();
        ReferenceRanges::of(&references, &self.bins)
    }
}

fn is_category(kind: TrafficKind, feature: usize) -> bool {
    kind == TrafficKind::HeavyTails && feature % 2 == 1
}

fn grid_bin(value: f64) -> u16 {
    number_bin(value).unwrap_or(0)
}

/// The ranges of a feature begin at a multiple of this, so that the processor compares so many of them at once.
pub(super) const LANES: usize = 8;
/// Room for the ranges of all features.
pub(super) const PLACES: usize = 2_048;
/// Rows that are placed together, because so many fit into the processor's cache.
const PLACED_TOGETHER: usize = 256;

/// Counts of all ranges of all features.
pub(super) type RangeCounts = [i32; PLACES];

/// The references of all features; the ranges of one feature stand behind those of the one before it.
pub(super) struct ReferenceRanges {
    /// Where the ranges of each feature are.
    pub(super) places: Vec<Range<usize>>,
    /// The counts of each feature's reference.
    pub(super) counts: Vec<Vec<u64>>,
    /// The place of each row of the stock in each feature.
    rows: Vec<[u16; FEATURES]>,
}

impl ReferenceRanges {
    fn of(references: &[FeatureReference], bins: &[Vec<u16>]) -> Self {
        let places = references.iter().scan(0_usize, |next, reference| {
            let start = next.next_multiple_of(LANES);
            *next = start + reference.counts.len();
            Some(start..*next)
        });
        let places: Vec<Range<usize>> = places.collect();
        let mut rows = vec![[0; FEATURES]; STOCK];
        for (block, rows) in rows.chunks_mut(PLACED_TOGETHER).enumerate() {
            for (feature, reference) in references.iter().enumerate() {
                let start = u16::try_from(places[feature].start).unwrap_or(0);
                for (row, bin) in rows.iter_mut().zip(&bins[feature][block * PLACED_TOGETHER..]) {
                    row[feature] = start + reference.ranges[usize::from(*bin)];
                }
            }
        }
        Self { places, counts: references.iter().map(|reference| reference.counts.clone()).collect(), rows }
    }

    /// How many places are in use.
    pub(super) fn len(&self) -> usize {
        self.places.last().map_or(0, |places| places.end.next_multiple_of(LANES))
    }

    /// Counts so many rows.
    pub(super) fn count_rows(&self, random: &mut Rng, rows: i32, counts: &mut RangeCounts) {
        for _ in 0..rows {
            for place in &self.rows[random.usize(0..STOCK)] {
                counts[usize::from(*place) % PLACES] += 1;
            }
        }
    }
}

/// The reference of one feature, and its ranges.
struct FeatureReference {
    /// The range of each bin of the grid.
    ranges: Vec<u16>,
    counts: Vec<u64>,
}

impl FeatureReference {
    fn of(tally: &Tally, is_category: bool) -> Self {
        let mut ranges = vec![0; usize::from(NUMBER_BINS)];
        if is_category {
            // Each category is a range of its own, and those that the reference has not share one.
            let known: Vec<u16> = tally.iter().map(|(bin, _)| bin).collect();
            ranges.fill(u16::try_from(known.len()).unwrap_or(0));
            (0..).zip(&known).for_each(|(range, bin)| ranges[usize::from(*bin)] = range);
            let counts = tally.iter().map(|(_, count)| count.unsigned_abs()).chain([0]).collect();
            return Self { ranges, counts };
        }
        let frozen = FrozenBins::of(NUMBER_BINS, tally);
        let mut start = 0;
        for (range, end) in (0..).zip(frozen.ends()) {
            ranges[start..=usize::from(*end)].fill(range);
            start = usize::from(*end) + 1;
        }
        Self { ranges, counts: frozen.count(tally) }
    }
}

/// Box and Muller's transform.
pub(super) fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_counted_in_each_feature_once() {
        let mut random = Rng::with_seed(4);
        for kind in TrafficKind::ALL {
            let references = RowStock::new(kind).references(&mut random);
            let mut counts = [0; PLACES];
            references.count_rows(&mut random, 500, &mut counts);
            for (places, then) in references.places.iter().zip(&references.counts) {
                assert_eq!(counts[places.clone()].iter().sum::<i32>(), 500, "{kind:?}");
                assert_eq!(then.iter().sum::<u64>(), kind.reference_rows(), "{kind:?}");
            }
            assert!(references.len() <= PLACES);
        }
    }
}
