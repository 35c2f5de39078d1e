//! The counts of every feature.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Feature, Tally};

/// One tally for each feature. The JSON is a map by name of the features that have counts; unknown names are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FeatureCounts([Tally; Feature::ALL.len()]);

impl FeatureCounts {
    pub(super) fn add(&mut self, feature: Feature, bin: u16, count: i64) {
        self.0[feature.index()].add(bin, count);
    }

    pub(super) fn get(&self, feature: Feature) -> &Tally {
        &self.0[feature.index()]
    }

    pub(super) fn set(&mut self, feature: Feature, counts: Tally) {
        self.0[feature.index()] = counts;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (tally, added) in self.0.iter_mut().zip(&other.0) {
            tally.merge(added);
        }
    }
}

impl Serialize for FeatureCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counted = Feature::ALL.into_iter().filter(|feature| !self.get(*feature).is_empty());
        serializer.collect_map(counted.map(|feature| (feature.as_str(), self.get(feature))))
    }
}

impl<'de> Deserialize<'de> for FeatureCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut counts = Self::default();
        for (name, tally) in HashMap::<String, Tally>::deserialize(deserializer)? {
            if let Some(feature) = Feature::from_name(&name) {
                counts.0[feature.index()] = tally;
            }
        }
        Ok(counts)
    }
}
