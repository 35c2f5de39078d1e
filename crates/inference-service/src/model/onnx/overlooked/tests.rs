#![allow(clippy::unwrap_used)]
use prost::Message as _;

use super::super::proto::{GraphProto, ModelProto};
use super::super::written::{file, float, floats, inner, int, ints, node, text, texts, value};
use super::*;

fn told(node: NodeProto) -> String {
    told_of(GraphProto { node: vec![node], ..GraphProto::default() })
}

fn told_of(graph: GraphProto) -> String {
    let bytes = file(graph);
    let graph = OnnxGraph::of(ModelProto::decode(bytes.as_slice()).unwrap()).unwrap();
    Overlooked::find(&graph).map(|overlooked| overlooked.to_string()).unwrap_or_default()
}

fn trees(labels: i64, class_ids: &[i64]) -> NodeProto {
    let labels: Vec<i64> = (0..labels).collect();
    let node = node("TreeEnsembleClassifier", &["x"], &["y", "scores"]).of_domain("ai.onnx.ml");
    node.with("classlabels_int64s", ints(&labels)).with("class_ids", ints(class_ids))
}

fn line(intercepts: &[f32]) -> NodeProto {
    let node = node("LinearClassifier", &["x"], &["y", "scores"]).of_domain("ai.onnx.ml");
    let intercepts = AttributeProto { floats: intercepts.to_vec(), ..AttributeProto::default() };
    node.with("classlabels_ints", ints(&[0, 1])).with("intercepts", intercepts)
}

#[test]
fn what_is_overlooked_is_named_with_its_node() {
    let lstm = || node("LSTM", &["x", "w", "r"], &["y"]);
    let all = [
        (
            lstm().with("activations", texts(&["Sigmoid", "Relu", "Tanh"])),
            r#"`activations = ["Sigmoid", "Relu", "Tanh"]`"#,
        ),
        (lstm().with("clip", float(0.5)), "`clip = 0.5`"),
        (lstm().with("input_forget", int(1)), "`input_forget = 1`"),
        (node("GRU", &["x"], &["y"]).with("direction", text("reverse")), r#"`direction = "reverse"`"#),
        (node("Swish", &["x"], &["y"]).with("alpha", float(2.0)), "`alpha = 2`"),
        (node("Attention", &["q", "k", "v", "", "past"], &["y"]), "`past_key`"),
        (node("Relu", &["x"], &["y"]).of_domain("my.own"), r#"the domain "my.own""#),
        (node("SkipLayerNormalization", &["x"], &["y"]).of_domain("com.microsoft"), "com.microsoft"),
        (node("BitShift", &["x", "n"], &["y"]), "shifts by as many bits"),
        (trees(2, &[0, 1]), "fewer than three classes"),
        (trees(2, &[0, 0]), "fewer than three classes"),
        (trees(3, &[0, 1, 0]), "a class that no tree speaks of"),
        (line(&[0.5]).with("post_transform", text("SOFTMAX")), "one row of coefficients"),
        (line(&[0.5]), "one row of coefficients"),
        (node("Einsum", &["x"], &["y"]).with("equation", text("ij->")), r#"`equation = "ij->"`"#),
    ];
    for (node, expected) in all {
        let operator = node.op_type.clone();
        let inside = GraphProto { node: vec![node.clone()], ..GraphProto::default() };
        for node in [node, super::super::written::node("If", &["c"], &["z"]).with("then_branch", inner(inside))] {
            let told = told(node);
            let all = told.contains(expected) && told.contains(&operator) && told.contains("\"y\"");
            assert!(all, "{operator}: {told:?}");
        }
    }
}

#[test]
fn the_largest_of_infinite_numbers_is_refused() {
    let infinities = [
        floats("c", &[2], vec![0.0, f32::NEG_INFINITY]),
        TensorProto { data_type: 1, raw_data: f32::INFINITY.to_le_bytes().to_vec().into(), ..TensorProto::default() },
        TensorProto { data_type: 10, int32_data: vec![f16::NEG_INFINITY.to_bits().into()], ..TensorProto::default() },
        TensorProto { data_type: 11, double_data: vec![f64::INFINITY], ..TensorProto::default() },
    ];
    for initializer in infinities.into_iter().map(|tensor| vec![tensor]) {
        let found = |operator| {
            let node = vec![node(operator, &["x"], &["y"])];
            told_of(GraphProto { node, initializer: initializer.clone(), ..GraphProto::default() })
        };
        assert!(found("ReduceMax").contains("infinite numbers"), "{initializer:?}");
        assert_eq!(found("ReduceSum"), "");
    }
    assert_eq!(told(node("ReduceMax", &["x"], &["y"])), "");
}

#[test]
fn what_has_to_be_known_at_load_is_no_input() {
    let of = |node: NodeProto, initializer| {
        let input = vec![value("x", 1, &[2]), value("late", 9, &[])];
        told_of(GraphProto { node: vec![node], input, initializer, ..GraphProto::default() })
    };
    let training = |name| node("Dropout", &["x", "", name], &["y"]);
    let constant = |on: u8| TensorProto { raw_data: vec![on].into(), name: "c".to_owned(), ..TensorProto::default() };
    assert!(of(training("late"), vec![]).contains("`training_mode`"));
    assert!(of(training("c"), vec![constant(1)]).contains("`training_mode`"));
    assert_eq!(of(training("c"), vec![constant(0)]), "");
    assert!(of(node("Slice", &["x", "late", "c"], &["y"]), vec![constant(0)]).contains("`starts`"));
    assert_eq!(of(node("Slice", &["x", "c", "c"], &["y"]), vec![constant(0)]), "");
}

#[test]
fn defaults_are_not_missed() {
    let lstm = node("LSTM", &["x", "w", "r"], &["y"])
        .with("activations", texts(&["Sigmoid", "tanh", "Tanh", "sigmoid", "Tanh", "Tanh"]))
        .with("direction", text("bidirectional"))
        .with("layout", int(0))
        .with("hidden_size", int(3));
    let all = [
        lstm,
        node("Swish", &["x"], &["y"]).with("alpha", float(1.0)),
        node("Attention", &["q", "k", "v", "", ""], &["y"]).with("left_window_size", int(-1)),
        node("FastGelu", &["x"], &["y"]).of_domain("com.microsoft"),
        node("Softmax", &["x"], &["y"]).with("axis", int(1)),
        trees(3, &[0, 1, 2, 0]),
        line(&[0.5]).with("post_transform", text("LOGISTIC")),
        line(&[0.5, -0.5]),
    ];
    for node in all {
        assert_eq!(told(node), "");
    }
}

#[test]
fn what_depends_on_the_tensors_of_the_graph_is_refused_with_those_alone() {
    let found = |node: NodeProto, datatype: i32, shape: &[usize]| {
        told_of(GraphProto { node: vec![node], input: vec![value("x", datatype, shape)], ..GraphProto::default() })
    };
    let squeeze = || node("Squeeze", &["x"], &["y"]);
    assert!(found(squeeze(), 1, &[0, 1]).contains("no `axes`"));
    assert_eq!(found(squeeze(), 1, &[2, 1]), "");
    assert_eq!(found(squeeze().with("axes", ints(&[1])), 1, &[0, 1]), "");
    let mean = || node("ReduceMean", &["x"], &["y"]);
    assert!(found(mean(), FLOAT16, &[2]).contains("half precision"));
    assert_eq!(found(mean(), 1, &[2]), "");
    assert_eq!(told(node("Einsum", &["x"], &["y"]).with("equation", text("ij->i"))), "");
}
