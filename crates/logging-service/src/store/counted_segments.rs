//! Which segments of predictions are counted apart: the declared values of declared tags.
//!
//! Rule of thumb: who sends predictions chooses their tags, so only what is declared is counted; it is bounded, and the
//! rest is in the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use prediction_record::{ModelDeclaration, PredictionRecord, Tags};

/// The declared values of a model's tags.
type DeclaredTags = BTreeMap<String, Vec<String>>;

/// The segments that are counted, by model. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountedSegments(Arc<BTreeMap<String, DeclaredTags>>);

impl CountedSegments {
    /// What is declared about the models.
    pub(crate) fn declared(models: &BTreeMap<String, ModelDeclaration>) -> Self {
        let tagged = models.iter().filter(|(_, declaration)| !declaration.tags.is_empty());
        Self(Arc::new(tagged.map(|(model, declaration)| (model.clone(), declaration.tags.clone())).collect()))
    }

    /// The segments of a record.
    pub(super) fn of(&self, record: &PredictionRecord) -> Vec<String> {
        match self.0.get(&record.model) {
            Some(declared) if !record.tags.is_empty() => segments_of(&record.tags, declared),
            _ => Vec::new(),
        }
    }
}

/// The segments that tags put a prediction into.
fn segments_of(tags: &Tags, declared: &DeclaredTags) -> Vec<String> {
    let is_declared =
        |(key, value): &(&String, &String)| declared.get(*key).is_some_and(|values| values.contains(value));
    tags.iter().filter(is_declared).map(|(key, value)| segment(key, value)).collect()
}

/// The name of a segment in the database. A key has no `=`, so the first one ends it.
pub(crate) fn segment(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn only_declared_values_of_declared_tags_are_segments() {
        let declared = ModelDeclaration {
            tags: BTreeMap::from([("region".to_owned(), vec!["eu".to_owned(), "us".to_owned()])]),
            ..ModelDeclaration::default()
        };
        let segments = CountedSegments::declared(&BTreeMap::from([("loans".to_owned(), declared)]));
        let record = |model: &str, tags: &[(&str, &str)]| PredictionRecord {
            model: model.to_owned(),
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..PredictionRecord::default()
        };
        assert_eq!(segments.of(&record("loans", &[("region", "eu"), ("user", "7")])), ["region=eu"]);
        assert!(segments.of(&record("loans", &[("region", "mars")])).is_empty());
        assert!(segments.of(&record("other", &[("region", "eu")])).is_empty());
    }
}
