//! `model.toml`: what its author says about a model.
//!
//! Rule of thumb: the file is parsed once into checked types, an unknown field is an error, and every refusal names the
//! file, the field and the remedy.
//!
//! ```toml
//! task = "classification"
//! default = true                  # serves requests that name no model; optional
//! version = 3                     # pins a version; optional, the highest serves otherwise
//! latest_versions = 2             # so many of the highest can be asked for; optional, only the one that serves otherwise
//! labels = "labels.txt"           # one label a line, or an array of strings
//!
//! [input]
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
//! ```

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::defect::{DefectRule, DefectTable};
use super::error::ModelError;
use super::input_spec::{InputSpec, InputTable};
use super::labels::LabelSource;

/// Most versions of a model at a time.
const MAX_VERSIONS: u32 = 16;

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One class for each item; the model's output is a logit for each class.
    Classification,
}

/// All that model.toml says, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// What the model does.
    pub task: Task,
    /// The version to serve, where the author pins one; 1 or more.
    pub version: Option<u32>,
    /// How many of the highest versions can be asked for, beside the one that serves; 1 to 16.
    pub latest_versions: u32,
    /// What one item looks like.
    pub input: InputSpec,
    /// The names of the classes, in the order of the outputs; at least one, all different.
    pub labels: Vec<String>,
    /// Which predictions are defects.
    pub defect: DefectRule,
}

impl ModelConfig {
    /// Reads and checks a model.toml, and its labels file where it names one.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`], [`ModelError::Syntax`] or [`ModelError::Field`].
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let table: ConfigTable = parse(path)?;
        if table.version == Some(0) {
            return Err(ModelError::Field {
                path: path.to_owned(),
                field: "version",
                problem: "is 0".to_owned(),
                remedy: "name a version folder, 1 or more, or remove the field",
            });
        }
        if !(1..=MAX_VERSIONS).contains(&table.latest_versions) {
            return Err(ModelError::Field {
                path: path.to_owned(),
                field: "latest_versions",
                problem: format!("is {}", table.latest_versions),
                remedy: "each version takes memory: give 1 to 16, or remove the field",
            });
        }
        let labels = table.labels.resolve(path)?;
        Ok(Self {
            task: table.task,
            version: table.version,
            latest_versions: table.latest_versions,
            input: InputSpec::from_table(table.input, path)?,
            defect: DefectRule::from_table(table.defect, &labels, path)?,
            labels,
        })
    }
}

/// Whether a model.toml says `default = true`. It is asked apart from all else, because a default model that is broken
/// is still the default: its requests get an answer that says so, not another model's prediction.
pub(super) fn says_default(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct DefaultOnly {
        #[serde(default)]
        default: bool,
    }
    parse::<DefaultOnly>(path).is_ok_and(|only| only.default)
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let text = fs::read_to_string(path).map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|error| ModelError::Syntax { path: path.to_owned(), reason: error.to_string().trim_end().to_owned() })
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigTable {
    task: Task,
    /// Read by [`says_default`]; here so that it is a known field with a checked type.
    #[serde(default, rename = "default")]
    _default: bool,
    version: Option<u32>,
    #[serde(default = "one")]
    latest_versions: u32,
    labels: LabelSource,
    input: InputTable,
    defect: Option<DefectTable>,
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests;
