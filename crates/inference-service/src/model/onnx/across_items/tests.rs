#![allow(clippy::unwrap_used)]

use prost::Message as _;

use super::super::proto::{GraphProto, ModelProto, NodeProto, TensorProto};
use super::super::written::{FLOAT, file, floats, int, ints, node, value, wholes};
use super::*;

/// The operator by which items may meet, in a graph that asks with `x`, [n, 4].
fn meet_in(nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Option<String> {
    let input = vec![value("x", FLOAT, &[0, 4])];
    let bytes = file(GraphProto { node: nodes, initializer: constants, input, ..GraphProto::default() });
    let graph = OnnxGraph::of(ModelProto::decode(bytes.as_slice()).unwrap()).unwrap();
    AcrossItems::find(&graph).map(|across| across.operator)
}

fn constants() -> Vec<TensorProto> {
    vec![
        floats("w", &[4, 4], vec![0.5; 16]),
        floats("table", &[9, 4], vec![0.5; 36]),
        wholes("zero", &[1], vec![0]),
        wholes("one", &[1], vec![1]),
        wholes("rest", &[1], vec![-1]),
        wholes("fold", &[2], vec![2, -1]),
        wholes("keep", &[2], vec![0, -1]),
    ]
}

#[test]
fn rows_stay_apart_in_what_models_are_made_of() {
    let y = |operator, inputs: &[&str]| node(operator, inputs, &["y"]);
    let apart = [
        vec![y("Conv", &["x", "w"])],
        vec![y("Gemm", &["x", "w", "w"])],
        vec![y("MatMul", &["x", "w"])],
        vec![y("Add", &["x", "w"])],
        vec![y("Softmax", &["x"])],
        vec![y("Softmax", &["x"]).with("axis", int(1))],
        vec![y("ReduceMean", &["x"]).with("axes", ints(&[1, -1]))],
        vec![y("ReduceSum", &["x", "one"])],
        vec![y("Gather", &["table", "x"])],
        vec![y("Gather", &["x", "one"]).with("axis", int(1))],
        vec![y("Reshape", &["x", "keep"])],
        vec![y("Transpose", &["x"]).with("perm", ints(&[0, 1]))],
        vec![y("TreeEnsembleClassifier", &["x"]).of_domain("ai.onnx.ml")],
        // As PyTorch writes x.view(x.size(0), -1).
        vec![
            node("Shape", &["x"], &["sizes"]),
            node("Gather", &["sizes", "zero"], &["items"]),
            node("Concat", &["items", "rest"], &["shape"]).with("axis", int(0)),
            y("Reshape", &["x", "shape"]),
        ],
        // A scale that depends on another size than the number of items.
        vec![
            node("Shape", &["x"], &["sizes"]),
            node("Gather", &["sizes", "one"], &["width"]),
            node("Cast", &["width"], &["scale"]),
            y("Div", &["x", "scale"]),
        ],
    ];
    for nodes in apart {
        let operators: Vec<String> = nodes.iter().map(|node| node.op_type.clone()).collect();
        assert_eq!(meet_in(nodes, constants()), None, "{operators:?}");
    }
}

#[test]
fn operators_in_which_items_may_meet_are_named() {
    let y = |operator, inputs: &[&str]| node(operator, inputs, &["y"]);
    let meeting = [
        y("DynamicQuantizeLinear", &["x"]),
        y("NonZero", &["x"]),
        y("Unique", &["x"]),
        y("Compress", &["x", "w"]),
        y("RandomUniformLike", &["x"]),
        y("RandomNormal", &[]),
        y("LSTM", &["x", "w", "w"]),
        y("MeanVarianceNormalization", &["x"]),
        y("BatchNormalization", &["x", "w", "w", "w", "w"]).with("training_mode", int(1)),
        y("Dropout", &["x", "w", "w"]),
        y("Softmax", &["x"]).with("axis", int(0)),
        y("Softmax", &["x"]).with("axis", int(-2)),
        y("ReduceMax", &["x"]),
        y("ReduceMean", &["x"]).with("axes", ints(&[0])),
        y("ReduceMean", &["x"]).with("axes", ints(&[-2])),
        y("ReduceSum", &["x", "zero"]),
        y("ArgMax", &["x"]),
        y("CumSum", &["x", "zero"]),
        y("Concat", &["x", "x"]).with("axis", int(0)),
        y("Gather", &["x", "zero"]),
        y("TopK", &["x", "one"]).with("axis", int(0)),
        y("Split", &["x"]),
        y("Reshape", &["x", "fold"]),
        y("Transpose", &["x"]),
        y("Squeeze", &["x"]),
        y("MatMul", &["w", "x"]),
        y("Gemm", &["x", "w"]).with("transA", int(1)),
        y("QuantizeLinear", &["x", "x"]),
        y("Relu", &["x"]).of_domain("my.own"),
        y("SkipLayerNormalization", &["x"]).of_domain("com.microsoft"),
    ];
    for node in meeting {
        let operator = node.op_type.clone();
        assert_eq!(meet_in(vec![node], constants()), Some(operator));
    }
    // The number of items itself must not become part of an answer.
    let mean = vec![
        node("Shape", &["x"], &["sizes"]),
        node("Gather", &["sizes", "zero"], &["items"]),
        node("Cast", &["items"], &["count"]),
        node("Div", &["x", "count"], &["y"]),
    ];
    assert_eq!(meet_in(mean, constants()).as_deref(), Some("Div"));
}

#[test]
fn what_is_computed_from_constants_alone_may_do_anything() {
    let nodes = vec![node("NonZero", &["w"], &["places"]), node("Add", &["x", "places"], &["y"])];
    assert_eq!(meet_in(nodes, constants()), None);
}

#[test]
fn the_reason_names_the_node() {
    let across = AcrossItems { operator: "NonZero".to_owned(), node: "found".to_owned() };
    assert_eq!(across.to_string(), "the operator NonZero (node \"found\") may look across the items of a batch");
}
