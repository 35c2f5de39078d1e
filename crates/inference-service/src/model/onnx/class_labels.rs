//! The names of the classes that an ONNX file has: classifiers and label outputs of `ai.onnx.ml` bring them.

use super::graph::OnnxGraph;
use super::proto::{NodeProto, TensorProto};

/// Most nodes that follow each other on the way to the names.
const MOST_DEPTH: usize = 32;

/// The names of classes, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum GraphLabels {
    /// Whole numbers.
    Numbers(Vec<i64>),
    /// Texts.
    Texts(Vec<String>),
}

impl GraphLabels {
    /// The names that belong to a tensor: to the classifier that makes it, or to the table from which it takes labels.
    pub(super) fn of(graph: &OnnxGraph, tensor: &str) -> Option<Self> {
        let mut tensor = tensor;
        for _ in 0..MOST_DEPTH {
            let node = graph.producer(tensor)?;
            tensor = match node.op_type.as_str() {
                "LinearClassifier" | "SVMClassifier" | "TreeEnsembleClassifier" | "ZipMap" => {
                    return Self::written(node);
                }
                "ArrayFeatureExtractor" => return Self::table(graph.constant(node.input.first()?)?),
                "Identity" | "Reshape" | "Cast" | "Squeeze" | "Unsqueeze" | "Flatten" | "Normalizer" => {
                    node.input.first()?
                }
                _ => return None,
            };
        }
        None
    }

    /// The names in a node's attributes.
    pub(super) fn written(node: &NodeProto) -> Option<Self> {
        let numbers = ["classlabels_ints", "classlabels_int64s"].into_iter().filter_map(|name| node.attribute(name));
        if let Some(numbers) = numbers.map(|attribute| &attribute.ints).find(|numbers| !numbers.is_empty()) {
            return Some(Self::Numbers(numbers.clone()));
        }
        let texts = &node.attribute("classlabels_strings").filter(|attribute| !attribute.strings.is_empty())?.strings;
        Some(Self::Texts(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()))
    }

    fn table(tensor: &TensorProto) -> Option<Self> {
        const INT32: i32 = 6;
        const INT64: i32 = 7;
        const TEXTS: i32 = 8;
        let raw = &tensor.raw_data;
        match tensor.data_type {
            INT32 if raw.is_empty() => Some(Self::Numbers(tensor.int32_data.iter().copied().map(i64::from).collect())),
            INT32 => {
                Some(Self::Numbers(raw.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes).into()).collect()))
            }
            INT64 if raw.is_empty() => Some(Self::Numbers(tensor.int64_data.clone())),
            INT64 => Some(Self::Numbers(raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())),
            TEXTS => {
                let texts = tensor.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned());
                Some(Self::Texts(texts.collect()))
            }
            _ => None,
        }
    }

    /// The names as texts.
    pub(in crate::model) fn texts(&self) -> Vec<String> {
        match self {
            Self::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
            Self::Texts(texts) => texts.clone(),
        }
    }
}
