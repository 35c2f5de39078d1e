//! What is compared of a window and its reference: each feature on both sides, in the same bins.
//!
//! Rule of thumb: a name is reported once. A declared feature that has the name of one of the service's own is reported
//! as `features.NAME`.

use std::collections::BTreeSet;

use prediction_record::{NUMBER_BINS, number_bin_edges, number_bin_middle};

use super::bins::{ComparedCounts, FrozenBins, compare_classes};
use super::{Feature, Tally, ValueCounts, WindowCounts};

/// The name under which the classes are reported beside the features.
pub const PREDICTED_CLASS: &str = "predicted_class";
/// The name under which the numbers are reported that a regression predicts.
pub const PREDICTED_VALUE: &str = "predicted_value";

/// One feature on both sides.
pub(super) struct ComparedFeature {
    pub(super) name: String,
    /// The bins of all that has the feature; where one side has missing values, they are one more bin.
    pub(super) bins: ComparedCounts,
    /// The values that have an order, which only numbers have.
    pub(super) fine: Option<FineCounts>,
}

/// The numbers of both sides.
pub(super) struct FineCounts {
    /// In the ranges that the reference fixes.
    pub(super) ranges: ComparedCounts,
    /// In the bins of the grid that one side has.
    pub(super) counts: ComparedCounts,
    /// Where the middle of each of those bins lies.
    pub(super) positions: Vec<f64>,
    /// How far a number of the bin may be from its middle.
    pub(super) reach: Vec<f64>,
}

/// The features of a comparison. One that a side never has is left out, unless the window is empty.
pub(super) fn compared_features(reference: &WindowCounts, current: &WindowCounts) -> Vec<ComparedFeature> {
    let classes = compare_classes(&reference.classes, &current.classes);
    let classes = ComparedFeature { name: PREDICTED_CLASS.to_owned(), bins: classes, fine: None };
    let own = Feature::ALL.into_iter().map(|feature| {
        let fine = FineCounts::of_feature(feature, reference.feature(feature), current.feature(feature));
        ComparedFeature { name: feature.as_str().to_owned(), bins: fine.ranges.clone(), fine: Some(fine) }
    });
    let values = ComparedFeature::of_values(PREDICTED_VALUE.to_owned(), &reference.values, &current.values);
    let is_empty = current.predictions == 0;
    [classes]
        .into_iter()
        .chain(own)
        .chain([values])
        .chain(declared(reference, current))
        .filter(|feature| feature.reference_samples() > 0 && (is_empty || feature.samples() > 0))
        .collect()
}

fn declared<'a>(reference: &'a WindowCounts, current: &'a WindowCounts) -> impl Iterator<Item = ComparedFeature> + 'a {
    let nothing = ValueCounts::default();
    let pairs = [(&reference.named, &current.named), (&reference.unkept, &current.unkept)];
    pairs.into_iter().flat_map(move |(then, now)| {
        let nothing = nothing.clone();
        let of = move |(name, then): (&str, &ValueCounts)| {
            ComparedFeature::of_values(reported_name(name), then, now.get(name).unwrap_or(&nothing))
        };
        then.iter().map(of).collect::<Vec<_>>()
    })
}

/// The name of a declared feature in reports.
fn reported_name(name: &str) -> String {
    let is_taken = Feature::from_name(name).is_some() || [PREDICTED_CLASS, PREDICTED_VALUE].contains(&name);
    if is_taken { format!("features.{name}") } else { name.to_owned() }
}

impl ComparedFeature {
    /// Compares numbers, categories and missing values; a feature may have all of them.
    fn of_values(name: String, reference: &ValueCounts, current: &ValueCounts) -> Self {
        let mut bins = ComparedCounts::default();
        let mut fine = None;
        if !reference.numbers.is_empty() || !current.numbers.is_empty() {
            let numbers = FineCounts::of_numbers(&reference.numbers, &current.numbers);
            bins.extend(&numbers.ranges);
            fine = Some(numbers);
        }
        if !reference.categories.is_empty() || !current.categories.is_empty() {
            bins.extend(&compare_classes(&reference.categories, &current.categories));
        }
        if reference.missing + current.missing > 0 {
            bins.extend(&ComparedCounts { reference: vec![reference.missing], current: vec![current.missing] });
        }
        Self { name, bins, fine }
    }

    /// Predictions of the window that have the feature.
    pub(super) fn samples(&self) -> u64 {
        self.bins.current.iter().sum()
    }

    /// Predictions of the reference that have the feature.
    pub(super) fn reference_samples(&self) -> u64 {
        self.bins.reference.iter().sum()
    }
}

impl FineCounts {
    /// The counts of one of the service's own features.
    fn of_feature(feature: Feature, reference: &Tally, current: &Tally) -> Self {
        let place = |bin: u16| {
            let at = |values: &[f64]| values.get(usize::from(bin)).copied().unwrap_or_default();
            (at(feature.positions()), at(feature.half_widths()))
        };
        Self::of(feature.bins(), place, [reference, current])
    }

    /// The counts of numbers on their grid.
    pub(super) fn of_numbers(reference: &Tally, current: &Tally) -> Self {
        let place = |bin: u16| {
            let [lower, upper] = number_bin_edges(bin);
            let is_outermost = bin == 0 || bin + 1 == NUMBER_BINS;
            (number_bin_middle(bin), if is_outermost { f64::INFINITY } else { (upper - lower) / 2.0 })
        };
        Self::of(NUMBER_BINS, place, [reference, current])
    }

    fn of(bins: u16, place: impl Fn(u16) -> (f64, f64), [reference, current]: [&Tally; 2]) -> Self {
        let frozen = FrozenBins::of(bins, reference);
        let occupied: BTreeSet<u16> = reference.iter().chain(current.iter()).map(|(bin, _)| bin).collect();
        let fine = |tally: &Tally| occupied.iter().map(|bin| u64::try_from(tally.get(*bin)).unwrap_or(0)).collect();
        let (positions, reach) = occupied.iter().map(|bin| place(*bin)).unzip();
        Self {
            ranges: ComparedCounts { reference: frozen.count(reference), current: frozen.count(current) },
            counts: ComparedCounts { reference: fine(reference), current: fine(current) },
            positions,
            reach,
        }
    }
}
