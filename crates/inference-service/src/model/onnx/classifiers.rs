//! The classifiers of `ai.onnx.ml`, whose attributes say what their numbers are.

use std::collections::HashMap;

use super::proto::NodeProto;
use crate::model::scores::ScoreScale;

/// How far from 1 the weights of a forest's leaves may add up, because they are written with single precision.
const SUM_SLACK: f64 = 1e-3;

/// What the numbers are that a classifier gives for its classes; `None` if `node` is none, if `tensor` is its label, or if
/// its attributes leave it open.
pub(super) fn scale(node: &NodeProto, tensor: &str) -> Option<ScoreScale> {
    if node.op_type == "LinearRegressor" {
        return (transform(node) == "NONE").then_some(ScoreScale::Logits);
    }
    node.output.get(1).filter(|scores| *scores == tensor)?;
    match (node.op_type.as_str(), transform(node)) {
        ("LinearClassifier" | "TreeEnsembleClassifier", "SOFTMAX" | "SOFTMAX_ZERO") => Some(ScoreScale::Probabilities),
        ("LinearClassifier" | "TreeEnsembleClassifier", "LOGISTIC") => {
            Some(if gives_both(node) { ScoreScale::Probabilities } else { ScoreScale::Sigmoid })
        }
        ("LinearClassifier", "NONE") => Some(ScoreScale::Logits),
        ("TreeEnsembleClassifier", "NONE") if leaves_add_up(node) => Some(ScoreScale::Probabilities),
        ("SVMClassifier", "NONE") if node.attribute("prob_a").is_some_and(|prob_a| !prob_a.floats.is_empty()) => {
            Some(ScoreScale::Probabilities)
        }
        _ => None,
    }
}

fn transform(node: &NodeProto) -> &str {
    let written = node.attribute("post_transform").and_then(|transform| std::str::from_utf8(&transform.s).ok());
    written.filter(|written| !written.is_empty()).unwrap_or("NONE")
}

/// Whether a classifier of two classes has one score, of which it gives the probability and the counter-probability; or two
/// scores that are each other's opposite, which comes to the same.
fn gives_both(node: &NodeProto) -> bool {
    let floats = |name| node.attribute(name).map(|attribute| attribute.floats.as_slice()).unwrap_or_default();
    match node.op_type.as_str() {
        "LinearClassifier" => {
            let coefficients = floats("coefficients");
            let intercepts = floats("intercepts");
            let is_opposite = |numbers: &[f32]| {
                let (first, second) = numbers.split_at(numbers.len() / 2);
                first.len() == second.len() && first.iter().zip(second).all(|(first, second)| *first == -*second)
            };
            classes(node) == 2 && (intercepts.len() == 1 || (is_opposite(coefficients) && is_opposite(intercepts)))
        }
        _ => {
            let ids = node.attribute("class_ids").map(|ids| ids.ints.as_slice()).unwrap_or_default();
            classes(node) == 2 && ids.iter().all(|id| Some(id) == ids.first())
        }
    }
}

fn classes(node: &NodeProto) -> usize {
    let texts = node.attribute("classlabels_strings").map_or(0, |labels| labels.strings.len());
    let numbers =
        ["classlabels_ints", "classlabels_int64s"].map(|name| node.attribute(name).map_or(0, |l| l.ints.len()));
    numbers.into_iter().chain([texts]).max().unwrap_or_default()
}

/// Whether a forest gives probabilities without a transform: no weight is negative, the leaves of each tree have the same
/// sum, and the sums of all trees make 1. Leaves with weights for one of two classes give its probability, up to 1.
fn leaves_add_up(node: &NodeProto) -> bool {
    let ints = |name| node.attribute(name).map(|attribute| attribute.ints.as_slice()).unwrap_or_default();
    let floats = |name| node.attribute(name).map(|attribute| attribute.floats.as_slice()).unwrap_or_default();
    let weights = floats("class_weights");
    let (trees, leaves, ids) = (ints("class_treeids"), ints("class_nodeids"), ints("class_ids"));
    let is_complete = [trees.len(), leaves.len(), ids.len()] == [weights.len(); 3] && !weights.is_empty();
    let has_base = !floats("base_values").is_empty() || node.attribute("base_values_as_tensor").is_some();
    if !is_complete || has_base || weights.iter().any(|weight| weight.is_nan() || *weight < 0.0) {
        return false;
    }
    let mut leaf_sums: HashMap<(i64, i64), f64> = HashMap::new();
    for ((tree, leaf), weight) in trees.iter().zip(leaves).zip(weights) {
        *leaf_sums.entry((*tree, *leaf)).or_default() += f64::from(*weight);
    }
    let mut tree_sums: HashMap<i64, (f64, f64)> = HashMap::new();
    for ((tree, _), sum) in leaf_sums {
        let (least, most) = tree_sums.entry(tree).or_insert((sum, sum));
        (*least, *most) = (least.min(sum), most.max(sum));
    }
    let least: f64 = tree_sums.values().map(|(least, _)| least).sum();
    let most: f64 = tree_sums.values().map(|(_, most)| most).sum();
    let is_one_of_two = classes(node) == 2 && ids.iter().all(|id| Some(id) == ids.first());
    (most - 1.0).abs() < SUM_SLACK && ((least - 1.0).abs() < SUM_SLACK || is_one_of_two)
}
