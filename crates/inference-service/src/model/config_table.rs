//! What stands in a model.toml, and whether its fields go together.
//!
//! Rule of thumb: an unknown field is an error, and so is one that does not belong to the task.

use std::collections::BTreeMap;
use std::path::Path;

use prediction_record::AlertThresholds;
use serde::Deserialize;

use super::batching::BatchingTable;
use super::defect::DefectTable;
use super::engine_choice::EngineChoice;
use super::error::ModelError;
use super::features::FeatureTable;
use super::input_spec::InputTable;
use super::labels::LabelSource;
use super::runtime::ExecutionProvider;
use super::scores::ScoreScale;
use super::task::Task;
use crate::input::MissingValues;

/// Most versions of a model at a time.
const MAX_VERSIONS: u32 = 16;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigTable {
    pub(super) task: Option<Task>,
    /// Read by `says_default`; here so that it is a known field with a checked type.
    #[serde(default, rename = "default")]
    pub(super) _default: bool,
    pub(super) version: Option<u32>,
    #[serde(default = "one")]
    pub(super) latest_versions: u32,
    pub(super) engine: Option<EngineChoice>,
    pub(super) output: Option<ScoreScale>,
    pub(super) output_name: Option<String>,
    pub(super) instances: Option<u32>,
    pub(super) intra_threads: Option<u32>,
    pub(super) providers: Option<Vec<ExecutionProvider>>,
    pub(super) labels: Option<LabelSource>,
    pub(super) input: Option<InputTable>,
    pub(super) defect: Option<DefectTable>,
    pub(super) batching: Option<BatchingTable>,
    pub(super) missing: Option<MissingValues>,
    pub(super) owner: Option<String>,
    pub(super) positive: Option<String>,
    pub(super) tolerance: Option<f64>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) thresholds: AlertThresholds,
    #[serde(default)]
    pub(super) features: Vec<FeatureTable>,
}

/// Whether the fields have values that make sense, and belong to the task.
///
/// # Errors
/// [`ModelError::Field`].
pub(super) fn check_fields(table: &ConfigTable, task: Task, path: &Path) -> Result<(), ModelError> {
    if table.version == Some(0) {
        let remedy = "name a version folder, 1 or more, or remove the field";
        let (path, problem) = (path.to_owned(), "is 0".to_owned());
        return Err(ModelError::Field { path, field: "version", problem, remedy });
    }
    if !(1..=MAX_VERSIONS).contains(&table.latest_versions) {
        return Err(ModelError::Field {
            path: path.to_owned(),
            field: "latest_versions",
            problem: format!("is {}", table.latest_versions),
            remedy: "each version takes memory: give 1 to 16, or remove the field",
        });
    }
    let unfit = |field, remedy| ModelError::Field {
        path: path.to_owned(),
        field,
        problem: format!("does not belong to the task \"{}\"", task.as_str()),
        remedy,
    };
    let of_classes =
        [("labels", table.labels.is_some()), ("output", table.output.is_some()), ("defect", table.defect.is_some())];
    let alien = of_classes.iter().find(|(_, is_there)| *is_there && task != Task::Classification);
    if let Some((field, _)) = alien {
        return Err(unfit(field, "remove it: only classes have names and confidences, and only they can be defects"));
    }
    if task == Task::Raw && table.output_name.is_some() {
        return Err(unfit("output_name", "remove it: a request says which outputs it wants"));
    }
    if task == Task::Raw && table.input.is_some() {
        return Err(unfit("input", "remove it: the model's file says what tensors it takes"));
    }
    if table.missing == Some(MissingValues::Nan) && table.input.is_some() {
        return Err(unfit_missing(path));
    }
    if !table.features.is_empty() && table.input.is_some() {
        return Err(ModelError::Field {
            path: path.to_owned(),
            field: "features",
            problem: "stand beside [input], which is of a model of pictures".to_owned(),
            remedy: "keep one of the two",
        });
    }
    Ok(())
}

fn unfit_missing(path: &Path) -> ModelError {
    ModelError::Field {
        path: path.to_owned(),
        field: "missing",
        problem: "is \"nan\" for a model of pictures".to_owned(),
        remedy: "remove it: a picture has all its pixels",
    }
}

fn one() -> u32 {
    1
}
