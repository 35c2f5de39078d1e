//! Linear layers that take the probabilities of a softmax: layers that put fine classes together, or that correct for noise,
//! give probabilities again; the last layer of a stack of models gives logits.
//!
//! Rule of thumb: the graph does not tell these apart. What lies between the softmax and the layer counts as long as it
//! neither bends the numbers nor mixes them with others: a sigmoid is a usual hidden layer, and attention multiplies by
//! what is computed.

use super::graph::OnnxGraph;
use super::proto::NodeProto;
use super::{classifiers, written_out};
use crate::model::scores::ScoreScale;

/// Most nodes that are looked at. Ways that branch and meet again would be walked many times.
const MOST_NODES: usize = 256;
/// Most nodes that follow each other.
const MOST_DEPTH: usize = 32;

/// Whether a linear layer of constant weights takes the probabilities of a softmax.
pub(super) fn takes_probabilities(graph: &OnnxGraph, layer: &NodeProto) -> bool {
    SoftmaxWalk { graph, left: MOST_NODES }.is_linear_of_softmax(layer, MOST_DEPTH)
}

/// A walk from a layer towards the inputs.
struct SoftmaxWalk<'a> {
    graph: &'a OnnxGraph,
    /// How many nodes may still be looked at.
    left: usize,
}

impl SoftmaxWalk<'_> {
    fn is_linear_of_softmax(&mut self, layer: &NodeProto, depth: usize) -> bool {
        let factors = factors(layer);
        !factors.is_empty() && self.only_computed(&factors, depth)
    }

    /// Whether exactly one of some tensors is computed, and is the probabilities.
    fn only_computed(&mut self, tensors: &[&String], depth: usize) -> bool {
        let computed: Vec<&&String> = tensors.iter().filter(|tensor| !self.is_constant(tensor, depth)).collect();
        if let [only] = computed[..] { self.is_probabilities(only, depth) } else { false }
    }

    fn is_probabilities(&mut self, tensor: &str, depth: usize) -> bool {
        let graph = self.graph;
        let Some(node) = graph.producer(tensor).filter(|node| !graph.is_function(node)) else { return false };
        let (Some(left), Some(depth)) = (self.left.checked_sub(1), depth.checked_sub(1)) else { return false };
        self.left = left;
        let first = node.input.first().map(String::as_str).unwrap_or_default();
        let is_made_by = |operator: &str| graph.producer(first).is_some_and(|node| node.op_type == operator);
        match node.op_type.as_str() {
            "Softmax" => true,
            "Exp" => is_made_by("LogSoftmax") || written_out::raises_log_softmax(graph, node),
            "Div" if is_made_by("Exp") && written_out::divides_by_own_sum(graph, node) => true,
            "Identity"
            | "Reshape"
            | "Cast"
            | "CastLike"
            | "Squeeze"
            | "Unsqueeze"
            | "Flatten"
            | "Dropout"
            | "QuantizeLinear"
            | "DequantizeLinear"
            | "DynamicQuantizeLinear"
            | "Transpose"
            | "Gather"
            | "Slice"
            | "Split"
            | "Expand"
            | "Tile"
            | "Pad"
            | "Clip"
            | "Neg"
            | "GlobalAveragePool"
            | "AveragePool"
            | "ReduceMean"
            | "ReduceSum"
            | "BatchNormalization"
            | "ArrayFeatureExtractor"
            | "Normalizer"
            | "Scaler" => self.is_probabilities(first, depth),
            "Mul" | "Div" => self.only_computed(&node.input.iter().collect::<Vec<_>>(), depth),
            "Add" | "Sub" | "Sum" | "Mean" | "Concat" | "FeatureVectorizer" => {
                let computed: Vec<&String> =
                    node.input.iter().filter(|input| !self.is_constant(input, depth)).collect();
                !computed.is_empty() && computed.into_iter().all(|input| self.is_probabilities(input, depth))
            }
            _ => {
                classifiers::scale(node, tensor) == Some(ScoreScale::Probabilities)
                    || self.is_linear_of_softmax(node, depth)
            }
        }
    }

    /// Whether no input of the model has a part in a tensor.
    fn is_constant(&mut self, tensor: &str, depth: usize) -> bool {
        let Some(node) = self.graph.producer(tensor) else {
            return tensor.is_empty() || self.graph.initializer(tensor).is_some();
        };
        let (Some(left), Some(depth)) = (self.left.checked_sub(1), depth.checked_sub(1)) else { return false };
        self.left = left;
        let has_graph = node.attribute.iter().any(|attribute| super::graph::graphs(attribute).next().is_some());
        !has_graph && node.input.iter().all(|input| self.is_constant(input, depth))
    }
}

/// The tensors that a linear layer multiplies; none, if the node is no such layer.
fn factors(node: &NodeProto) -> Vec<&String> {
    let places: &[usize] = match (node.domain.as_str(), node.op_type.as_str()) {
        ("" | "ai.onnx", "Gemm" | "MatMul" | "MatMulInteger" | "Conv" | "ConvInteger" | "ConvTranspose")
        | ("com.microsoft", "FusedMatMul" | "MatMulIntegerToFloat" | "DynamicQuantizeMatMul") => &[0, 1],
        ("" | "ai.onnx", "QLinearMatMul" | "QLinearConv") | ("com.microsoft", "QGemm") => &[0, 3],
        ("com.microsoft", "MatMulNBits") | ("ai.onnx.ml", "LinearRegressor" | "LinearClassifier") => &[0],
        ("" | "ai.onnx", "Einsum") => return node.input.iter().collect(),
        _ => &[],
    };
    places.iter().filter_map(|place| node.input.get(*place)).collect()
}
