//! What model.toml declares, as the logging service takes it.

use std::num::ParseIntError;

use axum::body::Bytes;
use prediction_record::ModelDeclaration;
use tracing::warn;

use crate::model::Engine;

/// The declaration of a loaded model, as JSON.
///
/// # Errors
/// Why the logging service would not take it.
pub(super) fn declaration(engine: &Engine) -> Result<Bytes, String> {
    let config = engine.config();
    let features = config.features.iter().map(|feature| feature.declaration.clone()).collect();
    let mut declared = ModelDeclaration { task: Some(engine.task().into()), features, ..config.declared.clone() };
    declared.validate().map_err(|problem| problem.to_string())?;
    if are_told(engine.labels()) {
        declared.labels = engine.labels().to_vec();
        // Names that no record can have, or too many of them, are left out, and all else is told.
        if let Err(refused) = declared.validate() {
            let (model, labels, problem) = (engine.name(), declared.labels.len(), refused.to_string());
            warn!(model, labels, problem, "model_labels_not_declared");
            declared.labels.clear();
        }
    }
    serde_json::to_vec(&declared).map(Bytes::from).map_err(|problem| problem.to_string())
}

/// Whether a number as a label can be taken for a class's index. Where classes are called by other numbers than their own, as
/// -1 and 1, a label of 1 is a name.
fn are_told(labels: &[String]) -> bool {
    let numbers: Result<Vec<i64>, ParseIntError> = labels.iter().map(|label| label.parse()).collect();
    numbers.map_or(true, |numbers| (0..).zip(numbers).all(|(place, number): (i64, i64)| place == number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_unless_they_are_numbers_of_other_classes() {
        let told = |labels: &[&str]| are_told(&labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>());
        assert!(told(&["no", "yes"]) && told(&["0", "1", "2"]) && told(&["1", "many"]) && told(&[]));
        assert!(!told(&["-1", "1"]) && !told(&["1", "2"]));
    }
}
