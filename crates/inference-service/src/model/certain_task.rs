//! The task of a model whose author says none, where its graph leaves no doubt.
//!
//! Rule of thumb: operators that exist for nothing else than classifying or estimating decide. A model of layers may mean
//! anything with its numbers, so it stays raw.

use super::onnx::{OnnxGraph, OutputFacts};
use super::scores::ScoreScale;
use super::task::Task;

/// Operators that estimate numbers.
const REGRESSORS: [&str; 3] = ["LinearRegressor", "TreeEnsembleRegressor", "SVMRegressor"];
/// Operators that leave a number what it is.
const PASSING: [&str; 5] = ["Identity", "Cast", "Reshape", "Squeeze", "Flatten"];
/// Most of them behind each other.
const MOST_PASSING: usize = 8;

/// What a graph is for; [`Task::Raw`] where that is not certain.
pub(super) fn certain_task(graph: &OnnxGraph, facts: &[OutputFacts]) -> Task {
    let has_scores = |facts: &OutputFacts| {
        facts.labels().is_some() && facts.scale == Ok(ScoreScale::Probabilities) && !facts.is_calibrated
    };
    let contradicts = |facts: &OutputFacts| !facts.contradictions.is_empty();
    match facts {
        [one] if estimates(graph, &one.name) => Task::Regression,
        [first, second] if (has_scores(first) || has_scores(second)) && !contradicts(first) && !contradicts(second) => {
            Task::Classification
        }
        _ => Task::Raw,
    }
}

/// Whether an output is one number for each item, made by an operator that estimates.
fn estimates(graph: &OnnxGraph, output: &str) -> bool {
    let is_one = graph.declared_shape(output).is_some_and(|sizes| matches!(sizes[..], [_] | [_, Some(1)]));
    let mut maker = graph.producer(output);
    for _ in 0..MOST_PASSING {
        match maker {
            Some(node) if PASSING.contains(&node.op_type.as_str()) => {
                maker = node.input.first().and_then(|input| graph.producer(input));
            }
            _ => break,
        }
    }
    is_one && maker.is_some_and(|node| REGRESSORS.contains(&node.op_type.as_str()))
}
