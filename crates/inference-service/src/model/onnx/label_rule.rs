//! How a model makes its own label of the numbers of its classes.
//!
//! Rule of thumb: only what the graph shows from end to end counts here. A label that is made in another way is held
//! against the numbers in every answer.

use super::graph::OnnxGraph;
use super::proto::{NodeProto, TensorProto};
use super::score_scale::score_scale;
use crate::model::scores::ScoreScale;

/// Most nodes that follow each other.
const MOST_DEPTH: usize = 32;
/// How far a threshold may be from the number at which two classes are equally likely.
const THRESHOLD_SLACK: f64 = 1e-6;

/// How the label is made, as a text that goes after its name, where it is not the likeliest class by these scores.
pub(super) fn contradiction(graph: &OnnxGraph, label: &str, scores: &str) -> Option<String> {
    let rule = rule(graph, label)?;
    let numbers = Way::of(graph, rule.input.first()?);
    let falls = numbers.falls_from(&Way::of(graph, scores));
    let takes = |what: &str| {
        let NodeProto { op_type, .. } = rule;
        Some(format!("whose node {:?} ({op_type}) takes {what} {scores:?}", rule.shown_name()))
    };
    match rule.op_type.as_str() {
        "ArgMax" if falls? => takes("the least likely class by"),
        "ArgMin" if !falls? => takes("the least likely class by"),
        "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
            let (compared, threshold) = compared(graph, rule)?;
            let falls = Way::of(graph, compared).falls_from(&Way::of(graph, scores))?;
            if falls != is_inverted(graph, rule) {
                return takes("the less likely of two classes by");
            }
            let even = match score_scale(graph, compared).ok()? {
                ScoreScale::Logits => 0.0,
                ScoreScale::Probabilities | ScoreScale::Sigmoid => 0.5,
            };
            let is_even = (threshold - even).abs() <= THRESHOLD_SLACK;
            if is_even { None } else { takes(&format!("the threshold {} instead of {even} for", threshold as f32)) }
        }
        _ => None,
    }
}

/// Whether a comparison is true for small numbers.
pub(super) fn is_inverted(graph: &OnnxGraph, comparison: &NodeProto) -> bool {
    let is_less = comparison.op_type.starts_with("Less");
    let is_turned = comparison.input.first().is_some_and(|first| graph.constant(first).is_some());
    is_less != is_turned
}

/// The node that decides on a label: what stands behind it only gives the decision another name or shape.
fn rule<'a>(graph: &'a OnnxGraph, label: &str) -> Option<&'a NodeProto> {
    let mut node = graph.producer(label)?;
    for _ in 0..MOST_DEPTH {
        let decided = match node.op_type.as_str() {
            "LabelEncoder" | "Identity" | "Reshape" | "Cast" | "Squeeze" | "Unsqueeze" | "Flatten" => {
                node.input.first()?
            }
            "Gather" | "ArrayFeatureExtractor" if graph.constant(node.input.first()?).is_some() => node.input.get(1)?,
            _ => return Some(node),
        };
        node = graph.producer(decided)?;
    }
    None
}

/// The number that a comparison holds against a constant, and that constant.
fn compared<'a>(graph: &OnnxGraph, comparison: &'a NodeProto) -> Option<(&'a str, f64)> {
    let [first, second] = &comparison.input[..] else { return None };
    match (graph.constant(first).and_then(single), graph.constant(second).and_then(single)) {
        (None, Some(threshold)) => Some((first, threshold)),
        (Some(threshold), None) => Some((second, threshold)),
        _ => None,
    }
}

/// The only number of a constant.
fn single(constant: &TensorProto) -> Option<f64> {
    const FLOAT: i32 = 1;
    const DOUBLE: i32 = 11;
    let raw = &constant.raw_data[..];
    let floats = raw.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
    let doubles = raw.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
    let numbers: Vec<f64> = match constant.data_type {
        FLOAT => constant.float_data.iter().copied().map(f64::from).chain(floats).collect(),
        DOUBLE => constant.double_data.iter().copied().chain(doubles).collect(),
        _ => return None,
    };
    if let [only] = numbers[..] { Some(only) } else { None }
}

/// The tensors from which one comes by nodes that keep the order of its numbers, or turn it round; itself first.
struct Way<'a> {
    /// Each with whether the order is turned round from there.
    tensors: Vec<(&'a str, bool)>,
}

impl<'a> Way<'a> {
    fn of(graph: &'a OnnxGraph, tensor: &'a str) -> Self {
        let mut tensors = vec![(tensor, false)];
        for _ in 0..MOST_DEPTH {
            let Some((tensor, falls)) = tensors.last().copied() else { break };
            let Some(node) = graph.producer(tensor).filter(|node| !graph.is_function(node)) else { break };
            let falls = match node.op_type.as_str() {
                "Identity" | "Reshape" | "Cast" | "Squeeze" | "Unsqueeze" | "Flatten" | "Softmax" | "LogSoftmax"
                | "Sigmoid" | "Log" | "Exp" | "ZipMap" => falls,
                "Neg" => !falls,
                _ => break,
            };
            let Some(input) = node.input.first() else { break };
            tensors.push((input, falls));
        }
        Self { tensors }
    }

    /// Whether these numbers are the lower the higher the others are; `None` if they do not come from the same ones.
    fn falls_from(&self, others: &Self) -> Option<bool> {
        self.tensors.iter().find_map(|(tensor, falls)| {
            let (_, other) = others.tensors.iter().find(|(other, _)| other == tensor)?;
            Some(falls != other)
        })
    }
}

#[cfg(test)]
mod tests;
