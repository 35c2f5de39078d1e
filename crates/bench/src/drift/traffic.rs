//! The rows of a model without drift.

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

/// Rows of the stock.
const STOCK: usize = 1 << 16;
const CATEGORIES: u32 = 40;

/// A stock of rows, from which those of windows and references are drawn with replacement. Its shares are the truth of the
/// simulation; to make every row anew would take hours.
pub(super) struct RowStock {
    kind: TrafficKind,
    /// The bins of each row's features on their grid.
    bins: Vec<[u16; FEATURES]>,
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
        let row = |_| {
            let shared = normal(&mut random);
            std::array::from_fn(|feature| match kind {
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
            })
        };
        Self { kind, bins: (0..STOCK).map(row).collect() }
    }

    /// Draws references, and finds in which of their ranges each row of the stock lies.
    pub(super) fn references(&self, random: &mut Rng) -> ReferenceRanges {
        let mut tallies = vec![Tally::default(); FEATURES];
        for _ in 0..self.kind.reference_rows() {
            let row = &self.bins[random.usize(0..STOCK)];
            tallies.iter_mut().zip(row).for_each(|(tally, bin)| tally.add(*bin, 1));
        }
        let references: Vec<FeatureReference> = tallies
            .iter()
            .enumerate()
            .map(|(feature, tally)| FeatureReference::of(tally, is_category(self.kind, feature)))
            .collect();
        let starts = references.iter().scan(0, |next, reference| {
            let start = *next;
            *next += reference.counts.len();
            Some(start)
        });
        let starts: Vec<usize> = starts.collect();
        let place = |row: &[u16; FEATURES]| {
            std::array::from_fn(|feature| {
                let range = usize::from(references[feature].ranges[usize::from(row[feature])]);
                u16::try_from(starts[feature] + range).unwrap_or(0)
            })
        };
        let rows = self.bins.iter().map(place).collect();
        let counts = references.iter().map(|reference| reference.counts.clone()).collect();
        ReferenceRanges { starts, counts, rows }
    }
}

fn is_category(kind: TrafficKind, feature: usize) -> bool {
    kind == TrafficKind::HeavyTails && feature % 2 == 1
}

fn grid_bin(value: f64) -> u16 {
    number_bin(value).unwrap_or(0)
}

/// The references of all features; the ranges of one feature stand behind those of the one before it.
pub(super) struct ReferenceRanges {
    /// Where the ranges of each feature begin.
    pub(super) starts: Vec<usize>,
    /// The counts of each feature's reference.
    pub(super) counts: Vec<Vec<u64>>,
    /// The range of each feature, of each row of the stock.
    rows: Vec<[u16; FEATURES]>,
}

impl ReferenceRanges {
    /// How many ranges all features have.
    pub(super) fn len(&self) -> usize {
        self.counts.iter().map(Vec::len).sum()
    }

    /// Counts rows of a minute with this mean (Poisson).
    pub(super) fn count_minute(&self, random: &mut Rng, mean: f64, counts: &mut [u16]) {
        // The gaps between rows are exponential.
        let mut gone = -(1.0 - random.f64()).ln();
        while gone < mean {
            for range in &self.rows[random.usize(0..STOCK)] {
                counts[usize::from(*range)] += 1;
            }
            gone -= (1.0 - random.f64()).ln();
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
        if is_category {
            // Each category is a range of its own, and those that the reference has not share one.
            let known: Vec<u16> = tally.iter().map(|(bin, _)| bin).collect();
            let place = |bin: u16| u16::try_from(known.binary_search(&bin).unwrap_or(known.len())).unwrap_or(0);
            let counts = tally.iter().map(|(_, count)| count.unsigned_abs()).chain([0]).collect();
            return Self { ranges: (0..NUMBER_BINS).map(place).collect(), counts };
        }
        let frozen = FrozenBins::of(NUMBER_BINS, tally);
        let place = |bin: u16| u16::try_from(frozen.ends().partition_point(|end| *end < bin)).unwrap_or(0);
        Self { ranges: (0..NUMBER_BINS).map(place).collect(), counts: frozen.count(tally) }
    }
}

/// Box and Muller's transform.
pub(super) fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}
