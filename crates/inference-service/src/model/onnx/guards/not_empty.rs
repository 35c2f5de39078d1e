//! Operators with which ONNX Runtime ends the process where a tensor is empty, and a guard for tensors of any type and
//! number of dimensions.

use super::super::new_nodes::{constant, int64, node};
use super::super::proto::{AttributeProto, NodeProto};

/// The inputs of a node that must not be empty, by their positions; those that are left out are not among them.
pub(in crate::model::onnx) fn inputs_of(node: &NodeProto) -> Vec<usize> {
    let count = node.input.len();
    let positions = match (node.domain.as_str(), node.op_type.as_str()) {
        ("" | "ai.onnx", "Unique") if node.attribute("axis").is_some() => 0..1,
        ("" | "ai.onnx", "Einsum") if !is_plain(node) => 0..count,
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

/// Whether the library computes an Einsum of empty tensors: that of a single tensor, and a product of two as they lie in memory,
/// of which the last axes of the first are summed with the first axes of the second (`bij,jk->bik`). In batches, or with
/// transposed tensors (`ij,kj->ik`), it divides by the sizes.
fn is_plain(einsum: &NodeProto) -> bool {
    let Some(AttributeProto { s: equation, .. }) = einsum.attribute("equation") else { return false };
    let equation: String = String::from_utf8_lossy(equation).split_whitespace().collect();
    let (operands, output) = equation.split_once("->").unwrap_or((&equation, ""));
    let Some((left, right)) = operands.split_once(',') else { return true };
    let summed: String = left.chars().filter(|letter| right.contains(*letter)).collect();
    let kept = left.strip_suffix(&summed).zip(right.strip_prefix(&summed));
    let is_simple =
        |term: &str| term.chars().all(|letter| letter.is_ascii_alphabetic() && term.matches(letter).count() == 1);
    is_simple(left) && is_simple(right) && kept.is_some_and(|(left, right)| [left, right].concat() == output)
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
