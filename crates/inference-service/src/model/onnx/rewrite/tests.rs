#![allow(clippy::unwrap_used, clippy::expect_used)]

use prost::Message as _;

use super::super::proto::{GraphProto, ModelProto, type_proto};
use super::super::written::{FLOAT, file, floats, node, texts, value};
use super::*;

fn numbers(values: &[f32]) -> AttributeProto {
    AttributeProto { floats: values.to_vec(), r#type: 6, ..AttributeProto::default() }
}

/// A Scaler, a linear layer, and a ZipMap at the end.
fn graph() -> GraphProto {
    let scaler = node("Scaler", &["x"], &["scaled"]).of_domain("ai.onnx.ml");
    let zip_map = node("ZipMap", &["scores"], &["maps"]).of_domain("ai.onnx.ml");
    let mut maps = value("maps", FLOAT, &[]);
    maps.r#type = Some(TypeProto { value: Some(type_proto::Value::SequenceType(Box::default())) });
    GraphProto {
        node: vec![
            scaler.with("offset", numbers(&[1.0, 2.0])).with("scale", numbers(&[0.5, 4.0])),
            node("MatMul", &["scaled", "w"], &["scores"]),
            node("Abs", &["scores"], &["other"]),
            zip_map.with("classlabels_strings", texts(&["a", "b", "c"])),
        ],
        initializer: vec![floats("w", &[2, 3], vec![0.5; 6])],
        input: vec![value("x", FLOAT, &[0, 2])],
        output: vec![value("other", FLOAT, &[0, 3]), maps],
        ..GraphProto::default()
    }
}

/// The graph once it is rewritten.
fn changed(graph: GraphProto, for_tract: bool) -> Option<GraphProto> {
    let bytes = file(graph);
    let graph = OnnxGraph::of(ModelProto::decode(&bytes[..]).unwrap()).unwrap();
    let rewritten = rewritten(&graph, &bytes, for_tract)?;
    ModelProto::decode(&rewritten[..]).unwrap().graph
}

fn operators(graph: &GraphProto) -> Vec<&str> {
    graph.node.iter().map(|node| node.op_type.as_str()).collect()
}

#[test]
fn an_output_of_maps_becomes_the_tensor_of_which_they_are_made() {
    let changed = changed(graph(), false).unwrap();
    assert_eq!(operators(&changed), ["Scaler", "MatMul", "Abs", "Identity"]);
    assert_eq!((changed.node[3].input[0].as_str(), changed.node[3].output[0].as_str()), ("scores", "maps"));
    let names: Vec<&str> = changed.output.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["other", "maps"]);
    let model = ModelProto { graph: Some(changed), ..ModelProto::default() };
    assert_eq!(OnnxGraph::of(model).unwrap().declared_shape("maps"), Some(vec![None, Some(3)]));
}

#[test]
fn for_tract_a_scaler_becomes_a_difference_and_a_product() {
    let changed = changed(graph(), true).unwrap();
    assert_eq!(operators(&changed), ["Cast", "Sub", "Mul", "MatMul", "Abs", "Identity"]);
    assert_eq!(changed.node[2].output, ["scaled"]);
    let values: Vec<&[f32]> = changed.initializer.iter().map(|tensor| tensor.float_data.as_slice()).collect();
    assert_eq!(values, [&[0.5; 6][..], &[1.0, 2.0], &[0.5, 4.0]]);
}

#[test]
fn other_graphs_stay_as_they_are() {
    let plain = GraphProto { node: vec![node("Abs", &["x"], &["y"])], ..graph() };
    assert_eq!(changed(plain, true), None);
    let mut used = graph();
    used.node.push(node("Abs", &["maps"], &["more"]));
    assert!(operators(&changed(used, true).unwrap()).contains(&"ZipMap"), "something takes the maps");
}

#[test]
fn what_is_not_known_is_copied() {
    let mut bytes = file(graph());
    // A field that no version of ONNX has: number 4000, a text.
    bytes.extend([0x82, 0xfa, 0x01, 3, b'a', b'b', b'c']);
    let graph = OnnxGraph::of(ModelProto::decode(&bytes[..]).unwrap()).unwrap();
    let rewritten = rewritten(&graph, &bytes, false).unwrap();
    assert!(rewritten.ends_with(&[0x82, 0xfa, 0x01, 3, b'a', b'b', b'c']));
}
