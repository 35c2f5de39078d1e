//! The features that models declare, and what of a record's features is kept.
//!
//! Rule of thumb: every record passes here on its way to the writer, whoever has sent it. A sender need not know what may
//! not be kept, and whoever declares it need not know the senders.

use std::collections::BTreeMap;
use std::sync::Arc;

use prediction_record::{FeatureDeclaration, FeatureValues, ModelDeclaration, PredictionRecord};

use super::observer::StoreObserver;

/// The features of a model, by name.
#[derive(Debug)]
pub(crate) struct ModelFeatures(Vec<FeatureDeclaration>);

/// The features of the models that declare some. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct DeclaredFeatures(Arc<BTreeMap<String, ModelFeatures>>);

impl DeclaredFeatures {
    /// What is declared about the models.
    pub(super) fn of(models: BTreeMap<String, ModelDeclaration>) -> Self {
        let declaring = models.into_iter().filter(|(_, declaration)| !declaration.features.is_empty());
        Self(Arc::new(declaring.map(|(model, declaration)| (model, ModelFeatures::of(declaration.features))).collect()))
    }

    /// Leaves of each record's features what may be kept; the observer is told of those that are not declared.
    pub(super) fn apply(&self, records: &mut [PredictionRecord], observer: &dyn StoreObserver) {
        for run in records.chunk_by_mut(|a, b| a.model == b.model) {
            let declared = run.first().and_then(|record| self.0.get(&record.model));
            let undeclared = match declared {
                Some(features) => run.iter_mut().map(|record| features.apply(record)).sum(),
                None => {
                    run.iter_mut().for_each(without_declaration);
                    0
                }
            };
            if let Some(record) = run.first().filter(|_| undeclared > 0) {
                observer.features_left_out(&record.model, undeclared);
            }
        }
    }
}

impl ModelFeatures {
    /// These features.
    pub(crate) fn of(mut features: Vec<FeatureDeclaration>) -> Self {
        features.sort_by(|a, b| a.name.cmp(&b.name));
        Self(features)
    }

    /// Leaves of the record's features what may be kept, and of those that may not what may be counted; gives how many
    /// values were of no declared feature, and are gone.
    pub(crate) fn apply(&self, record: &mut PredictionRecord) -> u64 {
        let counted_before = std::mem::take(&mut record.counted_features);
        let mut undeclared = 0;
        if !self.may_all_be_kept(&record.features) {
            let mut kept = FeatureValues::new();
            for (name, value) in record.features.iter() {
                match self.find(name) {
                    Some(feature) if feature.keep => {
                        kept.insert(name, value.clone());
                    }
                    Some(feature) => {
                        record.counted_features.insert(name, feature.coarse(value));
                    }
                    None => undeclared += 1,
                }
            }
            record.features = kept;
        }
        for (name, value) in counted_before.iter() {
            match self.find(name) {
                // The sender may know of it before the declaration does.
                Some(feature) => {
                    record.counted_features.insert(name, feature.coarse(value));
                }
                None => undeclared += 1,
            }
        }
        undeclared
    }

    /// Whether the log keeps all of these. Both sides are in the order of their names, so one walk over them is enough.
    fn may_all_be_kept(&self, values: &FeatureValues) -> bool {
        let mut declared = self.0.iter();
        values.iter().all(|(name, _)| {
            declared.find(|feature| feature.name.as_str() >= name).is_some_and(|found| found.name == name && found.keep)
        })
    }

    fn find(&self, name: &str) -> Option<&FeatureDeclaration> {
        let place = self.0.binary_search_by(|feature| feature.name.as_str().cmp(name)).ok()?;
        self.0.get(place)
    }
}

/// What is counted only is coarse even where nothing is declared of it.
fn without_declaration(record: &mut PredictionRecord) {
    if !record.counted_features.is_empty() {
        let counted = &record.counted_features;
        record.counted_features = counted.iter().map(|(name, value)| (name, value.coarse())).collect();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn declared() -> ModelFeatures {
        let features = json!([
            { "name": "c", "kind": "number" }, { "name": "a", "kind": "number", "keep": false },
            { "name": "b", "kind": "category", "categories": ["x"], "keep": false }, { "name": "d", "kind": "category" },
        ]);
        ModelFeatures::of(serde_json::from_value(features).unwrap())
    }

    fn applied(features: &Value, counted: &Value) -> (Value, Value, u64) {
        let mut record: PredictionRecord =
            serde_json::from_value(json!({ "model": "m", "features": features, "counted_features": counted })).unwrap();
        let undeclared = declared().apply(&mut record);
        (json!(record.features), json!(record.counted_features), undeclared)
    }

    #[test]
    fn each_value_goes_where_its_declaration_says() {
        let given = json!({ "a": 1234.5678, "b": "secret", "c": 3.0, "d": "y", "e": "undeclared" });
        let counted = json!({ "a": 1236.0, "b": "" });
        assert_eq!(applied(&given, &json!({})), (json!({ "c": 3.0, "d": "y" }), counted.clone(), 1));
        // What was sorted out before, as by the inference service, stays so.
        assert_eq!(applied(&json!({ "c": 3.0 }), &counted), (json!({ "c": 3.0 }), counted, 0));
        assert_eq!(applied(&json!({}), &json!({ "f": 1.0 })), (json!({}), json!({}), 1));
        let free = json!({ "c": null, "d": "z" });
        assert_eq!(applied(&free, &json!({})), (free, json!({}), 0));
    }

    proptest! {
        #[test]
        fn one_walk_finds_what_a_search_finds(names in prop::collection::btree_set("[a-f]", 0..6)) {
            let values: FeatureValues =
                names.iter().map(|name| (name.clone(), prediction_record::FeatureValue::Missing)).collect();
            let expected = names.iter().all(|name| ["c", "d"].contains(&name.as_str()));
            prop_assert_eq!(declared().may_all_be_kept(&values), expected);
        }
    }
}
