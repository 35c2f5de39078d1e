#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::proto::{GraphProto, ModelProto};
use super::super::written::{floats, node};
use super::*;

/// How the label `l` contradicts the scores `y`, of a linear layer `g` and these nodes.
fn says(threshold: f32, nodes: Vec<NodeProto>) -> String {
    let linear = node("MatMul", &["x", "w"], &["g"]);
    let initializer = vec![floats("w", &[3, 3], vec![0.5; 9]), floats("t", &[], vec![threshold])];
    let graph = GraphProto { node: [vec![linear], nodes].concat(), initializer, ..GraphProto::default() };
    let graph = OnnxGraph::of(ModelProto { graph: Some(graph), ..ModelProto::default() }).unwrap();
    contradiction(&graph, "l", "y").unwrap_or_default()
}

#[test]
fn the_class_with_the_largest_number_is_the_label() {
    let label = |operators: &[&str], of: &str| {
        let way = operators.iter().scan(of.to_owned(), |from, operator| {
            let to = if operator.starts_with("Arg") { "l".to_owned() } else { format!("{from}n") };
            let made = node(operator, &[from], &[&to]);
            *from = to;
            Some(made)
        });
        says(0.5, [vec![node("Softmax", &["g"], &["y"])], way.collect()].concat())
    };
    for of in ["y", "g"] {
        for same in [&["ArgMax"][..], &["Neg", "ArgMin"], &["Softmax", "ArgMax"], &["Neg", "Neg", "Log", "ArgMax"]] {
            assert_eq!(label(same, of), "", "{same:?}");
        }
        for other in [&["ArgMin"][..], &["Neg", "ArgMax"], &["Identity", "Neg", "Cast", "ArgMax"]] {
            let how = label(other, of);
            assert!(
                how.starts_with("whose node \"l\" (Arg") && how.ends_with("the least likely class by \"y\""),
                "{how}"
            );
        }
    }
    for unknown in [&["Relu", "ArgMin"][..], &["Abs", "ArgMax"]] {
        assert_eq!(label(unknown, "y"), "", "each answer shows whether they differ");
    }
    let encoded = vec![
        node("Identity", &["g"], &["y"]),
        node("ArgMin", &["y"], &["p"]),
        node("LabelEncoder", &["p"], &["e"]),
        node("Reshape", &["e", "t"], &["l"]),
    ];
    assert!(says(0.5, encoded).contains("\"p\" (ArgMin)"));
}

#[test]
fn a_threshold_must_be_where_two_classes_are_equally_likely() {
    let compared = |operator: &str, inputs: &[&str], threshold: f32| {
        let nodes = vec![node("Sigmoid", &["g"], &["y"]), node(operator, inputs, &["p"]), node("Cast", &["p"], &["l"])];
        says(threshold, nodes)
    };
    for operator in ["Greater", "GreaterOrEqual"] {
        assert_eq!(compared(operator, &["y", "t"], 0.5), "");
        assert_eq!(compared(operator, &["g", "t"], 0.0), "");
        assert!(compared(operator, &["y", "t"], 0.25).contains("the threshold 0.25 instead of 0.5"));
        assert!(compared(operator, &["g", "t"], 0.5).contains("the threshold 0.5 instead of 0"));
        assert!(compared(operator, &["t", "y"], 0.5).contains("the less likely of two classes"));
    }
    for operator in ["Less", "LessOrEqual"] {
        assert!(compared(operator, &["y", "t"], 0.5).contains("the less likely of two classes"));
        assert_eq!(compared(operator, &["t", "y"], 0.5), "");
    }
    assert_eq!(compared("Less", &["y", "x"], 0.5), "", "no constant");
}
