//! ONNX files that a test writes.

use prost::Message as _;

use super::proto::tensor_shape_proto::{Dimension, dimension};
use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};

/// Numbers of types in ONNX files.
pub(in crate::model) const FLOAT: i32 = 1;
pub(in crate::model) const INT64: i32 = 7;
pub(in crate::model) const BOOL: i32 = 9;

/// A node with these inputs and outputs; its name is that of its first output.
pub(in crate::model) fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto { op_type: op_type.to_owned(), input: owned(inputs), output: owned(outputs), ..NodeProto::default() }
}

impl NodeProto {
    /// The node with one more attribute.
    pub(in crate::model) fn with(mut self, name: &str, value: AttributeProto) -> Self {
        self.attribute.push(AttributeProto { name: name.to_owned(), ..value });
        self
    }

    /// The node of another domain.
    pub(in crate::model) fn of_domain(self, domain: &str) -> Self {
        Self { domain: domain.to_owned(), ..self }
    }
}

pub(in crate::model) fn int(value: i64) -> AttributeProto {
    AttributeProto { i: value, r#type: 2, ..AttributeProto::default() }
}

pub(in crate::model) fn ints(values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), r#type: 7, ..AttributeProto::default() }
}

pub(in crate::model) fn float(value: f32) -> AttributeProto {
    AttributeProto { f: value, r#type: 1, ..AttributeProto::default() }
}

pub(in crate::model) fn text(value: &str) -> AttributeProto {
    AttributeProto { s: value.to_owned().into(), r#type: 3, ..AttributeProto::default() }
}

pub(in crate::model) fn texts(values: &[&str]) -> AttributeProto {
    let strings = values.iter().map(|value| (*value).to_owned().into()).collect();
    AttributeProto { strings, r#type: 8, ..AttributeProto::default() }
}

pub(in crate::model) fn inner(graph: GraphProto) -> AttributeProto {
    AttributeProto { g: Some(graph), r#type: 5, ..AttributeProto::default() }
}

/// An initialiser of single precision.
pub(in crate::model) fn floats(name: &str, dims: &[usize], values: Vec<f32>) -> TensorProto {
    let dims = dims.iter().map(|size| *size as i64).collect();
    TensorProto { name: name.to_owned(), dims, data_type: FLOAT, float_data: values, ..TensorProto::default() }
}

/// An initialiser of whole numbers; no dimensions for a scalar.
pub(in crate::model) fn wholes(name: &str, dims: &[usize], values: Vec<i64>) -> TensorProto {
    let dims = dims.iter().map(|size| *size as i64).collect();
    TensorProto { name: name.to_owned(), dims, data_type: INT64, int64_data: values, ..TensorProto::default() }
}

/// An input or an output; a size of 0 is open.
pub(in crate::model) fn value(name: &str, elem_type: i32, sizes: &[usize]) -> ValueInfoProto {
    let dimension = |size: &usize| {
        let open = || dimension::Value::DimParam("n".to_owned());
        Dimension { value: Some(if *size == 0 { open() } else { dimension::Value::DimValue(*size as i64) }) }
    };
    let shape = Some(TensorShapeProto { dim: sizes.iter().map(dimension).collect() });
    let tensor = type_proto::Tensor { elem_type, shape };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)) });
    ValueInfoProto { name: name.to_owned(), r#type }
}

/// An input of single precision whose sizes are numbers, or names where they are open.
pub(in crate::model) fn sized(name: &str, sizes: &[&str]) -> ValueInfoProto {
    let size = |size: &&str| match size.parse() {
        Ok(number) => dimension::Value::DimValue(number),
        Err(_) => dimension::Value::DimParam((*size).to_owned()),
    };
    let dim = sizes.iter().map(|each| Dimension { value: Some(size(each)) }).collect();
    let tensor = type_proto::Tensor { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)) });
    ValueInfoProto { name: name.to_owned(), r#type }
}

/// The file of a graph.
pub(in crate::model) fn file(graph: GraphProto) -> Vec<u8> {
    let opset = OperatorSetIdProto { domain: String::new(), version: 17 };
    let graph = GraphProto { name: "g".to_owned(), ..graph };
    ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..ModelProto::default() }.encode_to_vec()
}
