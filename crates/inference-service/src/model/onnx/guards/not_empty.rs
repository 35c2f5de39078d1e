//! Operators with which ONNX Runtime ends the process where a tensor is empty, and a guard for tensors of any type and
//! number of dimensions.

use super::super::proto::{AttributeProto, NodeProto};
use super::{constant, int64, node};

/// The inputs of a node that must not be empty, by their positions; those that are left out are not among them.
pub(in crate::model::onnx) fn inputs_of(node: &NodeProto) -> Vec<usize> {
    let count = node.input.len();
    let positions = match (node.domain.as_str(), node.op_type.as_str()) {
        ("" | "ai.onnx", "Unique") if node.attribute("axis").is_some() => 0..1,
        ("" | "ai.onnx", "Einsum") if is_batched(node) => 0..count,
        ("" | "ai.onnx", "ConvTranspose") if !is_flat(node) => 0..2,
        // No boxes are no error; no number for how many of them, or for a threshold, is read all the same.
        ("" | "ai.onnx", "NonMaxSuppression") => 2..count,
        ("ai.onnx.ml", "FeatureVectorizer") => 0..count,
        ("" | "ai.onnx", "InstanceNormalization") | ("com.microsoft", "QAttention" | "RotaryEmbedding") => 0..1,
        ("com.microsoft", "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization") => 0..2,
        ("com.microsoft", "MultiHeadAttention" | "GroupQueryAttention" | "DecoderMaskedMultiHeadAttention") => 0..3,
        _ => 0..0,
    };
    positions.filter(|position| node.input.get(*position).is_some_and(|input| !input.is_empty())).collect()
}

/// Whether the file says that a convolution is one of rows or pictures, and not of volumes.
fn is_flat(convolution: &NodeProto) -> bool {
    convolution.attribute("kernel_shape").is_some_and(|kernel| matches!(kernel.ints.len(), 1 | 2))
}

/// Whether an Einsum multiplies matrices in batches: a letter is in two operands and in the output. Where the equation
/// does not show it, it counts as one that does.
fn is_batched(einsum: &NodeProto) -> bool {
    let written = einsum.attribute("equation").map(|AttributeProto { s, .. }| String::from_utf8_lossy(s).into_owned());
    let Some((operands, output)) = written.as_deref().and_then(|equation| equation.split_once("->")) else {
        return einsum.input.len() > 1;
    };
    match operands.split(',').collect::<Vec<_>>()[..] {
        [_] => false,
        [left, right] if !operands.contains('.') => {
            left.chars().any(|letter| letter.is_alphabetic() && right.contains(letter) && output.contains(letter))
        }
        _ => true,
    }
}

/// Nodes that give `tensor` on under the name `checked`, and an error if it has no elements: the number of elements by
/// itself is 1, and the library refuses 0 by 0.
pub(super) fn guard(tensor: &str, checked: &str) -> Vec<NodeProto> {
    let [count, one, shape, same] = ["count", "one", "shape", "same"].map(|part| format!("{checked}/{part}"));
    vec![
        node("Size", &[tensor], &count),
        node("Div", &[&count, &count], &one),
        node("Shape", &[tensor], &shape),
        node("Mul", &[&shape, &one], &same),
        node("Reshape", &[tensor, &same], checked),
    ]
}

/// Nodes that give `sequence` on, with three dimensions, and an error if the first or the second is 0: a Reshape to the same
/// sizes, of which the last is inferred. Before version 5, a Reshape had its sizes as an attribute.
pub(super) fn guard_sequence(sequence: &str, checked: &str, shape_is_attribute: bool) -> Vec<NodeProto> {
    let same = vec![0, 0, -1];
    if shape_is_attribute {
        let shape = AttributeProto { name: "shape".to_owned(), ints: same, r#type: 7, ..AttributeProto::default() };
        return vec![NodeProto { attribute: vec![shape], ..node("Reshape", &[sequence], checked) }];
    }
    let sizes = format!("{checked}/sizes");
    vec![constant(int64(same), &sizes), node("Reshape", &[sequence, &sizes], checked)]
}

#[cfg(test)]
mod tests;
