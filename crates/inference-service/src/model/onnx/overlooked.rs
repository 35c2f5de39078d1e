//! What tract reads over in a graph, and would get wrong without saying so.
//!
//! Rule of thumb: tract itself refuses operators that it does not have. Here stands what it has and computes as if
//! something were not written: attributes that its builders never read, inputs that it takes and handles differently, and
//! operators of other domains whose name alone it looks at. The conformance suite holds this list to be complete.

mod origins;
mod values;

use std::fmt;

use half::f16;

use self::origins::TensorOrigins;
use self::values::wrong_values;

use super::graph::OnnxGraph;
use super::proto::tensor_shape_proto::Dimension;
use super::proto::tensor_shape_proto::dimension::Value as Size;
use super::proto::type_proto::{Tensor, Value};
use super::proto::{AttributeProto, NodeProto, TensorProto};

/// `TensorProto.DataType.FLOAT16`.
const FLOAT16: i32 = 10;

/// An attribute that is never read, of operators of ONNX.
struct OverlookedAttribute {
    operators: &'static [&'static str],
    attribute: &'static str,
    /// The values that nobody misses.
    harmless: Harmless,
}

/// The values of an attribute with which an operator does what tract does.
enum Harmless {
    Never,
    Int(i64),
    Float(f32),
    /// One of these texts; where the attribute is a list, these in turn.
    Texts(&'static [&'static str]),
}

const RECURRENT: &[&str] = &["RNN", "GRU", "LSTM"];
/// Before version 7, these said with `axis` how their inputs go together.
const BROADCASTING: &[&str] =
    &["Add", "Sub", "Mul", "Div", "Pow", "PRelu", "And", "Or", "Xor", "Equal", "Greater", "Less"];

const ATTRIBUTES: &[OverlookedAttribute] = {
    use Harmless::{Float, Int, Never, Texts};
    const fn of(
        operators: &'static [&'static str],
        attribute: &'static str,
        harmless: Harmless,
    ) -> OverlookedAttribute {
        OverlookedAttribute { operators, attribute, harmless }
    }
    &[
        of(&["RNN"], "activations", Texts(&["tanh"])),
        of(&["GRU"], "activations", Texts(&["sigmoid", "tanh"])),
        of(&["LSTM"], "activations", Texts(&["sigmoid", "tanh", "tanh"])),
        of(RECURRENT, "clip", Never),
        of(RECURRENT, "direction", Texts(&["forward", "bidirectional"])),
        of(RECURRENT, "layout", Int(0)),
        of(&["LSTM"], "input_forget", Int(0)),
        of(&["Swish"], "alpha", Float(1.0)),
        // In half precision, tract multiplies by it at the wrong place.
        of(&["Celu"], "alpha", Float(1.0)),
        of(&["SpaceToDepth"], "mode", Texts(&["dcr"])),
        of(&["ConvTranspose"], "output_shape", Never),
        of(&["GridSample"], "mode", Texts(&["linear", "bilinear", "nearest"])),
        of(&["TopK"], "sorted", Int(1)),
        of(&["Normalizer"], "norm", Texts(&["l1", "l2"])),
        of(&["LinearRegressor"], "post_transform", Texts(&["none"])),
        of(&["BatchNormalization"], "training_mode", Int(0)),
        of(&["QuantizeLinear", "DequantizeLinear"], "output_dtype", Int(0)),
        of(&["QuantizeLinear"], "precision", Int(0)),
        of(&["Attention"], "left_window_size", Int(-1)),
        of(&["Attention"], "right_window_size", Int(-1)),
        of(BROADCASTING, "axis", Never),
        of(&["Scan"], "directions", Never),
        of(&["TreeEnsembleClassifier", "TreeEnsembleRegressor"], "base_values_as_tensor", Never),
        of(&["TreeEnsembleClassifier", "TreeEnsembleRegressor"], "nodes_values_as_tensor", Never),
    ]
};

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

/// Whether an infinite number stands in the file; weights beside it are not looked at.
fn has_infinity(graph: &OnnxGraph, nodes: &[&NodeProto]) -> bool {
    let in_attribute = |attribute: &AttributeProto| {
        attribute.f.is_infinite() || attribute.floats.iter().any(|number| number.is_infinite())
    };
    nodes.iter().flat_map(|node| &node.attribute).any(in_attribute) || graph.tensors().into_iter().any(is_infinite)
}

fn is_infinite(tensor: &TensorProto) -> bool {
    let raw = &tensor.raw_data;
    match tensor.data_type {
        1 => {
            let mut raw = raw.chunks_exact(4).filter_map(|bytes| Some(f32::from_le_bytes(bytes.try_into().ok()?)));
            raw.any(f32::is_infinite) || tensor.float_data.iter().any(|number| number.is_infinite())
        }
        10 => {
            let mut raw = raw.chunks_exact(2).filter_map(|bytes| Some(f16::from_le_bytes(bytes.try_into().ok()?)));
            let stored = |bits: &i32| u16::try_from(*bits).is_ok_and(|bits| f16::from_bits(bits).is_infinite());
            raw.any(f16::is_infinite) || tensor.int32_data.iter().any(stored)
        }
        11 => {
            let mut raw = raw.chunks_exact(8).filter_map(|bytes| Some(f64::from_le_bytes(bytes.try_into().ok()?)));
            raw.any(f64::is_infinite) || tensor.double_data.iter().any(|number| number.is_infinite())
        }
        _ => false,
    }
}

fn what(node: &NodeProto) -> Option<String> {
    let operator = node.op_type.as_str();
    match node.domain.as_str() {
        "" | "ai.onnx" | "ai.onnx.ml" => {}
        "com.microsoft" if OF_MICROSOFT.contains(&operator) => {}
        domain => return Some(format!("the domain {domain:?}")),
    }
    let of_node = |overlooked: &&OverlookedAttribute| overlooked.operators.contains(&operator);
    let attribute = ATTRIBUTES.iter().filter(of_node).find_map(|overlooked| {
        let said = node.attribute(overlooked.attribute)?;
        (!overlooked.harmless.covers(said)).then(|| format!("the attribute `{} = {}`", said.name, shown(said)))
    });
    let is_given = |position: usize| node.input.get(position).is_some_and(|input| !input.is_empty());
    let input = INPUTS.iter().find(|(of, position, _)| *of == operator && is_given(*position));
    let whole = OPERATORS.iter().find(|(of, _)| *of == operator);
    attribute
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

impl Harmless {
    fn covers(&self, said: &AttributeProto) -> bool {
        match self {
            Self::Never => false,
            Self::Int(value) => said.i == *value,
            Self::Float(value) => said.f == *value,
            Self::Texts(texts) => {
                let is = |said: &[u8], text: &&str| said.eq_ignore_ascii_case(text.as_bytes());
                if said.strings.is_empty() {
                    return texts.iter().any(|text| is(&said.s, text));
                }
                said.strings.iter().zip(texts.iter().cycle()).all(|(said, text)| is(said, text))
            }
        }
    }
}

/// The value of an attribute, for messages.
fn shown(attribute: &AttributeProto) -> String {
    let text = |bytes: &[u8]| format!("{:?}", String::from_utf8_lossy(bytes));
    match attribute.r#type {
        1 => attribute.f.to_string(),
        2 => attribute.i.to_string(),
        3 => text(&attribute.s),
        8 => format!("[{}]", attribute.strings.iter().map(|each| text(each)).collect::<Vec<_>>().join(", ")),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests;
