//! The names of the classes that an ONNX file has: classifiers bring them, and label outputs take them from a table.

use super::graph::OnnxGraph;
use super::label_rule;
use super::proto::{AttributeProto, NodeProto, TensorProto};
use crate::model::scores::FileLabels;

/// Most nodes that follow each other on the way to the names.
const MOST_DEPTH: usize = 32;

/// What the values of a tensor say of the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum ClassNaming {
    /// They are the positions of classes.
    Positions,
    /// They are these names of the classes, or belong to them.
    Names(FileLabels),
}

impl ClassNaming {
    /// What a tensor says: that of a classifier, or the label that is taken from a table.
    pub(super) fn of(graph: &OnnxGraph, tensor: &str) -> Option<Self> {
        Self::within(graph, tensor, MOST_DEPTH)
    }

    fn within(graph: &OnnxGraph, tensor: &str, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let node = graph.producer(tensor)?;
        let first = node.input.first()?;
        match node.op_type.as_str() {
            "LinearClassifier" | "SVMClassifier" | "TreeEnsembleClassifier" | "ZipMap" => {
                attributes(node).map(Self::Names)
            }
            "ArgMax" | "ArgMin" => Some(Self::Positions),
            "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
                (!label_rule::is_inverted(graph, node)).then_some(Self::Positions)
            }
            "ArrayFeatureExtractor" | "Gather" => {
                let table = table(graph.constant(first)?)?;
                match node.input.get(1).and_then(|index| Self::within(graph, index, depth)) {
                    Some(Self::Names(names)) => taken(&table, &names).map(Self::Names),
                    Some(Self::Positions) => Some(Self::Names(table)),
                    None => (node.op_type == "ArrayFeatureExtractor").then_some(Self::Names(table)),
                }
            }
            "LabelEncoder" => encoded(node, &Self::within(graph, first, depth)?).map(Self::Names),
            "Identity" | "Reshape" | "Cast" | "Squeeze" | "Unsqueeze" | "Flatten" | "Normalizer" => {
                Self::within(graph, first, depth)
            }
            _ => None,
        }
    }
}

/// The names in a node's attributes.
fn attributes(node: &NodeProto) -> Option<FileLabels> {
    ["classlabels_ints", "classlabels_int64s", "classlabels_strings"]
        .iter()
        .find_map(|name| list(node.attribute(name)?))
}

/// The numbers or texts of an attribute; `None` if it has neither.
fn list(attribute: &AttributeProto) -> Option<FileLabels> {
    let AttributeProto { ints, strings, t, .. } = attribute;
    match (&ints[..], &strings[..]) {
        ([_, ..], _) => Some(FileLabels::Numbers(ints.clone())),
        (_, [_, ..]) => {
            Some(FileLabels::Texts(strings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()))
        }
        _ => table(t.as_ref()?),
    }
}

/// The elements of a table at positions.
fn taken(table: &FileLabels, positions: &FileLabels) -> Option<FileLabels> {
    let FileLabels::Numbers(positions) = positions else { return None };
    let places = || positions.iter().map(|position| usize::try_from(*position).ok());
    match table {
        FileLabels::Numbers(names) => {
            places().map(|place| names.get(place?).copied()).collect::<Option<_>>().map(FileLabels::Numbers)
        }
        FileLabels::Texts(names) => {
            places().map(|place| names.get(place?).cloned()).collect::<Option<_>>().map(FileLabels::Texts)
        }
    }
}

/// What a LabelEncoder makes of positions or names: the value of each as a key.
fn encoded(node: &NodeProto, inner: &ClassNaming) -> Option<FileLabels> {
    let of = |names: &[&str]| names.iter().find_map(|name| list(node.attribute(name)?));
    let keys = of(&["keys_int64s", "keys_strings", "keys_tensor"]);
    // The first version of the operator has a list of texts, whose positions are the keys.
    let (keys, values) = match (keys, of(&["values_int64s", "values_strings", "values_tensor"])) {
        (Some(keys), Some(values)) => (keys.texts(), values),
        _ => {
            let values = of(&["classes_strings"])?;
            ((0..values.texts().len()).map(|position| position.to_string()).collect(), values)
        }
    };
    let asked = match inner {
        ClassNaming::Names(names) => names.texts(),
        ClassNaming::Positions => {
            let positions = (0..keys.len()).map(|position| position.to_string());
            positions.take_while(|position| keys.contains(position)).collect()
        }
    };
    let places: Option<Vec<i64>> =
        asked.iter().map(|asked| i64::try_from(keys.iter().position(|key| key == asked)?).ok()).collect();
    taken(&values, &FileLabels::Numbers(places.filter(|places| !places.is_empty())?))
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

#[cfg(test)]
mod tests;
