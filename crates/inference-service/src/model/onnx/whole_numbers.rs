//! Which divisions of whole numbers a request may bring to the smallest number by -1, at which a processor stops the process.
//!
//! Rule of thumb: what a file holds, sizes, indices and truth values are tame. What a request brings, and what is cast to a
//! whole number, may be any number, and so may all that is computed from it.

use std::collections::HashMap;

use super::graph::{OnnxGraph, graphs};
use super::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto, type_proto};
use super::scope::{INT32, INT64, Scope};

/// A type of whole numbers of which the smallest one by -1 ends the process; narrower ones are widened before they divide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WideInteger {
    Int32,
    Int64,
}

impl WideInteger {
    /// Its number in `TensorProto.DataType`.
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Int32 => INT32,
            Self::Int64 => INT64,
        }
    }

    fn of_number(number: i32) -> Option<Self> {
        match number {
            INT32 => Some(Self::Int32),
            INT64 => Some(Self::Int64),
            _ => None,
        }
    }
}

/// What the numbers of a tensor may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Numbers {
    /// Never the smallest of its type.
    Tame,
    /// Any of this type.
    Any(WideInteger),
    /// Of another type.
    Other,
}

/// Divisions that may end the process.
#[derive(Debug, Default)]
pub(super) struct Divisions<'a> {
    /// Divisions in graphs, by their output.
    pub(super) guarded: HashMap<String, WideInteger>,
    /// One inside of a function of the file.
    pub(super) in_function: Option<&'a NodeProto>,
}

/// Goes through the graphs of a file in the order in which they run.
pub(super) struct DivisionFinder<'a> {
    graph: &'a OnnxGraph,
    found: Divisions<'a>,
    /// How many functions deep the nodes are that are looked at.
    depth: usize,
}

type KnownNumbers<'a> = HashMap<&'a str, Numbers>;

/// The output has numbers of the first input alone.
const OF_FIRST: &[&str] = &[
    "Identity",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Transpose",
    "Slice",
    "Pad",
    "Tile",
    "Expand",
    "Split",
    "Gather",
    "GatherElements",
    "GatherND",
    "TopK",
    "Unique",
    "Compress",
    "Abs",
    "Neg",
    "CumSum",
    "ReduceSum",
    "ReduceMax",
    "ReduceMin",
    "ReduceMean",
    "ReduceProd",
    "ReduceL1",
    "ReduceSumSquare",
    "Pow",
    "Dropout",
    "Trilu",
    "ReverseSequence",
    "DepthToSpace",
    "SpaceToDepth",
    "CenterCropPad",
    "Relu",
    "BitwiseNot",
    "MaxPool",
];
/// The output has numbers of all inputs.
const OF_ALL: &[&str] = &[
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Mod",
    "Max",
    "Min",
    "Sum",
    "Concat",
    "Where",
    "Clip",
    "Range",
    "OneHot",
    "ScatterND",
    "ScatterElements",
    "Scatter",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "MatMul",
    "Gemm",
    "Einsum",
    "BitShift",
];
/// The output has sizes, indices or truth values, or comes from the file.
const TAME: &[&str] = &[
    "Constant",
    "ConstantOfShape",
    "Shape",
    "Size",
    "ArgMax",
    "ArgMin",
    "NonZero",
    "Sign",
    "Not",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Greater",
    "Less",
    "GreaterOrEqual",
    "LessOrEqual",
    "IsNaN",
    "IsInf",
    "EyeLike",
    "NonMaxSuppression",
];

impl<'a> DivisionFinder<'a> {
    /// The divisions of a file.
    pub(super) fn find(graph: &'a OnnxGraph) -> Divisions<'a> {
        let main = graph.main();
        let mut finder = Self { graph, found: Divisions::default(), depth: 0 };
        if graph.nodes().iter().all(|node| node.op_type != "Div") {
            return finder.found;
        }
        let mut known = KnownNumbers::new();
        let scope = Scope::of_main(graph, false);
        finder.enter(main, &mut known);
        known.extend(main.input.iter().map(|input| (input.name.as_str(), brought(input))));
        finder.nodes(&main.node, &scope, &mut known);
        finder.found
    }

    /// What a graph holds itself.
    fn enter(&self, graph: &'a GraphProto, known: &mut KnownNumbers<'a>) {
        known.extend(graph.initializer.iter().map(|tensor| (tensor.name.as_str(), held(tensor))));
    }

    fn nodes(&mut self, nodes: &'a [NodeProto], scope: &Scope<'_>, known: &mut KnownNumbers<'a>) {
        for node in nodes {
            let outputs = self.outputs(node, scope, known);
            known.extend(node.output.iter().map(String::as_str).zip(outputs));
        }
    }

    /// The numbers of a node's outputs.
    fn outputs(&mut self, node: &'a NodeProto, scope: &Scope<'_>, known: &KnownNumbers<'a>) -> Vec<Numbers> {
        let of = |position: usize| {
            node.input.get(position).and_then(|name| known.get(name.as_str())).copied().unwrap_or(Numbers::Other)
        };
        let operator = node.op_type.as_str();
        let function = self.graph.model().functions.iter();
        if let Some(function) = function.clone().find(|it| it.name == node.op_type && it.domain == node.domain) {
            let mut inner: KnownNumbers<'a> = function.input.iter().map(String::as_str).zip((0..).map(of)).collect();
            // The format forbids functions that call themselves.
            if self.depth < 16 {
                self.depth += 1;
                self.nodes(&function.node, &Scope::of_function(&function.node), &mut inner);
                self.depth -= 1;
            }
            let numbers = |name: &String| inner.get(name.as_str()).copied().unwrap_or(Numbers::Other);
            return function.output.iter().map(numbers).collect();
        }
        let inner: Vec<&'a GraphProto> = node.attribute.iter().flat_map(graphs).collect();
        if !inner.is_empty() {
            return self.of_graphs(node, &inner, scope, known);
        }
        if operator == "Div" {
            self.look_at_division(node, of(0), scope);
        }
        let all =
            || node.input.iter().enumerate().filter(|(_, name)| !name.is_empty()).map(|(position, _)| of(position));
        let first = match operator {
            "Cast" => match node.attribute("to").and_then(|to| WideInteger::of_number(i32::try_from(to.i).ok()?)) {
                _ if of(0) == Numbers::Tame => Numbers::Tame,
                Some(wide) => Numbers::Any(wide),
                None => Numbers::Other,
            },
            "CastLike" => {
                if of(0) == Numbers::Tame {
                    Numbers::Tame
                } else {
                    of(1)
                }
            }
            "Constant" => node.attribute("value").and_then(|value| value.t.as_ref()).map_or(Numbers::Tame, held),
            operator if TAME.contains(&operator) => Numbers::Tame,
            operator if OF_FIRST.contains(&operator) => of(0),
            operator if OF_ALL.contains(&operator) => joined(all()),
            _ => Numbers::Other,
        };
        let others = if matches!(operator, "TopK" | "Unique" | "Dropout" | "MaxPool") { Numbers::Tame } else { first };
        std::iter::once(first).chain(std::iter::repeat(others)).take(node.output.len()).collect()
    }

    /// The numbers of what a node with graphs inside gives, by the outputs of these graphs.
    fn of_graphs(
        &mut self,
        node: &'a NodeProto,
        graphs: &[&'a GraphProto],
        scope: &Scope<'_>,
        known: &KnownNumbers<'a>,
    ) -> Vec<Numbers> {
        let mut outputs: Vec<Vec<Numbers>> = vec![Vec::new(); node.output.len()];
        // A loop's body gives first whether it goes on.
        let before = usize::from(node.op_type == "Loop");
        for graph in graphs {
            let mut inner = known.clone();
            self.enter(graph, &mut inner);
            inner.extend(graph.input.iter().map(|input| (input.name.as_str(), brought(input))));
            self.nodes(&graph.node, &Scope::inside(graph, scope), &mut inner);
            let given = graph.output.iter().skip(before).map(|output| inner.get(output.name.as_str()).copied());
            outputs.iter_mut().zip(given).for_each(|(all, one)| all.push(one.unwrap_or(Numbers::Other)));
        }
        outputs.into_iter().map(|all| joined(all.into_iter())).collect()
    }

    fn look_at_division(&mut self, node: &'a NodeProto, dividend: Numbers, scope: &Scope<'_>) {
        let Numbers::Any(wide) = dividend else { return };
        let constant = node.input.get(1).and_then(|name| scope.constant(name)?.wholes());
        if constant.is_some_and(|divisors| !divisors.contains(&-1)) {
            return;
        }
        if self.depth > 0 {
            self.found.in_function = Some(node);
        } else if let Some(output) = node.output.first() {
            self.found.guarded.insert(output.clone(), wide);
        }
    }
}

/// Of any of these; of no numbers, tame ones.
fn joined(mut all: impl Iterator<Item = Numbers>) -> Numbers {
    all.try_fold(Numbers::Tame, |joined, numbers| match (joined, numbers) {
        (_, any @ Numbers::Any(_)) => Err(any),
        (Numbers::Tame, Numbers::Tame) => Ok(Numbers::Tame),
        _ => Ok(Numbers::Other),
    })
    .unwrap_or_else(|any| any)
}

fn brought(input: &ValueInfoProto) -> Numbers {
    let value = input.r#type.as_ref().and_then(|r#type| r#type.value.as_ref());
    let wide = match value {
        Some(type_proto::Value::TensorType(tensor)) => WideInteger::of_number(tensor.elem_type),
        _ => None,
    };
    wide.map_or(Numbers::Other, Numbers::Any)
}

/// Of a tensor of the file.
fn held(tensor: &TensorProto) -> Numbers {
    let Some(wide) = WideInteger::of_number(tensor.data_type) else { return Numbers::Tame };
    let smallest = match wide {
        WideInteger::Int32 => i64::from(i32::MIN),
        WideInteger::Int64 => i64::MIN,
    };
    let is_tame = tensor.wholes().is_some_and(|wholes| !wholes.contains(&smallest));
    if is_tame { Numbers::Tame } else { Numbers::Any(wide) }
}
