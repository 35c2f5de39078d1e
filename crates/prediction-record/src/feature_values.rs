//! The values of one row by the name of their feature.

use std::fmt;
use std::ops::Index;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use smol_str::SmolStr;

use crate::FeatureValue;

/// Room for features at first: fewer take no second piece of memory, and a row of many takes only few.
const FIRST_ROOM: usize = 32;

/// Values by the name of their feature, in alphabetical order.
///
/// A sorted list, whose short names take no memory of their own: a service reads rows of fifty features all day, and a map
/// of strings asks for a hundred pieces of memory for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureValues(Vec<(SmolStr, FeatureValue)>);

impl FeatureValues {
    /// No features.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many features there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a feature.
    pub fn get(&self, name: &str) -> Option<&FeatureValue> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    /// Whether there is a feature of this name, with a value or without.
    pub fn contains(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Sets the value of a feature; one that it had is replaced.
    pub fn insert(&mut self, name: impl AsRef<str> + Into<SmolStr>, value: FeatureValue) {
        let after_the_last = self.0.last().is_none_or(|(last, _)| last.as_str() < name.as_ref());
        let place = if after_the_last { Err(self.0.len()) } else { self.place(name.as_ref()) };
        match place {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name.into(), value)),
        }
    }

    /// Takes a feature out; gives the value that it had.
    pub fn remove(&mut self, name: &str) -> Option<FeatureValue> {
        self.place(name).ok().map(|at| self.0.remove(at).1)
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FeatureValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The values, in order of their names.
    pub fn values(&self) -> impl Iterator<Item = &FeatureValue> {
        self.0.iter().map(|(_, value)| value)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

impl<N: AsRef<str> + Into<SmolStr>> FromIterator<(N, FeatureValue)> for FeatureValues {
    fn from_iter<I: IntoIterator<Item = (N, FeatureValue)>>(values: I) -> Self {
        let mut row = Self::new();
        values.into_iter().for_each(|(name, value)| row.insert(name, value));
        row
    }
}

impl<N: AsRef<str> + Into<SmolStr>, const LENGTH: usize> From<[(N, FeatureValue); LENGTH]> for FeatureValues {
    fn from(values: [(N, FeatureValue); LENGTH]) -> Self {
        values.into_iter().collect()
    }
}

impl Index<&str> for FeatureValues {
    type Output = FeatureValue;

    /// The value of a feature.
    ///
    /// # Panics
    /// If there is none of this name.
    fn index(&self, name: &str) -> &FeatureValue {
        match self.get(name) {
            Some(value) => value,
            None => panic!("there is no feature {name:?}"),
        }
    }
}

impl Serialize for FeatureValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for FeatureValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FeatureValuesVisitor)
    }
}

struct FeatureValuesVisitor;

impl<'de> Visitor<'de> for FeatureValuesVisitor {
    type Value = FeatureValues;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the values of features")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<FeatureValues, A::Error> {
        let mut row = FeatureValues::new();
        while let Some((name, value)) = members.next_entry::<SmolStr, FeatureValue>()? {
            if row.is_empty() {
                row.0.reserve(FIRST_ROOM);
            }
            row.insert(name, value);
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_is_a_map_whose_last_value_of_a_name_counts(members in proptest::collection::vec(("[a-e]{1,30}", -9_i32..9), 0..40)) {
            let map: BTreeMap<String, i32> = members.iter().cloned().collect();
            let json = members.iter().map(|(name, value)| format!("{name:?}:{value}")).collect::<Vec<_>>().join(",");
            let row: FeatureValues = serde_json::from_str(&format!("{{{json}}}")).unwrap();
            prop_assert_eq!(row.len(), map.len());
            prop_assert!(row.names().eq(map.keys()));
            for (name, value) in &map {
                prop_assert_eq!(&row[name.as_str()], &FeatureValue::Number(f64::from(*value)));
            }
            prop_assert!(!row.contains("f"));
            let again: FeatureValues = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
            prop_assert_eq!(again, row);
        }
    }
}
