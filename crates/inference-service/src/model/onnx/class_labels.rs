//! The names of the classes that an ONNX file has: classifiers and label outputs of `ai.onnx.ml` bring them.

use super::graph::OnnxGraph;
use super::proto::{NodeProto, TensorProto};
use crate::model::scores::FileLabels;

/// Most nodes that follow each other on the way to the names.
const MOST_DEPTH: usize = 32;

/// The names that belong to a tensor: to the classifier that makes it, or to the table from which it takes labels.
pub(super) fn class_labels(graph: &OnnxGraph, tensor: &str) -> Option<FileLabels> {
    let mut tensor = tensor;
    for _ in 0..MOST_DEPTH {
        let node = graph.producer(tensor)?;
        tensor = match node.op_type.as_str() {
            "LinearClassifier" | "SVMClassifier" | "TreeEnsembleClassifier" | "ZipMap" => {
                return written(node);
            }
            "ArrayFeatureExtractor" => return table(graph.constant(node.input.first()?)?),
            "Identity" | "Reshape" | "Cast" | "Squeeze" | "Unsqueeze" | "Flatten" | "Normalizer" => {
                node.input.first()?
            }
            _ => return None,
        };
    }
    None
}

/// The names in a node's attributes.
fn written(node: &NodeProto) -> Option<FileLabels> {
    let numbers = ["classlabels_ints", "classlabels_int64s"].into_iter().filter_map(|name| node.attribute(name));
    if let Some(numbers) = numbers.map(|attribute| &attribute.ints).find(|numbers| !numbers.is_empty()) {
        return Some(FileLabels::Numbers(numbers.clone()));
    }
    let texts = &node.attribute("classlabels_strings").filter(|attribute| !attribute.strings.is_empty())?.strings;
    Some(FileLabels::Texts(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()))
}

fn table(tensor: &TensorProto) -> Option<FileLabels> {
    const INT32: i32 = 6;
    const INT64: i32 = 7;
    const TEXTS: i32 = 8;
    let raw = &tensor.raw_data;
    match tensor.data_type {
        INT32 if raw.is_empty() => {
            Some(FileLabels::Numbers(tensor.int32_data.iter().copied().map(i64::from).collect()))
        }
        INT32 => {
            Some(FileLabels::Numbers(raw.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes).into()).collect()))
        }
        INT64 if raw.is_empty() => Some(FileLabels::Numbers(tensor.int64_data.clone())),
        INT64 => Some(FileLabels::Numbers(raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())),
        TEXTS => {
            let texts = tensor.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned());
            Some(FileLabels::Texts(texts.collect()))
        }
        _ => None,
    }
}
