#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto};
use super::*;

fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op_type.to_owned(),
        input: inputs.iter().map(|input| (*input).to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

fn external_tensor(location: &str) -> TensorProto {
    let entry = StringStringEntryProto { key: "location".to_owned(), value: location.to_owned() };
    TensorProto { name: "w".to_owned(), data_location: 1, external_data: vec![entry], ..TensorProto::default() }
}

fn model(graph: GraphProto) -> Vec<u8> {
    ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() }.encode_to_vec()
}

fn read(bytes: &[u8], beside: &[(&str, &str)]) -> Result<OnnxFile, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::write(&path, bytes).unwrap();
    for (name, content) in beside {
        fs::write(folder.path().join(name), content).unwrap();
    }
    OnnxFile::read(&path)
}

#[test]
fn nodes_and_tensors_of_inner_graphs_are_found() {
    let inner = GraphProto {
        node: vec![node("Abs", &["y"], "z")],
        initializer: vec![external_tensor("inner.data")],
        ..GraphProto::default()
    };
    let body = AttributeProto { name: "body".to_owned(), g: Some(inner), ..AttributeProto::default() };
    let mut outer = node("Loop", &["x"], "y");
    outer.attribute.push(body);
    let bytes = model(GraphProto { node: vec![outer], ..GraphProto::default() });
    let file = read(&bytes, &[("inner.data", "")]).unwrap();
    let operators: Vec<&str> = file.graph.nodes().iter().map(|node| node.op_type.as_str()).collect();
    assert_eq!(operators, ["Loop", "Abs"]);
    assert_eq!(file.graph.producer("y").unwrap().shown_name(), "y");
    assert!(file.graph.producer("z").is_none(), "it is made in another graph");
    assert_eq!(file.external.len(), 1);
}

#[test]
fn the_digest_covers_the_weights_beside() {
    let bytes = model(GraphProto { initializer: vec![external_tensor("w.data")], ..GraphProto::default() });
    let digest = |weights| read(&bytes, &[("w.data", weights)]).unwrap().sha256;
    assert_ne!(digest("1"), digest("2"));
    let alone = model(GraphProto::default());
    assert_eq!(read(&alone, &[]).unwrap().sha256, hexadecimal(&Sha256::digest(&alone)));
}

#[test]
fn weights_elsewhere_are_refused() {
    for location in ["../w.data", "/etc/hostname", "", "a/../../w", "missing.data"] {
        let bytes = model(GraphProto { initializer: vec![external_tensor(location)], ..GraphProto::default() });
        let problem = read(&bytes, &[]).unwrap_err().to_string();
        assert!(problem.contains(&format!("{location:?}")) && problem.contains("model.onnx"), "{problem}");
    }
}

#[test]
fn what_is_not_onnx_is_told() {
    for bytes in [&b""[..], b"\0", b"not a model"] {
        assert!(read(bytes, &[]).unwrap_err().to_string().contains("is not ONNX"));
    }
}
