//! Whether a value of a model's input may be missing, as a feature of a table may.
//!
//! Rule of thumb: model.toml says it. Left out, the graph does: it takes missing values if something in it looks at them. Any
//! other model would answer NaN, or a number that nobody meant.

use super::config::ModelConfig;
use super::onnx::OnnxGraph;
use super::task::Task;
use crate::input::MissingValues;

/// The operators that have a way for missing values.
const OPERATORS: [&str; 5] = ["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "Imputer", "IsNaN"];

/// What a missing value is to a model.
pub(super) fn missing_values(config: &ModelConfig, graph: &OnnxGraph) -> MissingValues {
    if let Some(declared) = config.missing {
        return declared;
    }
    let is_table = config.task != Task::Raw && config.input.is_none();
    let looks = || graph.nodes().iter().any(|node| OPERATORS.contains(&node.op_type.as_str()));
    // Only the caller knows what the tensors of a raw model mean, and NaN may be part of it.
    if config.task == Task::Raw || is_table && looks() { MissingValues::Nan } else { MissingValues::Refuse }
}
