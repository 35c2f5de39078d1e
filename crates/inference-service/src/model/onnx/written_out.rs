//! Softmax and its like as exporters write them in smaller steps.
//!
//! Rule of thumb: these show that numbers add up to 1. That each of them lies between 0 and 1 is looked at in every answer.

use super::graph::OnnxGraph;
use super::proto::NodeProto;

/// Whether `div` divides numbers by their own sum: as it is, or where that is 0, by something else.
pub(super) fn divides_by_own_sum(graph: &OnnxGraph, div: &NodeProto) -> bool {
    let [numbers, divisor] = &div.input[..] else { return false };
    let is_sum = |tensor: &str| {
        let node = graph.producer(tensor).filter(|node| is(node, &["ReduceSum", "ReduceL1"]));
        node.is_some_and(|node| node.input.first() == Some(numbers))
    };
    let avoids_zero = |node: &NodeProto| {
        let is_flag = |tensor: &String| graph.producer(tensor).is_some_and(|node| is(node, &["Cast"]));
        is(node, &["Add"]) && node.input.iter().any(|input| is_sum(input)) && node.input.iter().any(is_flag)
    };
    is_sum(divisor) || graph.producer(divisor).is_some_and(avoids_zero)
}

/// Whether `exp` raises logits from which the logarithm of the sum of their exponentials was taken.
pub(super) fn raises_log_softmax(graph: &OnnxGraph, exp: &NodeProto) -> bool {
    let Some(sub) = exp.input.first().and_then(|input| graph.producer(input)).filter(|node| is(node, &["Sub"])) else {
        return false;
    };
    let [logits, sum] = &sub.input[..] else { return false };
    let node = graph.producer(sum);
    let node = match node.filter(|node| is(node, &["Reshape", "Unsqueeze"])) {
        Some(reshape) => reshape.input.first().and_then(|input| graph.producer(input)),
        None => node,
    };
    node.is_some_and(|node| is(node, &["ReduceLogSumExp"]) && node.input.first() == Some(logits))
}

/// The tensor that `concat` puts behind its counter-probability, 1 minus it.
pub(super) fn joined_with_rest<'a>(graph: &OnnxGraph, concat: &'a NodeProto) -> Option<&'a str> {
    let [rest, second] = &concat.input[..] else { return None };
    let sub = graph.producer(rest).filter(|node| is(node, &["Sub"]))?;
    let [one, subtracted] = &sub.input[..] else { return None };
    (subtracted == second && is_one(graph, one)).then_some(second)
}

/// Whether a tensor is the constant 1.
pub(super) fn is_one(graph: &OnnxGraph, tensor: &str) -> bool {
    let Some(constant) = graph.constant(tensor) else { return false };
    let raw = constant.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut numbers = constant.float_data.iter().copied().chain(raw).peekable();
    // `TensorProto.DataType.FLOAT`
    constant.data_type == 1 && numbers.peek().is_some() && numbers.all(|number| number == 1.0)
}

fn is(node: &NodeProto, operators: &[&str]) -> bool {
    matches!(node.domain.as_str(), "" | "ai.onnx") && operators.contains(&node.op_type.as_str())
}
