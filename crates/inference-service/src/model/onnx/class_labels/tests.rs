#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::proto::{GraphProto, ModelProto};
use super::super::written::{int, ints, node, texts, wholes};
use super::*;

/// What the graph of these nodes, with a table `t` of 30, 10, 20, says of `l`.
fn says(nodes: Vec<NodeProto>) -> Option<ClassNaming> {
    let graph =
        GraphProto { node: nodes, initializer: vec![wholes("t", &[3], vec![30, 10, 20])], ..Default::default() };
    let graph = OnnxGraph::of(ModelProto { graph: Some(graph), ..ModelProto::default() }).unwrap();
    ClassNaming::of(&graph, "l")
}

fn likeliest(output: &str) -> NodeProto {
    node("ArgMax", &["y"], &[output])
}

fn encoder(input: &str) -> NodeProto {
    node("LabelEncoder", &[input], &["l"]).of_domain("ai.onnx.ml")
}

fn named(names: &[&str]) -> Option<ClassNaming> {
    Some(ClassNaming::Names(FileLabels::Texts(names.iter().map(|name| (*name).to_owned()).collect())))
}

fn numbered(names: &[i64]) -> Option<ClassNaming> {
    Some(ClassNaming::Names(FileLabels::Numbers(names.to_vec())))
}

#[test]
fn a_label_encoder_names_positions() {
    let says = |encoder: NodeProto| says(vec![likeliest("p"), encoder]);
    let keys = |keys: &[i64]| encoder("p").with("keys_int64s", ints(keys));
    assert_eq!(says(keys(&[0, 1, 2]).with("values_strings", texts(&["c", "a", "b"]))), named(&["c", "a", "b"]));
    assert_eq!(says(keys(&[2, 0, 1]).with("values_strings", texts(&["z", "x", "y"]))), named(&["x", "y", "z"]));
    assert_eq!(says(keys(&[0, 1]).with("values_int64s", ints(&[30, 10]))), numbered(&[30, 10]));
    assert_eq!(says(encoder("p").with("classes_strings", texts(&["no", "yes"]))), named(&["no", "yes"]));
    let tensor =
        |name: &str, values| AttributeProto { t: Some(wholes(name, &[2], values)), ..AttributeProto::default() };
    let of_tensors =
        encoder("p").with("keys_tensor", tensor("k", vec![1, 0])).with("values_tensor", tensor("v", vec![7, 8]));
    assert_eq!(says(of_tensors), numbered(&[8, 7]));
    assert_eq!(says(keys(&[1, 2]).with("values_strings", texts(&["a", "b"]))), None, "the default is the first's name");
    assert_eq!(says(keys(&[0, 1]).with("values_strings", texts(&["a"]))), None, "a key without a value");
    assert_eq!(says(keys(&[0]).with("axis", int(1))), None);
}

#[test]
fn a_label_encoder_renames_the_names_of_a_classifier() {
    let classifier = node("LinearClassifier", &["x"], &["p", "y"]).of_domain("ai.onnx.ml");
    let classifier = || classifier.clone().with("classlabels_ints", ints(&[7, 3]));
    let encoder =
        |keys: &[i64]| encoder("p").with("keys_int64s", ints(keys)).with("values_strings", texts(&["three", "seven"]));
    assert_eq!(says(vec![classifier(), encoder(&[3, 7])]), named(&["seven", "three"]));
    assert_eq!(says(vec![classifier(), encoder(&[3, 4])]), None);
    assert_eq!(says(vec![classifier(), node("Reshape", &["p"], &["l"])]), numbered(&[7, 3]));
}

#[test]
fn a_table_names_positions() {
    for operator in ["Gather", "ArrayFeatureExtractor"] {
        assert_eq!(says(vec![likeliest("p"), node(operator, &["t", "p"], &["l"])]), numbered(&[30, 10, 20]));
    }
    assert_eq!(says(vec![node("TopK", &["y"], &["p"]), node("Gather", &["t", "p"], &["l"])]), None);
    assert_eq!(says(vec![likeliest("p"), node("Gather", &["x", "p"], &["l"])]), None);
}

#[test]
fn positions_have_no_names() {
    assert_eq!(says(vec![likeliest("p"), node("Cast", &["p"], &["l"])]), Some(ClassNaming::Positions));
    assert_eq!(says(vec![node("Greater", &["y", "t"], &["l"])]), Some(ClassNaming::Positions));
    assert_eq!(says(vec![node("Less", &["y", "t"], &["l"])]), None, "the first class is the second");
    assert_eq!(says(vec![node("Less", &["t", "y"], &["l"])]), Some(ClassNaming::Positions));
    assert_eq!(says(vec![likeliest("p"), node("Add", &["p", "t"], &["l"])]), None);
}
