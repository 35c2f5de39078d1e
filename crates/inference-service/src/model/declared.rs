//! What model.toml declares for those who watch the model: its owner, what its answers mean, its features, segments and
//! thresholds.
//!
//! Rule of thumb: the bounds are those of the logging service, which is told of it. They are checked here, so that an author
//! hears of a mistake when the model is loaded.

use std::path::Path;

use prediction_record::{ModelDeclaration, Task};

use super::error::ModelError;
use super::features::ServedFeature;
use super::scores::ClassReader;

/// Checks what the file's author declared.
///
/// # Errors
/// [`ModelError::Declaration`] for what is out of bounds, contradicts itself, or does not belong to the task.
pub(super) fn checked(
    declared: ModelDeclaration,
    features: &[ServedFeature],
    task: Task,
    path: &Path,
) -> Result<ModelDeclaration, ModelError> {
    let refused = |field: &str, problem: &str| ModelError::Declaration {
        path: path.to_owned(),
        field: field.to_owned(),
        problem: problem.to_owned(),
    };
    if declared.positive.is_some() && task != Task::Classification {
        return Err(refused("positive", "belongs to the task \"classification\": remove it"));
    }
    if declared.tolerance.is_some() && task != Task::Regression {
        return Err(refused("tolerance", "belongs to the task \"regression\": remove it"));
    }
    let features = features.iter().map(|feature| feature.declaration.clone()).collect();
    let whole = ModelDeclaration { features, ..declared.clone() };
    whole.validate().map_err(|invalid| refused(&invalid.field, &invalid.problem))?;
    Ok(declared)
}

/// Checks that the positive class is one of the model's.
///
/// # Errors
/// [`ModelError::Declaration`].
pub(super) fn check_positive(
    declared: &ModelDeclaration,
    classes: Option<&ClassReader>,
    file: &Path,
) -> Result<(), ModelError> {
    let labels = classes.map(|classes| classes.labels.as_slice()).unwrap_or_default();
    let Some(positive) = declared.positive.as_ref().filter(|positive| !labels.contains(positive)) else {
        return Ok(());
    };
    let shown = labels.iter().take(10).map(|label| format!("{label:?}")).collect::<Vec<_>>().join(", ");
    Err(ModelError::Declaration {
        path: file.to_owned(),
        field: "positive".to_owned(),
        problem: format!("is {positive:?} in model.toml, and the classes are {shown}: give one of them"),
    })
}
