//! Graphs that a runtime is given in other words, because it does not have all the operators in which they are written, or
//! gives what the service does not take.

use super::graph::OnnxGraph;
use super::guards::Guards;
use super::new_nodes::node;
use super::proto::tensor_shape_proto::{Dimension, dimension};
use super::proto::{AttributeProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};
use super::wire::GraphChanges;

/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;
/// `AttributeProto.AttributeType.INT`.
const INT: i32 = 2;

/// The file of a graph in other words; `None` where it stays as it is.
///
/// - A ZipMap at the end of the graph makes a list of maps out of a tensor. The output becomes that tensor.
/// - For tract, a Scaler becomes a difference and a product.
/// - For ONNX Runtime, nodes with which it could end the process are guarded.
pub(in crate::model) fn rewritten(graph: &OnnxGraph, file: &[u8], for_tract: bool) -> Option<Vec<u8>> {
    let guards = if for_tract { Guards::default() } else { Guards::of(graph) };
    let mut changes = GraphChanges { guards, ..GraphChanges::default() };
    for (position, each) in graph.main().node.iter().enumerate() {
        match (each.domain.as_str(), each.op_type.as_str()) {
            ("ai.onnx.ml" | "", "ZipMap") => without_zip_map(graph, position, each, &mut changes),
            ("ai.onnx.ml", "Scaler") if for_tract => without_scaler(position, each, &mut changes),
            _ => Some(()),
        };
    }
    if changes.is_empty() { None } else { changes.of_model(file) }
}

fn without_zip_map(graph: &OnnxGraph, position: usize, zip_map: &NodeProto, changes: &mut GraphChanges) -> Option<()> {
    let (input, output) = (zip_map.input.first()?, zip_map.output.first()?);
    let is_used = graph.main().node.iter().any(|other| other.input.contains(output));
    let is_output = graph.main().output.iter().any(|other| other.name == *output);
    if is_used || !is_output {
        return None;
    }
    let names = zip_map.attribute.iter().map(|attribute| attribute.ints.len().max(attribute.strings.len()));
    let classes = names.max().filter(|classes| *classes > 0)?;
    let sizes = [dimension::Value::DimParam("items".to_owned()), dimension::Value::DimValue(classes as i64)];
    let shape = TensorShapeProto { dim: sizes.map(|size| Dimension { value: Some(size) }).to_vec() };
    let tensor = type_proto::Tensor { elem_type: FLOAT, shape: Some(shape) };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)) });
    changes.nodes.insert(position, vec![node("Identity", &[input], output)]);
    changes.outputs.insert(output.clone(), ValueInfoProto { name: output.clone(), r#type });
    Some(())
}

fn without_scaler(position: usize, scaler: &NodeProto, changes: &mut GraphChanges) -> Option<()> {
    let (input, output) = (scaler.input.first()?, scaler.output.first()?);
    let numbers =
        |name: &str| scaler.attribute(name).map(|attribute| &attribute.floats).filter(|floats| !floats.is_empty());
    let (offset, scale) = (numbers("offset")?, numbers("scale")?);
    let name = |part: &str| format!("{output}/{part}");
    let constant = |part: &str, numbers: &Vec<f32>| TensorProto {
        name: name(part),
        dims: vec![numbers.len() as i64],
        data_type: FLOAT,
        float_data: numbers.clone(),
        ..TensorProto::default()
    };
    changes.initializers.extend([constant("offset", offset), constant("scale", scale)]);
    let to = AttributeProto { name: "to".to_owned(), i: FLOAT.into(), r#type: INT, ..AttributeProto::default() };
    let cast = NodeProto { attribute: vec![to], ..node("Cast", &[input], &name("numbers")) };
    let difference = node("Sub", &[&name("numbers"), &name("offset")], &name("difference"));
    let product = node("Mul", &[&name("difference"), &name("scale")], output);
    changes.nodes.insert(position, vec![cast, difference, product]);
    Some(())
}

#[cfg(test)]
mod tests;
