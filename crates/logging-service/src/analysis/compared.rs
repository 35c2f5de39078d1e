//! What is compared of a window and its reference: each feature on both sides, in the same bins.
//!
//! Rule of thumb: a name is reported once. A declared feature that has the name of one of the service's own is reported
//! as `features.NAME`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use prediction_record::{NUMBER_BINS, number_bin_edges, number_bin_middle};

use super::bins::{ComparedCounts, FrozenBins, compare_classes};
use super::chance::SidedCount;
use super::{ClassCounts, Feature, Tally, ValueCounts, WindowCounts};

/// The name under which the classes are reported beside the features.
pub const PREDICTED_CLASS: &str = "predicted_class";
/// The name under which the numbers are reported that a regression predicts.
pub const PREDICTED_VALUE: &str = "predicted_value";

/// One feature on both sides.
pub(super) struct ComparedFeature<'a> {
    pub(super) name: String,
    /// The name by which it is declared; the service's own features have none.
    pub(super) declared_name: Option<&'a str>,
    /// The bins of all that has the feature; where one side has missing values, they are one more bin.
    pub(super) bins: ComparedCounts,
    /// The values that have an order, which only numbers have.
    pub(super) fine: Option<FineCounts>,
    /// How often each value is there that can be told from others.
    pub(super) values: Vec<SidedCount>,
    /// The counts of a feature that may lack values; the service's own features never do.
    pub(super) sides: Option<ValueSides<'a>>,
}

/// The values of a feature on both sides.
pub(super) struct ValueSides<'a> {
    pub(super) reference: Cow<'a, ValueCounts>,
    pub(super) current: Cow<'a, ValueCounts>,
    /// The rows that could have a value.
    pub(super) rows: SidedCount,
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

static NOTHING: LazyLock<ValueCounts> = LazyLock::new(ValueCounts::default);

/// The features of a comparison. One that a side never has is left out, unless the window is empty.
pub(super) fn compared_features<'a>(
    reference: &'a WindowCounts,
    current: &'a WindowCounts,
) -> Vec<ComparedFeature<'a>> {
    let own = Feature::ALL.into_iter().map(|feature| {
        let fine = FineCounts::of_feature(feature, reference.feature(feature), current.feature(feature));
        let (bins, values) = (fine.ranges.clone(), fine.counts.sided());
        let name = feature.as_str().to_owned();
        ComparedFeature { name, declared_name: None, bins, fine: Some(fine), values, sides: None }
    });
    let rows = SidedCount { current: current.values.total(), reference: reference.values.total() };
    let [then, now] = [&reference.values, &current.values].map(Cow::Borrowed);
    let answers = ValueSides { reference: then, current: now, rows };
    let is_empty = current.predictions == 0;
    [ComparedFeature::of_classes(&reference.classes, &current.classes)]
        .into_iter()
        .chain(own)
        .chain([ComparedFeature::of_values(PREDICTED_VALUE.to_owned(), answers)])
        .chain(declared(reference, current))
        .filter(|feature| feature.reference_samples() > 0 && (is_empty || feature.samples() > 0))
        .collect()
}

/// The declared features. Where a row has some of them, one that it lacks is missing there, so that a column that
/// disappears is noticed.
fn declared<'a>(
    reference: &'a WindowCounts,
    current: &'a WindowCounts,
) -> impl Iterator<Item = ComparedFeature<'a>> + 'a {
    let [then, now] = [reference, current].map(declared_counts);
    let rows =
        SidedCount { current: rows_with_features(current, &now), reference: rows_with_features(reference, &then) };
    then.into_iter().map(move |(name, then)| {
        let current = now.get(name).cloned().unwrap_or(Cow::Borrowed(&NOTHING));
        let sides = ValueSides { reference: then, current, rows };
        ComparedFeature { declared_name: Some(name), ..ComparedFeature::of_values(reported_name(name), sides) }
    })
}

/// The rows that have some of the features. Each row may have left out another one, so no feature alone says how many
/// there are; counts of earlier versions do not have their number, and then the most frequent feature has to do.
fn rows_with_features(counts: &WindowCounts, features: &BTreeMap<&str, Cow<'_, ValueCounts>>) -> u64 {
    let of_features = features.values().map(|one| one.total());
    of_features.chain([counts.named_rows, counts.unkept_rows]).max().unwrap_or_default()
}

/// The counts of every declared feature, kept in rows or not: what a model declares may have changed since its reference,
/// or within the window.
fn declared_counts(counts: &WindowCounts) -> BTreeMap<&str, Cow<'_, ValueCounts>> {
    let mut all: BTreeMap<_, _> = counts.named.iter().map(|(name, kept)| (name, Cow::Borrowed(kept))).collect();
    for (name, unkept) in counts.unkept.iter() {
        all.entry(name).and_modify(|kept| kept.to_mut().merge(unkept)).or_insert(Cow::Borrowed(unkept));
    }
    all
}

/// The name of a declared feature in reports.
fn reported_name(name: &str) -> String {
    let is_taken = Feature::from_name(name).is_some() || [PREDICTED_CLASS, PREDICTED_VALUE].contains(&name);
    if is_taken { format!("features.{name}") } else { name.to_owned() }
}

impl<'a> ComparedFeature<'a> {
    fn of_classes(reference: &ClassCounts, current: &ClassCounts) -> Self {
        let bins = compare_classes(reference, current);
        // The last bin holds several classes.
        let values = bins.sided().into_iter().take(reference.len()).collect();
        Self { name: PREDICTED_CLASS.to_owned(), declared_name: None, bins, fine: None, values, sides: None }
    }

    /// Compares numbers, categories and missing values; a feature may have all of them.
    fn of_values(name: String, sides: ValueSides<'a>) -> Self {
        let ValueSides { reference, current, .. } = &sides;
        let mut bins = ComparedCounts::default();
        let mut values = Vec::new();
        let mut fine = None;
        if !reference.numbers.is_empty() || !current.numbers.is_empty() {
            let numbers = FineCounts::of_numbers(&reference.numbers, &current.numbers);
            bins.extend(&numbers.ranges);
            values.extend(numbers.counts.sided());
            fine = Some(numbers);
        }
        if !reference.categories.is_empty() || !current.categories.is_empty() {
            let categories = compare_classes(&reference.categories, &current.categories);
            bins.extend(&categories);
            values.extend(categories.sided());
        }
        let missing = sides.missing();
        if missing.total() > 0 {
            bins.extend(&ComparedCounts { reference: vec![missing.reference], current: vec![missing.current] });
        }
        Self { name, declared_name: None, bins, fine, values, sides: Some(sides) }
    }

    /// Predictions of the window that have the feature, or should.
    pub(super) fn samples(&self) -> u64 {
        self.bins.current.iter().sum()
    }

    /// Predictions of the reference that have the feature, or should.
    pub(super) fn reference_samples(&self) -> u64 {
        self.bins.reference.iter().sum()
    }
}

impl ValueSides<'_> {
    /// A count of both sides.
    pub(super) fn sided(&self, count: impl Fn(&ValueCounts) -> u64) -> SidedCount {
        SidedCount { current: count(&self.current), reference: count(&self.reference) }
    }

    /// The rows without a value.
    pub(super) fn missing(&self) -> SidedCount {
        let present = self.sided(ValueCounts::present);
        SidedCount {
            current: self.rows.current.saturating_sub(present.current),
            reference: self.rows.reference.saturating_sub(present.reference),
        }
    }
}

impl ComparedCounts {
    /// Both counts of each bin.
    fn sided(&self) -> Vec<SidedCount> {
        let pairs = self.current.iter().zip(&self.reference);
        pairs.map(|(current, reference)| SidedCount { current: *current, reference: *reference }).collect()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use prediction_record::{FeatureValue, FeatureValues};

    use super::super::Observation;
    use super::*;

    /// The rows of one who declares `keep = false` from the row of this number on.
    fn rows(kept: usize) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for row in 0..100 {
            let features = FeatureValues::from([("income".to_owned(), FeatureValue::Number(row as f64))]);
            let [features, counted] = if row < kept { [Some(&features), None] } else { [None, Some(&features)] };
            counts.observe(&Observation { features, counted_features: counted, ..<_>::default() });
        }
        counts
    }

    #[test]
    fn rows_that_leave_out_different_features_are_missing_in_each_of_them() {
        let window = |leaves_out: bool| {
            let mut counts = WindowCounts::default();
            for row in 0..90 {
                let names = ["x", "y", "z"].into_iter().enumerate();
                let sent = names.filter(|(place, _)| !leaves_out || row % 3 != *place);
                let features: FeatureValues = sent.map(|(_, name)| (name, FeatureValue::Number(1.0))).collect();
                counts.observe(&Observation { features: Some(&features), ..<_>::default() });
            }
            WindowCounts::from_json(&counts.to_json()).unwrap()
        };
        let (reference, current) = (window(false), window(true));
        for feature in compared_features(&reference, &current) {
            let missing = feature.sides.as_ref().unwrap().missing();
            assert_eq!((missing.reference, missing.current, feature.samples()), (0, 30, 90), "{}", feature.name);
        }
    }

    #[test]
    fn a_feature_is_the_same_whether_its_values_are_kept_or_not() {
        for [then, now] in [[100, 0], [0, 100], [100, 40], [40, 60]] {
            let (reference, current) = (rows(then), rows(now));
            let compared = compared_features(&reference, &current);
            assert_eq!(compared.len(), 1);
            assert_eq!(compared[0].bins.reference, compared[0].bins.current, "{then}, {now}");
            assert_eq!(compared[0].sides.as_ref().unwrap().missing().total(), 0, "{then}, {now}");
        }
    }
}
