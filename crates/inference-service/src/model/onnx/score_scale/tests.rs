#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::proto::{FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto, ValueInfoProto};
use super::super::written::{FLOAT, float, floats, int, ints, node, text, texts, value};
use super::*;
use ScoreScale::{Logits, Probabilities, Sigmoid};

/// What the graph of these nodes says of `y`. It has an input `x` and the constants `w` and `b`.
fn says(nodes: Vec<NodeProto>) -> Result<ScoreScale, String> {
    with_opset(17, nodes, Vec::new())
}

fn with_opset(version: i64, nodes: Vec<NodeProto>, declared: Vec<ValueInfoProto>) -> Result<ScoreScale, String> {
    let graph = GraphProto {
        node: nodes,
        initializer: vec![floats("w", &[3, 3], vec![0.5; 9]), floats("b", &[3], vec![0.5; 3])],
        input: vec![value("x", FLOAT, &[0, 3])],
        value_info: declared,
        ..GraphProto::default()
    };
    of_model(version, graph, Vec::new())
}

fn of_model(version: i64, graph: GraphProto, functions: Vec<FunctionProto>) -> Result<ScoreScale, String> {
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version }];
    let model = ModelProto { graph: Some(graph), opset_import, functions, ..ModelProto::default() };
    score_scale(&OnnxGraph::of(model).unwrap(), "y")
}

/// A linear layer, and these operators after it, each with one input and one output.
fn after_linear(operators: &[&str]) -> Result<ScoreScale, String> {
    chain(&[&["Gemm"], operators].concat())
}

fn chain(operators: &[&str]) -> Result<ScoreScale, String> {
    let name = |place: usize| match place {
        0 => "x".to_owned(),
        _ if place == operators.len() => "y".to_owned(),
        _ => format!("v{place}"),
    };
    let nodes = operators.iter().enumerate().map(|(place, operator)| {
        let (from, to) = (name(place), name(place + 1));
        let weights: &[&str] = if ["Gemm", "MatMul", "Conv"].contains(operator) { &["w"] } else { &[] };
        node(operator, &[&[from.as_str()], weights].concat(), &[&to])
    });
    says(nodes.collect())
}

/// The sentence that names the node which leaves it open.
fn names(said: Result<ScoreScale, String>, operator: &str) {
    let because = said.expect_err(operator);
    assert!(because.contains(&format!("({operator})")) && because.contains("the node \""), "{because}");
}

#[test]
fn the_last_node_that_computes_decides() {
    assert_eq!(after_linear(&[]), Ok(Logits));
    assert_eq!(chain(&["MatMul"]), Ok(Logits));
    assert_eq!(chain(&["Conv", "GlobalAveragePool", "Flatten"]), Ok(Logits));
    assert_eq!(after_linear(&["Softmax"]), Ok(Probabilities));
    assert_eq!(after_linear(&["Sigmoid"]), Ok(Sigmoid));
    assert_eq!(after_linear(&["LogSoftmax"]), Ok(Logits));
    assert_eq!(after_linear(&["Softmax", "Log"]), Ok(Logits));
    for same in ["Identity", "Reshape", "Cast", "Squeeze", "Unsqueeze", "Flatten", "Dropout"] {
        assert_eq!(after_linear(&[same]), Ok(Logits), "{same}");
        assert_eq!(after_linear(&["Softmax", same]), Ok(Probabilities), "{same}");
        assert_eq!(after_linear(&["Sigmoid", same, "Identity"]), Ok(Sigmoid), "{same}");
    }
}

#[test]
fn nodes_that_change_the_numbers_leave_it_open() {
    for last in ["Relu", "Tanh", "HardSigmoid", "Exp", "Clip", "ArgMax", "If", "Loop", "Teleport"] {
        names(after_linear(&[last]), last);
        names(after_linear(&["Softmax", last]), last);
        names(after_linear(&["Sigmoid", last, "Reshape"]), last);
    }
    for last in ["Neg", "GlobalAveragePool", "ReduceMean", "Slice"] {
        names(after_linear(&["Softmax", last]), last);
    }
    names(after_linear(&["Sigmoid", "Log"]), "Log");
    names(after_linear(&["Log"]), "Log");
    names(chain(&["Relu", "GlobalAveragePool"]), "GlobalAveragePool");
    assert!(chain(&["Identity"]).unwrap_err().contains("no node makes \"x\""));
    assert!(says(vec![node("Identity", &["w"], &["y"])]).unwrap_err().contains("no node makes \"w\""));
}

#[test]
fn a_softmax_in_the_middle_says_nothing() {
    assert_eq!(chain(&["Softmax", "MatMul"]), Ok(Logits));
    assert_eq!(chain(&["Sigmoid", "Gemm"]), Ok(Logits));
    assert_eq!(chain(&["Softmax", "Gemm", "Sigmoid"]), Ok(Sigmoid));
}

#[test]
fn sums_and_factors_of_logits_are_logits() {
    let linear = |output| node("MatMul", &["x", "w"], &[output]);
    for operator in ["Add", "Sub"] {
        assert_eq!(says(vec![linear("a"), node(operator, &["a", "b"], &["y"])]), Ok(Logits));
        assert_eq!(says(vec![linear("a"), linear("c"), node(operator, &["a", "c"], &["y"])]), Ok(Logits));
    }
    assert_eq!(says(vec![linear("a"), node("Add", &["b", "a"], &["y"])]), Ok(Logits));
    assert_eq!(says(vec![linear("a"), node("Constant", &[], &["k"]), node("Mul", &["k", "a"], &["y"])]), Ok(Logits));
    assert_eq!(says(vec![linear("a"), node("Div", &["a", "b"], &["y"])]), Ok(Logits));
    names(says(vec![linear("a"), node("Div", &["b", "a"], &["y"])]), "Div");
    names(says(vec![linear("a"), node("Mul", &["a", "x"], &["y"])]), "Mul");
    names(says(vec![node("Add", &["b", "b"], &["y"])]), "Add");

    for function in ["Softmax", "Sigmoid"] {
        let changed = || vec![linear("a"), node(function, &["a"], &["p"])];
        for operator in ["Add", "Mul", "Sub", "Div"] {
            names(says([changed(), vec![node(operator, &["p", "b"], &["y"])]].concat()), operator);
            names(says([changed(), vec![node(operator, &["p", "a"], &["y"])]].concat()), operator);
        }
    }
}

#[test]
fn all_ways_must_say_the_same() {
    let ways = |first: &str, second: &str, last: &str| {
        let linear = ["a", "c"].map(|output| node("MatMul", &["x", "w"], &[output]));
        let ends = vec![node(first, &["a"], &["p"]), node(second, &["c"], &["q"]), node(last, &["p", "q"], &["y"])];
        says([linear.to_vec(), ends].concat())
    };
    assert_eq!(ways("Identity", "Identity", "Add"), Ok(Logits));
    assert_eq!(ways("Identity", "Reshape", "Concat"), Ok(Logits));
    assert_eq!(ways("Sigmoid", "Sigmoid", "Concat"), Ok(Sigmoid));
    names(ways("Softmax", "Identity", "Add"), "Add");
    names(ways("Identity", "Relu", "Add"), "Add");
    names(ways("Softmax", "Softmax", "Concat"), "Concat");
    names(ways("Sigmoid", "Identity", "Concat"), "Concat");
    names(ways("Identity", "Sigmoid", "Concat"), "Concat");
}

#[test]
fn the_axis_of_a_softmax_must_be_that_of_the_classes() {
    let softmax = |axis: Option<i64>, shape: &[usize]| {
        let softmax = node("Softmax", &["x"], &["y"]);
        let softmax = axis.map_or_else(|| softmax.clone(), |axis| softmax.clone().with("axis", int(axis)));
        (vec![softmax], vec![value("y", FLOAT, shape)])
    };
    let said = |opset, axis, shape: &[usize]| {
        let (nodes, declared) = softmax(axis, shape);
        with_opset(opset, nodes, declared)
    };
    for (opset, axis, shape) in [
        (17, None, &[0, 3][..]),
        (17, Some(1), &[0, 3]),
        (17, Some(-1), &[1, 3]),
        (17, Some(1), &[0, 3, 1, 1]),
        (17, Some(-3), &[0, 3, 1, 1]),
        (17, Some(0), &[3]),
        (17, Some(2), &[0, 1, 3]),
        (11, None, &[0, 3]),
        (11, None, &[0, 3, 1, 1]),
        (11, None, &[0, 3, 2]),
        (11, Some(-1), &[0, 3]),
        (11, Some(2), &[0, 1, 3]),
    ] {
        assert_eq!(said(opset, axis, shape), Ok(Probabilities), "{opset} {axis:?} {shape:?}");
    }
    for (opset, axis, shape) in [
        (17, Some(0), &[0, 3][..]),
        (17, Some(-2), &[0, 3]),
        (17, None, &[0, 3, 2]),
        (17, Some(1), &[0, 3, 2]),
        (17, Some(-5), &[0, 3]),
        (11, Some(0), &[0, 3]),
        (11, Some(2), &[0, 3, 2]),
    ] {
        let because = said(opset, axis, shape).expect_err("it sums over something else");
        assert!(because.contains("(Softmax)") && because.contains("axis"), "{because}");
    }
    assert_eq!(after_linear(&["Softmax"]), Ok(Probabilities), "sizes that nobody declares are left to the numbers");
    let wrong = vec![node("LogSoftmax", &["x"], &["y"]).with("axis", int(0))];
    assert!(says(wrong).unwrap_err().contains("(LogSoftmax)"));
}

#[test]
fn dropout_is_seen_through_unless_it_drops() {
    let dropout =
        |outputs: &[&str], inputs: &[&str]| vec![node("Softmax", &["x"], &["p"]), node("Dropout", inputs, outputs)];
    assert_eq!(says(dropout(&["y"], &["p", "", ""])), Ok(Probabilities));
    names(says(dropout(&["y"], &["p", "", "b"])), "Dropout");
    let mode = |data: Vec<i32>| {
        let mode = TensorProto { name: "mode".to_owned(), data_type: BOOL, int32_data: data, ..TensorProto::default() };
        let node = dropout(&["y"], &["p", "", "mode"]);
        of_model(17, GraphProto { node, initializer: vec![mode], ..GraphProto::default() }, Vec::new())
    };
    assert_eq!(mode(vec![0]), Ok(Probabilities));
    names(mode(vec![1]), "Dropout");
    names(says(dropout(&["y"], &["p", "", "unknown"])), "Dropout");
    names(says(dropout(&["other", "y"], &["p"])), "Dropout");
}

#[test]
fn quantisation_is_seen_through() {
    let dynamic = vec![
        node("DynamicQuantizeLinear", &["x"], &["q", "scale", "zero"]),
        node("Mul", &["scale", "b"], &["factor"]),
        node("MatMulInteger", &["q", "w", "zero"], &["integers"]),
        node("Cast", &["integers"], &["floats"]),
        node("Mul", &["floats", "factor"], &["y"]),
    ];
    assert_eq!(says(dynamic), Ok(Logits));
    let around = |operator| {
        let inner = node(operator, &["x"], &["p"]);
        says(vec![inner, node("QuantizeLinear", &["p", "b"], &["q"]), node("DequantizeLinear", &["q", "b"], &["y"])])
    };
    assert_eq!((around("Softmax"), around("Sigmoid")), (Ok(Probabilities), Ok(Sigmoid)));
}

#[test]
fn nodes_of_other_domains_and_functions_leave_it_open() {
    assert_eq!(says(vec![node("FusedMatMul", &["x", "w"], &["y"]).of_domain("com.microsoft")]), Ok(Logits));
    for domain in ["com.microsoft", "org.example", "ai.onnx.ml"] {
        for operator in ["Softmax", "QLinearSoftmax", "FusedGemm", "Gemm", "Sigmoid"] {
            let because = says(vec![node(operator, &["x", "w"], &["y"]).of_domain(domain)]).unwrap_err();
            assert!(because.contains(domain) && because.contains(operator), "{because}");
        }
    }
    let graph = GraphProto { node: vec![node("Softmax", &["x"], &["y"])], ..GraphProto::default() };
    let function = FunctionProto { name: "Softmax".to_owned(), ..FunctionProto::default() };
    names(of_model(17, graph, vec![function]), "Softmax");
}

#[test]
fn graphs_that_are_long_or_go_round_end() {
    assert!(after_linear(&["Identity"; 100]).is_err());
    assert!(says(vec![node("Identity", &["a"], &["y"]), node("Identity", &["y"], &["a"])]).is_err());
    let doubled = |place: usize| {
        let (from, to) = (format!("v{place}"), if place == 40 { "y".to_owned() } else { format!("v{}", place + 1) });
        node("Add", &[&from, &from], &[&to])
    };
    assert!(says((0..=40).map(doubled).collect()).is_err(), "each node doubles the ways");
}

fn classifier(operator: &str, transform: &str) -> NodeProto {
    node(operator, &["x"], &["label", "y"]).of_domain("ai.onnx.ml").with("post_transform", text(transform))
}

fn numbers(values: &[f32]) -> super::super::proto::AttributeProto {
    super::super::proto::AttributeProto { floats: values.to_vec(), r#type: 6, ..Default::default() }
}

#[test]
fn classifiers_say_it_with_their_transform() {
    for operator in ["LinearClassifier", "TreeEnsembleClassifier"] {
        let three = |transform| classifier(operator, transform).with("classlabels_strings", texts(&["a", "b", "c"]));
        assert_eq!(says(vec![three("SOFTMAX")]), Ok(Probabilities), "{operator}");
        assert_eq!(says(vec![three("LOGISTIC")]), Ok(Sigmoid), "{operator}");
        assert!(says(vec![three("PROBIT")]).is_err(), "{operator}");
    }
    let linear = |coefficients: &[f32]| {
        classifier("LinearClassifier", "LOGISTIC")
            .with("classlabels_ints", ints(&[0, 1]))
            .with("coefficients", numbers(coefficients))
    };
    let opposite = linear(&[1.0, -2.0, -1.0, 2.0]).with("intercepts", numbers(&[0.5, -0.5]));
    assert_eq!(says(vec![opposite]), Ok(Probabilities), "one is the other's counter-probability");
    assert_eq!(says(vec![linear(&[1.0, -2.0]).with("intercepts", numbers(&[0.5]))]), Ok(Probabilities));
    assert_eq!(says(vec![linear(&[1.0, 2.0, 3.0, 4.0]).with("intercepts", numbers(&[0.5, -0.5]))]), Ok(Sigmoid));
    assert_eq!(says(vec![classifier("LinearClassifier", "NONE")]), Ok(Logits));
    assert!(says(vec![classifier("SVMClassifier", "NONE")]).is_err(), "these may be votes");
    assert_eq!(says(vec![classifier("SVMClassifier", "NONE").with("prob_a", numbers(&[1.0]))]), Ok(Probabilities));
    let label = node("Identity", &["label"], &["y"]);
    let scores = node("LinearClassifier", &["x"], &["label", "scores"]).of_domain("ai.onnx.ml");
    assert!(says(vec![scores, label]).is_err(), "a label is no score");
}

#[test]
fn normalised_probabilities_are_probabilities() {
    let normalised = |inner: NodeProto, norm| {
        says(vec![inner, node("Normalizer", &["p"], &["y"]).of_domain("ai.onnx.ml").with("norm", text(norm))])
    };
    let inner = |operator| node(operator, &["x"], &["p"]);
    assert_eq!(normalised(inner("Softmax"), "L1"), Ok(Probabilities));
    assert_eq!(normalised(inner("Sigmoid"), "L1"), Ok(Probabilities));
    assert!(normalised(inner("Softmax"), "L2").is_err());
    assert!(normalised(inner("Relu"), "L1").is_err());
    assert!(normalised(node("MatMul", &["x", "w"], &["p"]), "L1").is_err(), "logits may be negative");
    let lp = |p| says(vec![inner("Sigmoid"), node("LpNormalization", &["p"], &["y"]).with("p", int(p))]);
    assert_eq!(lp(1), Ok(Probabilities));
    assert!(lp(2).is_err());
}

/// A forest of two trees with two leaves each, of these weights for two classes.
fn forest(weights: [f32; 8]) -> NodeProto {
    classifier("TreeEnsembleClassifier", "NONE")
        .with("classlabels_int64s", ints(&[0, 1]))
        .with("class_treeids", ints(&[0, 0, 0, 0, 1, 1, 1, 1]))
        .with("class_nodeids", ints(&[1, 1, 2, 2, 1, 1, 2, 2]))
        .with("class_ids", ints(&[0, 1, 0, 1, 0, 1, 0, 1]))
        .with("class_weights", numbers(&weights))
}

#[test]
fn a_forest_gives_probabilities_where_its_leaves_add_up() {
    let leaves = [0.5, 0.0, 0.125, 0.375, 0.25, 0.25, 0.0, 0.5];
    assert_eq!(says(vec![forest(leaves)]), Ok(Probabilities));
    for (place, weight) in [(0, 0.6), (2, 0.5), (7, 0.0), (5, -0.25), (1, f32::NAN)] {
        let mut changed = leaves;
        changed[place] = weight;
        names(says(vec![forest(changed)]), "ai.onnx.ml.TreeEnsembleClassifier");
    }
    assert!(says(vec![forest(leaves).with("base_values", numbers(&[0.5, 0.5]))]).is_err());
    assert!(says(vec![classifier("TreeEnsembleClassifier", "NONE").with("class_weights", float(1.0))]).is_err());
    let second_only = classifier("TreeEnsembleClassifier", "NONE")
        .with("classlabels_int64s", ints(&[0, 1]))
        .with("class_treeids", ints(&[0, 0, 1, 1]))
        .with("class_nodeids", ints(&[1, 2, 1, 2]))
        .with("class_ids", ints(&[0; 4]));
    assert_eq!(
        says(vec![second_only.clone().with("class_weights", numbers(&[0.5, 0.0, 0.5, 0.25]))]),
        Ok(Probabilities)
    );
    assert!(says(vec![second_only.with("class_weights", numbers(&[0.9, 0.0, 0.5, 0.25]))]).is_err());
}
