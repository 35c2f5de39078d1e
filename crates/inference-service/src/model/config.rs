//! `model.toml`: what its author says about a model.
//!
//! Rule of thumb: the file is parsed once into checked types, an unknown field is an error, and every refusal names the
//! file, the field and the remedy.
//!
//! ```toml
//! task = "classification"         # or "regression": a number for each item; or "raw": any tensors
//! default = true                  # serves requests that name no model; optional
//! version = 3                     # pins a version; optional, the highest serves otherwise
//! latest_versions = 2             # so many of the highest can be asked for; optional, only the one that serves otherwise
//! engine = "onnxruntime"          # or "tract": runs it, or nothing does; or "auto"; optional, --engine says it otherwise
//! instances = 2                   # most runs at a time, 1 to 64; optional, chosen by size otherwise
//! intra_threads = 4               # threads of each run, 1 to 64, in ONNX Runtime; optional, chosen by size otherwise
//! providers = ["cuda", "cpu"]     # accelerators in this order, in ONNX Runtime; optional, the CPU is behind them anyway
//! output = "probabilities"        # or "logits", "sigmoid": what a classification's numbers are; optional where the graph says it
//! output_name = "scores"          # the output that is the answer; optional where there is no doubt
//! labels = "labels.txt"           # one label a line, or an array of strings; optional, classes have the file's names or their numbers otherwise
//!
//! owner = "risk-team"             # is told when something is wrong with it; optional
//! positive = "yes"                # the class that AUC, precision and recall are about; optional
//! tolerance = 0.5                 # of a regression: how far from the truth an answer is still right; optional
//! missing = "nan"                 # `null` in JSON and NaN are missing values; or "refuse"; optional, the graph says it otherwise
//!
//! [input]                         # of a model that takes pictures; optional, without it the model takes tensors only
//! width = 32
//! height = 32
//! colour = "rgb"                  # or "grey"
//! layout = "nchw"                 # or "nhwc"
//! mean = [0.4914, 0.4822, 0.4465] # of pixel / 255, one a channel
//! std = [0.2470, 0.2435, 0.2616]
//! resize = "triangle"             # or "nearest", "catmull-rom", "lanczos3"; optional
//!
//! [defect]                        # optional: without it no prediction is a defect
//! labels = ["cat"]                # or confidence_floor = 0.5
//!
//! [batching]                      # optional: what may run together, where it was measured to pay
//! max_size = 8                    # at most so many items, 1 to 64; 1: one at a time
//! max_delay_ms = 0                # how long items wait for more; 0: only what waits anyway runs together
//!
//! [tags]                          # optional: segments that are counted apart
//! region = ["eu", "us"]
//!
//! [thresholds]                    # optional: from when on it is an alarm
//! psi_drift = 0.3
//!
//! [[features]]                    # of a model of tables; optional, without it the model takes tensors and no rows
//! name = "age"
//! kind = "number"                 # or "category"
//! range = [0, 120]                # optional
//! categories = []                 # of a category: those that make sense; optional
//! optional = false                # whether it may be missing
//! outside = "refuse"              # or "accept": what becomes of numbers out of range and other categories
//! keep = true                     # false: it is counted, and its values are not kept
//! input = "x"                     # optional: the one input, or that of its name
//! column = 0                      # optional: features follow each other
//! encoding = "index"              # of a category for an input of numbers, or "one_hot"
//! missing_value = -1              # what the model is given where it is missing; optional, NaN or an empty text otherwise
//! ```

use std::fs;
use std::path::Path;

use prediction_record::ModelDeclaration;
use serde::Deserialize;

use super::batching::Batching;
use super::config_table::{ConfigTable, check_fields};
use super::declared;
use super::defect::DefectRule;
use super::engine_choice::EngineChoice;
use super::error::ModelError;
use super::features::ServedFeature;
use super::input_spec::InputSpec;
use super::instances::InstanceConfig;
use super::labels::LabelSource;
use super::mlflow::SavedByMlflow;
use super::providers::ModelProviders;
use super::runtime::ExecutionProvider;
use super::scores::ScoreScale;
use super::task::Task;
use crate::input::MissingValues;

/// All that model.toml says, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// What the model does.
    pub task: Task,
    /// The version to serve, where the author pins one; 1 or more.
    pub version: Option<u32>,
    /// How many of the highest versions can be asked for, beside the one that serves; 1 to 16.
    pub latest_versions: u32,
    /// What is to run it, where the author says so.
    pub engine: Option<EngineChoice>,
    /// How many runs there can be at a time, as far as the author says so.
    pub instances: InstanceConfig,
    /// The accelerators that it asks for, in the order in which they may take nodes; all different. The CPU is behind them.
    pub accelerators: Vec<ExecutionProvider>,
    /// What one item looks like, of a model that takes pictures.
    pub input: Option<InputSpec>,
    /// What the numbers of the classes are, where the author says so.
    pub output: Option<ScoreScale>,
    /// The output that is the answer, where the author says so.
    pub output_name: Option<String>,
    /// The names of the classes, in the order of the numbers; at least one, all different. `None`: they have no names.
    pub labels: Option<Vec<String>>,
    /// Which predictions are defects.
    pub defect: DefectRule,
    /// How many items may run together.
    pub batching: Batching,
    /// What a value is that is missing, where the author says so.
    pub missing: Option<MissingValues>,
    /// The columns of a table that the model takes; none where it takes tensors only.
    pub features: Vec<ServedFeature>,
    /// What else the author says of the model, for those who watch it: owner, positive class, tolerance, tags and thresholds.
    pub declared: ModelDeclaration,
    /// What MLflow noted, where it saved the model.
    pub mlflow: Option<SavedByMlflow>,
}

impl ModelConfig {
    /// What holds of a model without a model.toml: any tensors.
    #[must_use]
    pub fn raw() -> Self {
        Self {
            output: None,
            output_name: None,
            task: Task::Raw,
            version: None,
            latest_versions: 1,
            engine: None,
            instances: InstanceConfig::default(),
            accelerators: Vec::new(),
            input: None,
            labels: None,
            defect: DefectRule::Never,
            batching: Batching::default(),
            missing: None,
            features: Vec::new(),
            declared: ModelDeclaration::default(),
            mlflow: None,
        }
    }

    /// Reads and checks a model.toml, and its labels file where it names one.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`], [`ModelError::Syntax`], [`ModelError::Field`] or [`ModelError::Declaration`].
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let table: ConfigTable = parse(path)?;
        let task = table.task.ok_or_else(|| without_task(path))?;
        check_fields(&table, task, path)?;
        let labels = table.labels.map(|labels| labels.resolve(path)).transpose()?;
        let features: Vec<ServedFeature> = table.features.into_iter().map(ServedFeature::from).collect();
        let (owner, positive, tolerance) = (table.owner, table.positive, table.tolerance);
        let (tags, thresholds) = (table.tags, table.thresholds);
        let declared = ModelDeclaration { owner, positive, tolerance, tags, thresholds, ..ModelDeclaration::default() };
        Ok(Self {
            declared: declared::checked(declared, &features, task.into(), path)?,
            features,
            task,
            version: table.version,
            latest_versions: table.latest_versions,
            engine: table.engine,
            instances: InstanceConfig::checked(table.instances, table.intra_threads, path)?,
            accelerators: ModelProviders::asked_for(table.providers, path)?,
            output: table.output,
            output_name: table.output_name,
            input: table.input.map(|input| InputSpec::from_table(input, path)).transpose()?,
            defect: DefectRule::from_table(table.defect, labels.as_deref().unwrap_or_default(), path)?,
            batching: Batching::from_table(table.batching, path)?,
            missing: table.missing,
            mlflow: None,
            labels,
        })
    }
}

fn without_task(path: &Path) -> ModelError {
    ModelError::Field {
        path: path.to_owned(),
        field: "task",
        problem: "is missing".to_owned(),
        remedy: "write task = \"classification\" for a class with its confidence, task = \"regression\" for a number, or \
                 task = \"raw\" for the model's own tensors",
    }
}

/// Whether a model.toml says `default = true`. This is read apart from all else, because a default model that is broken
/// is still the default: its requests get an answer that says so, not another model's prediction.
pub(super) fn says_default(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct DefaultOnly {
        #[serde(default)]
        default: bool,
    }
    parse::<DefaultOnly>(path).is_ok_and(|only| only.default)
}

/// The file with the labels that a model.toml names.
pub(super) fn labels_file(path: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct LabelsOnly {
        labels: Option<LabelSource>,
    }
    match parse::<LabelsOnly>(path).ok()?.labels {
        Some(LabelSource::File(name)) => Some(name),
        _ => None,
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let text = fs::read_to_string(path).map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| ModelError::Syntax { path: path.to_owned(), reason: error.to_string().trim_end().to_owned() })
}

#[cfg(test)]
mod tests;
