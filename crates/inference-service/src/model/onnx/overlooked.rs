//! What tract reads over in a graph, and would get wrong without saying so.
//!
//! Rule of thumb: tract itself refuses operators that it does not have. Here stands what it has and computes as if
//! something were not written: attributes that its builders never read, inputs that it takes and handles differently, and
//! operators of other domains whose name alone it looks at. The conformance suite holds this list to be complete.

mod attributes;
mod infinity;
mod origins;
mod values;

use std::fmt;

use self::attributes::{overlooked_attribute, shown};
use self::infinity::has_infinity;
use self::origins::TensorOrigins;
use self::values::wrong_values;

use super::graph::OnnxGraph;
use super::proto::tensor_shape_proto::Dimension;
use super::proto::tensor_shape_proto::dimension::Value as Size;
use super::proto::type_proto::{Tensor, Value};
use super::proto::{NodeProto, TensorProto};

/// `TensorProto.DataType.FLOAT16`.
const FLOAT16: i32 = 10;

/// Inputs, by their position, with which tract does something else than ONNX Runtime.
const INPUTS: &[(&str, usize, &str)] = &[
    // Rows that are masked as a whole become NaN.
    ("Attention", 3, "attn_mask"),
    ("Attention", 4, "past_key"),
    ("Attention", 5, "past_value"),
    ("Attention", 6, "nonpad_kv_seqlen"),
];

/// Operators that tract has, and of which it gets some values wrong whatever their attributes say.
const OPERATORS: &[(&str, &str)] = &[
    ("BitShift", "shifts by as many bits as the number has, or more,"),
    ("Acosh", "numbers whose square is infinite"),
    ("Asinh", "numbers whose square is infinite"),
    ("GlobalLpPool", "sums, of which it makes means,"),
    ("QLinearConv", "halves, which it rounds otherwise,"),
    ("QLinearMatMul", "halves, which it rounds otherwise,"),
];

/// Operators that keep their sums in half precision, where they are given such numbers.
const IN_HALF_PRECISION: &[&str] =
    &["ReduceMean", "ReduceL2", "ReduceSumSquare", "GlobalAveragePool", "InstanceNormalization", "Conv"];

/// Operators that give the smallest or the largest of some numbers.
const EXTREMES: &[&str] = &["ReduceMax", "ReduceMin", "MaxPool", "GlobalMaxPool"];

/// Operators of `com.microsoft` that do the same in tract.
const OF_MICROSOFT: &[&str] = &["Gelu", "BiasGelu", "FastGelu", "QuickGelu"];

/// What tract would get wrong.
#[derive(Debug, PartialEq)]
pub(in crate::model) struct Overlooked {
    operator: String,
    node: String,
    what: String,
}

impl fmt::Display for Overlooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, node, what } = self;
        write!(f, "tract does not know {what} of the operator {operator} (node {node:?})")
    }
}

impl Overlooked {
    /// The first thing in a graph that tract would get wrong.
    pub(in crate::model) fn find(graph: &OnnxGraph) -> Option<Self> {
        let nodes = graph.nodes();
        let of =
            |node: &NodeProto, what| Self { operator: node.op_type.clone(), node: node.shown_name().to_owned(), what };
        let origins = TensorOrigins::of(graph);
        let wrong =
            |node| what(node).or_else(|| known_late(node, graph)).or_else(|| wrong_values(node, &origins, graph));
        let told = nodes.iter().find_map(|node| Some(of(node, wrong(node)?)));
        let told =
            told.or_else(|| nodes.iter().find_map(|node| Some(of(node, in_this_graph(node, graph)?.to_owned()))));
        told.or_else(|| {
            // The largest of values that are all minus infinity is then the smallest finite number.
            let extreme = nodes.iter().find(|node| EXTREMES.contains(&node.op_type.as_str()))?;
            has_infinity(graph, &nodes)
                .then(|| of(extreme, "infinite numbers, of which the graph has some,".to_owned()))
        })
    }
}

/// What tract has to know when it loads a model, and is told by a request.
fn known_late(node: &NodeProto, graph: &OnnxGraph) -> Option<String> {
    let input = |position: usize| node.input.get(position).filter(|input| !input.is_empty());
    match node.op_type.as_str() {
        "Dropout" => {
            // It drops nothing, whatever is asked for.
            let is_off = |training: &TensorProto| {
                training.raw_data.iter().all(|byte| *byte == 0) && training.int32_data.iter().all(|one| *one == 0)
            };
            let training = input(2)?;
            (!graph.constant(training).is_some_and(is_off)).then(|| "the input `training_mode`".to_owned())
        }
        _ => None,
    }
}

/// What tract makes of a node because of the tensors of the graph.
fn in_this_graph(node: &NodeProto, graph: &OnnxGraph) -> Option<&'static str> {
    let has_axes = || node.attribute("axes").is_some() || node.input.get(1).is_some_and(|input| !input.is_empty());
    match node.op_type.as_str() {
        // Sizes of one that a request brings stay.
        "Squeeze" if !has_axes() && has_open_sizes(graph) => Some("no `axes` beside open sizes"),
        // The sum is kept in half precision, and is infinite above 65,504.
        operator if IN_HALF_PRECISION.contains(&operator) && has_half_precision(graph) => {
            Some("numbers of half precision")
        }
        _ => None,
    }
}

fn input_tensors(graph: &OnnxGraph) -> impl Iterator<Item = &Tensor> {
    let types = graph.main().input.iter().filter_map(|input| input.r#type.as_ref()?.value.as_ref());
    types.filter_map(|value| if let Value::TensorType(tensor) = value { Some(tensor) } else { None })
}

fn has_open_sizes(graph: &OnnxGraph) -> bool {
    let is_open = |dimension: &Dimension| !matches!(dimension.value, Some(Size::DimValue(size)) if size > 0);
    input_tensors(graph).any(|tensor| tensor.shape.as_ref().is_none_or(|shape| shape.dim.iter().any(is_open)))
}

fn has_half_precision(graph: &OnnxGraph) -> bool {
    input_tensors(graph).any(|tensor| tensor.elem_type == FLOAT16)
        || graph.tensors().into_iter().any(|tensor| tensor.data_type == FLOAT16)
        || graph
            .nodes()
            .into_iter()
            .any(|node| node.op_type == "Cast" && node.attribute("to").is_some_and(|to| to.i == i64::from(FLOAT16)))
}

fn what(node: &NodeProto) -> Option<String> {
    let operator = node.op_type.as_str();
    match node.domain.as_str() {
        "" | "ai.onnx" | "ai.onnx.ml" => {}
        "com.microsoft" if OF_MICROSOFT.contains(&operator) => {}
        domain => return Some(format!("the domain {domain:?}")),
    }
    let is_given = |position: usize| node.input.get(position).is_some_and(|input| !input.is_empty());
    let input = INPUTS.iter().find(|(of, position, _)| *of == operator && is_given(*position));
    let whole = OPERATORS.iter().find(|(of, _)| *of == operator);
    overlooked_attribute(node)
        .or_else(|| input.map(|(_, _, name)| format!("the input `{name}`")))
        .or_else(|| whole.map(|(_, what)| (*what).to_owned()))
        .or_else(|| classes(node).map(str::to_owned))
        .or_else(|| sum_of_all(node))
}

/// tract keeps the dimensions of an Einsum that sums up everything.
fn sum_of_all(node: &NodeProto) -> Option<String> {
    let equation = node.attribute("equation").filter(|_| node.op_type == "Einsum")?;
    let is_scalar = String::from_utf8_lossy(&equation.s).trim_end().ends_with("->");
    is_scalar.then(|| format!("the attribute `equation = {}`", shown(equation)))
}

/// What tract makes of few classes: ONNX Runtime gives two of them, or one, scores and a label by rules of their own, and
/// never the label of a class that no tree speaks of.
fn classes(node: &NodeProto) -> Option<&'static str> {
    let list = |name| node.attribute(name).map_or(&[][..], |attribute| &attribute.ints);
    let texts = node.attribute("classlabels_strings").map_or(0, |attribute| attribute.strings.len());
    match node.op_type.as_str() {
        "TreeEnsembleClassifier" => {
            let (labels, spoken_of) = (texts.max(list("classlabels_int64s").len()), list("class_ids"));
            let all_are = (0_i64..).take(labels).all(|class| spoken_of.contains(&class));
            let few = (labels < 3).then_some("fewer than three classes");
            few.or_else(|| (!all_are).then_some("a class that no tree speaks of,"))
        }
        "LinearClassifier" => {
            let labels = texts.max(list("classlabels_ints").len());
            let rows = node.attribute("intercepts").map_or(1, |attribute| attribute.floats.len());
            let is_logistic = node.attribute("post_transform").is_some_and(|attribute| &attribute.s[..] == b"LOGISTIC");
            (rows < labels && !is_logistic).then_some("one row of coefficients for two classes")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
