//! Where the tensors of a graph come from: their types, their values where the file holds them, and whether a request's
//! numbers are in them.

use std::collections::{HashMap, HashSet};

use super::super::graph::OnnxGraph;
use super::super::proto::type_proto::Value;
use super::super::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};

/// Numbers of `TensorProto.DataType`.
pub(super) mod element {
    pub(in super::super) const FLOAT: i32 = 1;
    pub(in super::super) const UINT8: i32 = 2;
    pub(in super::super) const INT8: i32 = 3;
    pub(in super::super) const UINT16: i32 = 4;
    pub(in super::super) const INT16: i32 = 5;
    pub(in super::super) const INT32: i32 = 6;
    pub(in super::super) const INT64: i32 = 7;
    pub(in super::super) const STRING: i32 = 8;
    pub(in super::super) const BOOL: i32 = 9;
    pub(in super::super) const FLOAT16: i32 = 10;
    pub(in super::super) const DOUBLE: i32 = 11;
    pub(in super::super) const UINT32: i32 = 12;
    pub(in super::super) const UINT64: i32 = 13;
}

use element::{BOOL, DOUBLE, FLOAT, FLOAT16, INT32, INT64, STRING, UINT8};

/// Operators whose answer is of truth values.
const TRUTHS: &[&str] =
    &["And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "Or", "Xor"];
/// Operators that give positions or sizes, whatever they are given.
const POSITIONS: &[&str] = &["ArgMax", "ArgMin", "NonMaxSuppression", "NonZero", "Shape", "Size"];
/// Operators that only arrange, choose or add up what they are given.
const ARRANGING: &[&str] = &[
    "Add",
    "Cast",
    "Concat",
    "Expand",
    "Flatten",
    "Gather",
    "GatherElements",
    "Identity",
    "Mul",
    "Reshape",
    "Slice",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
];
/// Operators whose answers are small, whatever they are given.
const SMALL: &[&str] = &["Hardmax", "HardSigmoid", "Sigmoid", "Softmax", "Tanh"];
/// Operators whose answers are small where what they are given is.
const KEEPS_SMALL: &[&str] = &["Ceil", "Floor", "Identity", "Reshape", "Round", "Squeeze", "Transpose"];

/// The tensors of a graph and of the graphs inside of its nodes, by their names.
pub(super) struct TensorOrigins<'a> {
    producers: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
    types: HashMap<&'a str, i32>,
    of_data: HashSet<&'a str>,
    never_negative: HashSet<&'a str>,
    small: HashSet<&'a str>,
}

impl<'a> TensorOrigins<'a> {
    /// The tensors of a graph. A node stands behind those whose outputs it takes, as ONNX demands.
    pub(super) fn of(graph: &'a OnnxGraph) -> Self {
        let mut origins = Self {
            producers: HashMap::new(),
            constants: HashMap::new(),
            types: HashMap::new(),
            of_data: HashSet::new(),
            never_negative: HashSet::new(),
            small: HashSet::new(),
        };
        origins.declare(graph.main());
        let functions = graph.model().functions.iter();
        origins.of_data.extend(functions.flat_map(|function| function.input.iter().map(String::as_str)));
        for node in graph.nodes() {
            origins.add(node);
        }
        origins
    }

    fn add(&mut self, node: &'a NodeProto) {
        if node.op_type == "Constant"
            && let (Some(output), Some(value)) = (node.output.first(), node.attribute("value"))
            && let Some(value) = &value.t
        {
            self.constants.insert(output, value);
        }
        for inner in node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
            self.declare(inner);
        }
        let is_of_data = self.makes_data(node);
        for (position, output) in node.output.iter().enumerate().filter(|(_, output)| !output.is_empty()) {
            self.producers.insert(output, node);
            if let Some(element) = self.made(node, position) {
                self.types.insert(output, element);
            }
            if is_of_data {
                self.of_data.insert(output);
            }
            let is_never_negative = self.makes_positions(node, position);
            if is_never_negative {
                self.never_negative.insert(output);
            }
            if self.makes_small(node) {
                self.small.insert(output);
            }
        }
    }

    fn makes_data(&self, node: &NodeProto) -> bool {
        match node.op_type.as_str() {
            "Shape" | "Size" | "Constant" => false,
            "If" | "Loop" | "Scan" => true,
            _ => node.input.iter().any(|input| self.of_data.contains(input.as_str())),
        }
    }

    fn makes_positions(&self, node: &NodeProto, position: usize) -> bool {
        let operator = node.op_type.as_str();
        POSITIONS.contains(&operator)
            || position == 1 && matches!(operator, "TopK" | "MaxPool")
            || position == 0 && operator.ends_with("Classifier")
            || ARRANGING.contains(&operator) && node.input.iter().all(|input| self.is_never_negative(input))
    }

    fn makes_small(&self, node: &NodeProto) -> bool {
        let first = node.input.first().map(String::as_str).unwrap_or_default();
        let operator = node.op_type.as_str();
        SMALL.contains(&operator) || KEEPS_SMALL.contains(&operator) && self.small.contains(first)
    }

    fn declare(&mut self, graph: &'a GraphProto) {
        let values = graph.input.iter().chain(&graph.value_info).chain(&graph.output);
        self.types.extend(values.filter_map(declared));
        let is_constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
        self.of_data.extend(graph.input.iter().map(|input| input.name.as_str()).filter(|name| !is_constant(name)));
        self.types.extend(graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor.data_type)));
        self.constants.extend(graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)));
    }

    /// The type of an output of a node.
    fn made(&self, node: &NodeProto, position: usize) -> Option<i32> {
        let of_input = |position: usize| self.element(node.input.get(position)?);
        let has = |name: &str| node.attribute(name).is_some();
        let operator = node.op_type.as_str();
        Some(match (operator, position) {
            ("Cast", _) => i32::try_from(node.attribute("to")?.i).ok()?,
            ("Constant", _) => self.constants.get(node.output.first()?.as_str())?.data_type,
            ("ConstantOfShape", _) => node.attribute("value")?.t.as_ref()?.data_type,
            ("CastLike" | "Where", _) => of_input(1)?,
            ("OneHot", _) => of_input(2)?,
            ("QuantizeLinear", _) => of_input(2).unwrap_or(UINT8),
            ("DequantizeLinear", _) | ("DynamicQuantizeLinear", 1) => FLOAT,
            ("DynamicQuantizeLinear", _) => UINT8,
            ("ConvInteger" | "MatMulInteger", _) => INT32,
            ("TopK" | "MaxPool", 1) => INT64,
            ("If" | "Loop" | "Scan", _) => return self.types.get(node.output.get(position)?.as_str()).copied(),
            ("LabelEncoder", _) if has("values_strings") => STRING,
            ("LabelEncoder", _) if has("values_int64s") => INT64,
            (classifier, 0) if classifier.ends_with("Classifier") => {
                if has("classlabels_strings") {
                    STRING
                } else {
                    INT64
                }
            }
            _ if TRUTHS.contains(&operator) => BOOL,
            _ if POSITIONS.contains(&operator) => INT64,
            _ if node.domain == "ai.onnx.ml" && operator != "ArrayFeatureExtractor" => FLOAT,
            _ => of_input(0)?,
        })
    }

    /// The type of a tensor, where it is known.
    pub(super) fn element(&self, tensor: &str) -> Option<i32> {
        self.types.get(tensor).copied()
    }

    /// Whether a tensor is of numbers with a fraction, as those of an unknown type are taken to be.
    pub(super) fn has_fractions(&self, tensor: &str) -> bool {
        matches!(self.element(tensor), None | Some(FLOAT | FLOAT16 | DOUBLE))
    }

    /// What makes a tensor.
    pub(super) fn producer(&self, tensor: &str) -> Option<&'a NodeProto> {
        self.producers.get(tensor).copied()
    }

    /// The whole numbers of a constant.
    pub(super) fn wholes(&self, tensor: &str) -> Option<Vec<i64>> {
        if let Some(node) = self.producer(tensor).filter(|node| node.op_type == "Constant") {
            if let Some(numbers) = node.attribute("value_ints") {
                return Some(numbers.ints.clone());
            }
            if let Some(number) = node.attribute("value_int") {
                return Some(vec![number.i]);
            }
        }
        let constant = self.constants.get(tensor).filter(|tensor| tensor.data_location == 0)?;
        let raw = &constant.raw_data;
        match constant.data_type {
            INT64 if raw.is_empty() => Some(constant.int64_data.clone()),
            INT64 => Some(raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()),
            INT32 if raw.is_empty() => Some(constant.int32_data.iter().copied().map(i64::from).collect()),
            INT32 => Some(raw.as_chunks().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))).collect()),
            _ => None,
        }
    }

    /// The numbers of single precision of a constant.
    pub(super) fn floats(&self, tensor: &str) -> Option<Vec<f32>> {
        if let Some(node) = self.producer(tensor).filter(|node| node.op_type == "Constant") {
            if let Some(numbers) = node.attribute("value_floats") {
                return Some(numbers.floats.clone());
            }
            if let Some(number) = node.attribute("value_float") {
                return Some(vec![number.f]);
            }
        }
        let constant = self.constants.get(tensor).filter(|tensor| tensor.data_location == 0)?;
        let raw = constant.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        (constant.data_type == FLOAT).then(|| constant.float_data.iter().copied().chain(raw).collect())
    }

    /// Whether numbers of a request, and not only their sizes, are in a tensor.
    pub(super) fn is_of_data(&self, tensor: &str) -> bool {
        self.of_data.contains(tensor)
    }

    /// Whether the numbers of a tensor are surely positions, sizes or labels: not negative, and not large.
    pub(super) fn is_never_negative(&self, tensor: &str) -> bool {
        match self.wholes(tensor) {
            Some(numbers) => numbers.iter().all(|number| *number >= 0),
            None => !self.is_of_data(tensor) || self.never_negative.contains(tensor),
        }
    }

    /// Whether the numbers of a tensor are small whatever a request brings.
    pub(super) fn is_small(&self, tensor: &str) -> bool {
        self.is_never_negative(tensor) || self.small.contains(tensor)
    }
}

fn declared(value: &ValueInfoProto) -> Option<(&str, i32)> {
    match value.r#type.as_ref()?.value.as_ref()? {
        Value::TensorType(tensor) => Some((value.name.as_str(), tensor.elem_type)),
        _ => None,
    }
}
