//! What a file says of its outputs, kept without the file.

use super::class_labels::ClassNaming;
use super::graph::OnnxGraph;
use super::label_rule;
use super::proto::{ValueInfoProto, type_proto};
use super::score_scale::score_scale;
use crate::model::scores::{FileLabels, ScoreScale};

/// What a file says of one of its outputs.
#[derive(Clone, Debug)]
pub(in crate::model) struct OutputFacts {
    /// Its name.
    pub(in crate::model) name: String,
    /// Whether it is a tensor, and no sequence or map.
    pub(in crate::model) is_tensor: bool,
    /// Its declared sizes, of which some may be open; `None` where even their number is.
    pub(in crate::model) shape: Option<Vec<Option<usize>>>,
    /// What its numbers are if they belong to classes; or why the graph leaves that open, as a text that goes after
    /// "because".
    pub(in crate::model) scale: Result<ScoreScale, String>,
    /// Whether it is the probabilities of an SVMClassifier, which computes its label in another way.
    pub(in crate::model) is_calibrated: bool,
    /// The names and the order of the classes, as far as it says them.
    pub(in crate::model) naming: Option<ClassNaming>,
    /// How it is made, as a text that goes after its name, by the name of the output with the scores, where it is a label that
    /// is not their likeliest class.
    pub(in crate::model) contradictions: Vec<(String, String)>,
}

impl OutputFacts {
    /// The outputs of a graph, in its order.
    pub(in crate::model) fn of(graph: &OnnxGraph) -> Vec<Self> {
        let is_tensor = |output: &ValueInfoProto| {
            let value = output.r#type.as_ref().and_then(|declared| declared.value.as_ref());
            value.is_none_or(|value| matches!(value, type_proto::Value::TensorType(_)))
        };
        let contradictions = |label: &str| {
            let others = graph.main().output.iter().filter(|output| output.name != label);
            let of = |scores: &ValueInfoProto| {
                Some((scores.name.clone(), label_rule::contradiction(graph, label, &scores.name)?))
            };
            others.filter_map(of).collect()
        };
        let facts = |output: &ValueInfoProto, name: &String| Self {
            name: name.clone(),
            is_tensor: is_tensor(output),
            shape: graph.declared_shape(name),
            is_calibrated: is_calibrated(graph, name),
            scale: score_scale(graph, name),
            naming: ClassNaming::of(graph, name),
            contradictions: contradictions(name),
        };
        graph.main().output.iter().map(|output| facts(output, &output.name)).collect()
    }

    /// The names of the classes that it tells of.
    pub(in crate::model) fn labels(&self) -> Option<&FileLabels> {
        if let Some(ClassNaming::Names(names)) = &self.naming { Some(names) } else { None }
    }
}

fn is_calibrated(graph: &OnnxGraph, output: &str) -> bool {
    const MOST_DEPTH: usize = 16;
    let mut node = graph.producer(output);
    for _ in 0..MOST_DEPTH {
        match node {
            Some(maker) if matches!(maker.op_type.as_str(), "Cast" | "Identity" | "Normalizer" | "ZipMap") => {
                node = maker.input.first().and_then(|input| graph.producer(input));
            }
            _ => break,
        }
    }
    node.is_some_and(|maker| maker.op_type == "SVMClassifier")
}
