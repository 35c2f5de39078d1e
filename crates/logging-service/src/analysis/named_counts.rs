//! The counts of the features that a model declares, by name.
//!
//! Rule of thumb: where there are too many names, those that come first in the alphabet stay, as with classes, so that
//! merged parts equal the whole.

use std::collections::BTreeMap;

use prediction_record::{
    FeatureDeclaration, FeatureValue, FeatureValues, MAX_CATEGORIES, MAX_FEATURES, NUMBER_BINS, number_bin,
    number_bin_middle,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::counts_error::CountsError;
use super::{ClassCounts, Tally};

/// What is counted of one feature, or of the values that a regression predicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ValueCounts {
    /// Numbers by bin of the grid of numbers.
    #[serde(rename = "t", skip_serializing_if = "Tally::is_empty")]
    pub numbers: Tally,
    /// Categories by name.
    #[serde(rename = "c", skip_serializing_if = "ClassCounts::is_empty")]
    pub categories: ClassCounts,
    /// Rows that have the feature and no value.
    #[serde(rename = "m", skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// The least number.
    #[serde(rename = "lo", skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    /// The greatest number.
    #[serde(rename = "hi", skip_serializing_if = "Option::is_none")]
    pub greatest: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ValueCounts {
    /// Counts a value.
    pub fn add(&mut self, value: &FeatureValue) {
        match value {
            FeatureValue::Number(number) => self.add_number(*number),
            // A category that may not be told.
            FeatureValue::Category(name) if name.is_empty() => self.categories.add_other(1),
            FeatureValue::Category(name) => self.categories.add_within(name, 1, MAX_CATEGORIES),
            FeatureValue::Missing => self.missing = self.missing.saturating_add(1),
        }
    }

    /// Counts a number; one that is not finite is missing.
    pub fn add_number(&mut self, number: f64) {
        let Some(bin) = number_bin(number) else {
            self.missing = self.missing.saturating_add(1);
            return;
        };
        self.numbers.add(bin, 1);
        self.stretch(number, number);
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        self.numbers.merge(&other.numbers);
        self.categories.merge_within(&other.categories, MAX_CATEGORIES);
        self.missing = self.missing.saturating_add(other.missing);
        if let (Some(least), Some(greatest)) = (other.least, other.greatest) {
            self.stretch(least, greatest);
        }
    }

    /// Rows that have a value.
    pub fn present(&self) -> u64 {
        self.categories.total().saturating_add(u64::try_from(self.numbers.total()).unwrap_or(0))
    }

    /// Rows that have the feature, with a value or without.
    pub fn total(&self) -> u64 {
        self.present().saturating_add(self.missing)
    }

    /// What may be told of these if the values may not be kept: no extremes but the middles of their bins, and no names but
    /// those that are declared.
    pub(super) fn coarse(self, feature: &FeatureDeclaration) -> Self {
        let middle = |number: Option<f64>| number.and_then(number_bin).map(number_bin_middle);
        let mut categories = ClassCounts::default();
        categories.add_other(self.categories.other());
        for (name, count) in self.categories.iter() {
            match feature.coarse(&FeatureValue::Category(name.to_owned())) {
                FeatureValue::Category(told) if !told.is_empty() => categories.add_within(name, count, MAX_CATEGORIES),
                _ => categories.add_other(count),
            }
        }
        Self { least: middle(self.least), greatest: middle(self.greatest), categories, ..self }
    }

    fn stretch(&mut self, least: f64, greatest: f64) {
        self.least = Some(self.least.map_or(least, |known| known.min(least)));
        self.greatest = Some(self.greatest.map_or(greatest, |known| known.max(greatest)));
    }
}

/// The counts of features by name, bounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct NamedCounts(BTreeMap<String, ValueCounts>);

impl NamedCounts {
    /// Counts the features of a row.
    pub fn observe(&mut self, row: &FeatureValues) {
        // Rows of one model have the same features, so both sides usually stand in step.
        if self.0.len() == row.len() && self.0.keys().eq(row.names()) {
            self.0.values_mut().zip(row.values()).for_each(|(counts, value)| counts.add(value));
            return;
        }
        for (name, value) in row.iter() {
            if let Some(counts) = self.entry(name) {
                counts.add(value);
            }
        }
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, added)| self.add(name, added));
    }

    /// Adds counts of one feature.
    pub fn add(&mut self, name: &str, added: &ValueCounts) {
        if let Some(counts) = self.entry(name) {
            counts.merge(added);
        }
    }

    /// The counts of a feature.
    pub fn get(&self, name: &str) -> Option<&ValueCounts> {
        self.0.get(name)
    }

    /// Every feature with its counts, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ValueCounts)> {
        self.0.iter().map(|(name, counts)| (name.as_str(), counts))
    }

    /// Takes the counts of a feature away.
    pub(super) fn remove(&mut self, name: &str) -> Option<ValueCounts> {
        self.0.remove(name)
    }

    /// The same features with other counts.
    pub(super) fn mapped(&self, change: impl Fn(&ValueCounts) -> ValueCounts) -> Self {
        Self(self.0.iter().map(|(name, counts)| (name.clone(), change(counts))).collect())
    }

    /// How many features are counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that the bins exist, that nothing is negative, and that nothing is counted more than `most` times.
    ///
    /// # Errors
    /// [`CountsError::Wrong`] says what is wrong.
    pub(super) fn check(&self, most: u64) -> Result<(), CountsError> {
        self.0.values().try_for_each(|counts| counts.check(most))
    }

    /// The counts of a feature; `None` for one that comes after the last one that there is room for.
    fn entry(&mut self, name: &str) -> Option<&mut ValueCounts> {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), ValueCounts::default());
            if self.0.len() > MAX_FEATURES {
                self.0.pop_last();
            }
        }
        self.0.get_mut(name)
    }
}

impl ValueCounts {
    /// Whether a bin is counted that the grid does not have; it would later be looked up outside of the grid.
    pub(super) fn leaves_the_grid(&self) -> bool {
        self.numbers.last_bin().is_some_and(|last| last >= NUMBER_BINS)
    }

    pub(super) fn check(&self, most: u64) -> Result<(), CountsError> {
        if self.numbers.iter().any(|(_, count)| count < 0) {
            return Err(CountsError::Wrong("a count is negative"));
        }
        if self.total() > most {
            return Err(CountsError::Wrong("a feature is counted more often than there are predictions"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = FeatureValue> {
        prop_oneof![
            (-1e6_f64..1e6).prop_map(FeatureValue::Number),
            "[a-f]".prop_map(FeatureValue::Category),
            Just(FeatureValue::Missing),
        ]
    }

    fn rows() -> impl Strategy<Value = Vec<FeatureValues>> {
        let row = vec(("[a-e]", value()), 0..5).prop_map(|values| values.into_iter().collect());
        vec(row, 0..40)
    }

    fn counted(rows: &[FeatureValues]) -> NamedCounts {
        let mut counts = NamedCounts::default();
        rows.iter().for_each(|row| counts.observe(row));
        counts
    }

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole_and_survive_json(rows in rows(), cut in 0_usize..40) {
            let (first, second) = rows.split_at(cut.min(rows.len()));
            let mut merged = counted(second);
            merged.merge(&counted(first));
            prop_assert_eq!(&merged, &counted(&rows));
            let json = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<NamedCounts>(&json).unwrap(), merged);
        }
    }

    #[test]
    fn past_the_bound_the_first_of_the_alphabet_stay() {
        let row = |from: usize| -> FeatureValues {
            (from..from + 400).map(|number| (format!("{number:04}"), FeatureValue::Number(1.0))).collect()
        };
        let mut counts = counted(&[row(300), row(0)]);
        assert_eq!(counts.len(), MAX_FEATURES);
        assert_eq!(counts.get("0350").unwrap().present(), 2);
        assert!(counts.get("0500").is_none());
        counts.merge(&counted(&[row(600)]));
        assert_eq!(counts.len(), MAX_FEATURES);
    }
}
