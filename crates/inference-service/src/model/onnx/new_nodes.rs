//! Nodes and constants that are put into a graph.

use super::proto::{AttributeProto, NodeProto, TensorProto};
use super::scope::INT64;

/// A list of whole numbers.
pub(super) fn int64(numbers: Vec<i64>) -> TensorProto {
    TensorProto { dims: vec![numbers.len() as i64], data_type: INT64, int64_data: numbers, ..TensorProto::default() }
}

/// A constant of this name.
pub(super) fn constant(value: TensorProto, name: &str) -> NodeProto {
    let value = AttributeProto { name: "value".to_owned(), t: Some(value), r#type: 4, ..AttributeProto::default() };
    NodeProto { attribute: vec![value], ..node("Constant", &[], name) }
}

/// A node of ONNX's own operators, named after its output.
pub(super) fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.to_owned(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        ..NodeProto::default()
    }
}
