//! What the numbers of an output are, by the nodes that make them.
//!
//! Rule of thumb: a graph is believed only as far as each node on the way is known. One that is not known leaves the
//! question open, because a confidence made of the wrong numbers looks as good as a right one.

use super::graph::OnnxGraph;
use super::proto::NodeProto;
use super::{classifiers, linear_of_softmax, written_out};
use crate::model::scores::ScoreScale;

/// Most nodes that are looked at. Ways that branch and meet again would be walked many times.
const MOST_NODES: usize = 512;
/// Most nodes that follow each other.
const MOST_DEPTH: usize = 64;

/// What the numbers of a tensor of the main graph are.
///
/// # Errors
/// Why the graph does not say it, as a text that goes after "because".
pub(super) fn score_scale(graph: &OnnxGraph, tensor: &str) -> Result<ScoreScale, String> {
    Walk { graph, left: MOST_NODES }.scale(tensor, MOST_DEPTH)
}

/// `TensorProto.DataType.BOOL`.
const BOOL: i32 = 9;

/// A walk from an output towards the inputs.
struct Walk<'a> {
    graph: &'a OnnxGraph,
    /// How many nodes may still be looked at.
    left: usize,
}

impl<'a> Walk<'a> {
    fn scale(&mut self, tensor: &str, depth: usize) -> Result<ScoreScale, String> {
        let Some(node) = self.graph.producer(tensor) else {
            return Err(format!("no node makes {tensor:?}: it comes from an input or from the file"));
        };
        let unknown = Err(unknown(node));
        let (Some(left), Some(depth)) = (self.left.checked_sub(1), depth.checked_sub(1)) else { return unknown };
        self.left = left;
        if self.graph.is_function(node) {
            return unknown;
        }
        let is_first = node.output.first().is_some_and(|output| output == tensor);
        match (node.domain.as_str(), node.op_type.as_str()) {
            ("ai.onnx.ml", "ZipMap") => self.first_input(node, depth),
            ("ai.onnx.ml", "Normalizer") => self.normalised(node, depth),
            ("ai.onnx.ml", _) => match classifiers::scale(node, tensor) {
                Some(ScoreScale::Logits) => self.linear(node),
                scale => scale.ok_or_else(|| self::unknown(node)),
            },
            (
                "com.microsoft",
                "FusedMatMul" | "MatMulNBits" | "MatMulIntegerToFloat" | "DynamicQuantizeMatMul" | "QGemm",
            ) => self.linear(node),
            ("" | "ai.onnx", operator) => match operator {
                // These give the same numbers in another shape or type.
                "Identity" | "Reshape" | "Cast" | "CastLike" | "Squeeze" | "Unsqueeze" | "Flatten"
                | "QuantizeLinear" | "DequantizeLinear" => self.first_input(node, depth),
                "Dropout" if is_first && !self.trains(node) => self.first_input(node, depth),
                "Softmax" | "LogSoftmax" => {
                    self.check_axis(node)?;
                    Ok(if operator == "Softmax" { ScoreScale::Probabilities } else { ScoreScale::Logits })
                }
                "Sigmoid" => Ok(ScoreScale::Sigmoid),
                "Gemm" | "MatMul" | "MatMulInteger" | "QLinearMatMul" | "Conv" | "ConvInteger" | "QLinearConv"
                | "ConvTranspose" | "Einsum" => self.linear(node),
                // The logarithms of probabilities are logits of them.
                "Log" => self.inner(node, ScoreScale::Probabilities, ScoreScale::Logits, depth),
                "Neg" | "GlobalAveragePool" | "AveragePool" | "GlobalMaxPool" | "MaxPool" | "ReduceMean"
                | "ReduceSum" | "ReduceMax" | "BatchNormalization" | "Expand"
                    if is_first =>
                {
                    self.inner(node, ScoreScale::Logits, ScoreScale::Logits, depth)
                }
                "Add" | "Sub" | "Sum" => self.sum(node, depth),
                "Div" if written_out::divides_by_own_sum(self.graph, node) => Ok(ScoreScale::Probabilities),
                "Mul" | "Div" => self.scaled(node, depth),
                "Exp" if written_out::raises_log_softmax(self.graph, node) => Ok(ScoreScale::Probabilities),
                "Concat" | "Slice" | "Gather" | "Transpose" | "Split" => self.rearranged(node, depth),
                "LpNormalization" => self.normalised(node, depth),
                _ => unknown,
            },
            _ => unknown,
        }
    }

    /// Linear layers give logits, unless they take probabilities: then these may be probabilities again.
    fn linear(&self, layer: &NodeProto) -> Result<ScoreScale, String> {
        if linear_of_softmax::takes_probabilities(self.graph, layer) {
            return Err(format!("{} from probabilities, so that they may be such again or logits", unknown(layer)));
        }
        Ok(ScoreScale::Logits)
    }

    fn first_input(&mut self, node: &NodeProto, depth: usize) -> Result<ScoreScale, String> {
        let input = node.input.first().map(String::as_str).unwrap_or_default();
        self.scale(input, depth)
    }

    /// `becomes`, if the first input is `from`.
    fn inner(
        &mut self,
        node: &NodeProto,
        from: ScoreScale,
        becomes: ScoreScale,
        depth: usize,
    ) -> Result<ScoreScale, String> {
        if self.first_input(node, depth) == Ok(from) { Ok(becomes) } else { Err(unknown(node)) }
    }

    /// Sums of logits, and of logits and constants, are logits.
    fn sum(&mut self, node: &'a NodeProto, depth: usize) -> Result<ScoreScale, String> {
        let mut computed = node.input.iter().filter(|input| !self.is_constant(input)).peekable();
        let has_some = computed.peek().is_some();
        let computed: Vec<&String> = computed.collect();
        let are_logits = computed.into_iter().all(|input| self.scale(input, depth) == Ok(ScoreScale::Logits));
        if has_some && are_logits { Ok(ScoreScale::Logits) } else { Err(unknown(node)) }
    }

    /// Logits times a factor, constant or that of a quantisation, are logits.
    fn scaled(&mut self, node: &NodeProto, depth: usize) -> Result<ScoreScale, String> {
        let [first, second] = &node.input[..] else { return Err(unknown(node)) };
        let commutes = node.op_type == "Mul";
        let scaled = match (self.is_factor(first, depth), self.is_factor(second, depth)) {
            (false, true) => first,
            (true, false) if commutes => second,
            _ => return Err(unknown(node)),
        };
        let factor = if scaled == first { second } else { first };
        match self.scale(scaled, depth) {
            Ok(ScoreScale::Logits) => Ok(ScoreScale::Logits),
            other if written_out::is_one(self.graph, factor) => other,
            _ => Err(unknown(node)),
        }
    }

    /// Parts and permutations of logits are logits, and those of sigmoids are sigmoids. Parts of probabilities do not add up.
    fn rearranged(&mut self, node: &NodeProto, depth: usize) -> Result<ScoreScale, String> {
        let with_rest = written_out::joined_with_rest(self.graph, node).filter(|_| node.op_type == "Concat");
        if with_rest.is_some_and(|second| self.are_shares(second, depth)) {
            return Ok(ScoreScale::Probabilities);
        }
        let inputs = if node.op_type == "Concat" { &node.input[..] } else { node.input.get(..1).unwrap_or_default() };
        let scales: Vec<_> = inputs.iter().map(|input| self.scale(input, depth)).collect();
        match scales.first() {
            Some(Ok(scale @ (ScoreScale::Logits | ScoreScale::Sigmoid)))
                if scales.iter().all(|other| *other == Ok(*scale)) =>
            {
                Ok(*scale)
            }
            _ => Err(unknown(node)),
        }
    }

    /// Probabilities and sigmoids that are divided by their sum are probabilities.
    fn normalised(&mut self, node: &NodeProto, depth: usize) -> Result<ScoreScale, String> {
        let is_sum = match node.op_type.as_str() {
            "Normalizer" => node.attribute("norm").is_some_and(|norm| norm.s == "L1"),
            _ => node.attribute("p").is_some_and(|p| p.i == 1),
        };
        let input = node.input.first().map(String::as_str).unwrap_or_default();
        if is_sum && self.are_shares(input, depth) { Ok(ScoreScale::Probabilities) } else { Err(unknown(node)) }
    }

    /// Whether each number is a probability by itself; parts of probabilities are.
    fn are_shares(&mut self, tensor: &str, depth: usize) -> bool {
        if matches!(self.scale(tensor, depth), Ok(ScoreScale::Probabilities | ScoreScale::Sigmoid)) {
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        match self.graph.producer(tensor) {
            Some(node) if node.op_type == "Slice" => {
                node.input.first().is_some_and(|input| self.are_shares(input, depth))
            }
            Some(node) if node.op_type == "Concat" => node.input.iter().all(|input| self.are_shares(input, depth)),
            _ => false,
        }
    }

    /// Whether a tensor is a factor for all classes: a constant, or the scale of a dynamic quantisation.
    fn is_factor(&self, tensor: &str, depth: usize) -> bool {
        if self.is_constant(tensor) {
            return true;
        }
        let (Some(node), Some(depth)) = (self.graph.producer(tensor), depth.checked_sub(1)) else { return false };
        match node.op_type.as_str() {
            "DynamicQuantizeLinear" => node.output.get(1).is_some_and(|scale| scale == tensor),
            "Mul" => node.input.iter().all(|input| self.is_factor(input, depth)),
            _ => false,
        }
    }

    fn is_constant(&self, tensor: &str) -> bool {
        match self.graph.producer(tensor) {
            Some(node) => node.op_type == "Constant",
            None => self.graph.initializer(tensor).is_some(),
        }
    }

    /// Whether a Dropout drops numbers: its third input says so.
    fn trains(&self, dropout: &NodeProto) -> bool {
        let Some(mode) = dropout.input.get(2).filter(|mode| !mode.is_empty()) else { return false };
        let is_false = self.graph.constant(mode).is_some_and(|mode| {
            let written = mode.raw_data.iter().copied().map(i32::from).chain(mode.int32_data.iter().copied());
            mode.data_type == BOOL && written.eq([0])
        });
        !is_false
    }

    /// Whether the probabilities of one item add up to 1: not over the items, and not for each of several places.
    fn check_axis(&self, softmax: &NodeProto) -> Result<(), String> {
        let is_coerced = self.graph.opset() < 13;
        let written = softmax.attribute("axis").map_or(if is_coerced { 1 } else { -1 }, |axis| axis.i);
        let tensors = [softmax.output.first(), softmax.input.first()].into_iter().flatten();
        let shape = tensors.into_iter().find_map(|tensor| self.graph.declared_shape(tensor));
        let rank = shape.as_ref().map(|shape| shape.len() as i64);
        let axis = match (written, rank) {
            (0.., _) => written,
            (-1, None) => return Ok(()),
            (_, Some(rank)) => written + rank,
            (_, None) => -1,
        };
        let over_items = axis == 0 && rank != Some(1);
        // Sizes that are open are looked at when there are numbers.
        let others = shape.iter().flatten().enumerate().skip(1).filter(|(place, _)| {
            let place = *place as i64;
            if is_coerced { place < axis } else { place != axis }
        });
        let for_several = others.into_iter().any(|(_, size)| size.is_some_and(|size| size > 1));
        if axis < 0 || over_items || for_several {
            let NodeProto { op_type, .. } = softmax;
            return Err(format!(
                "the node {:?} ({op_type}) works along axis {written}, which is not that of the classes of one item",
                softmax.shown_name()
            ));
        }
        Ok(())
    }
}

fn unknown(node: &NodeProto) -> String {
    let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", node.domain) };
    format!("the node {:?} ({domain}{}) makes them", node.shown_name(), node.op_type)
}

#[cfg(test)]
mod tests;
