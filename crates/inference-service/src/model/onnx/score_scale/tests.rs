#![allow(clippy::unwrap_used, clippy::expect_used)]

mod classifiers;

use super::super::proto::{FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, TensorProto, ValueInfoProto};
use super::super::written::{FLOAT, floats, int, node, value};
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
fn a_sigmoid_or_attention_in_the_middle_says_nothing() {
    assert_eq!(chain(&["Sigmoid", "Gemm"]), Ok(Logits));
    assert_eq!(chain(&["Softmax", "Relu", "Gemm"]), Ok(Logits));
    assert_eq!(chain(&["Softmax", "Gemm", "Sigmoid"]), Ok(Sigmoid));
    let weighted = |values| {
        let nodes = vec![
            node("MatMul", &["x", "w"], &["v"]),
            node("Softmax", &["x"], &["p"]),
            node("MatMul", &["p", values], &["a"]),
        ];
        says([nodes, vec![node("Add", &["a", "x"], &["r"]), node("Gemm", &["r", "w"], &["y"])]].concat())
    };
    assert_eq!((weighted("v"), weighted("w")), (Ok(Logits), Ok(Logits)));
    let attention = vec![node("MatMul", &["x", "w"], &["v"]), node("Softmax", &["x"], &["p"])];
    assert_eq!(says([attention, vec![node("MatMul", &["p", "v"], &["y"])]].concat()), Ok(Logits));
}

#[test]
fn a_linear_layer_of_probabilities_leaves_it_open() {
    for layer in ["MatMul", "Gemm", "Conv"] {
        names(chain(&["Softmax", layer]), layer);
        for between in ["Reshape", "Identity", "Cast", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice"] {
            names(chain(&["Gemm", "Softmax", between, layer]), layer);
        }
        names(chain(&["Softmax", "GlobalAveragePool", layer]), layer);
        names(chain(&["Softmax", "MatMul", layer]), layer);
        names(chain(&["LogSoftmax", "Exp", layer]), layer);
    }
    names(says(vec![node("Softmax", &["x"], &["p"]), node("MatMul", &["w", "p"], &["y"])]), "MatMul");
    let softmax = || vec![node("Softmax", &["x"], &["p"])];
    let quantised = vec![
        node("DynamicQuantizeLinear", &["p"], &["q", "scale", "zero"]),
        node("Identity", &["w"], &["weights"]),
        node("MatMulInteger", &["q", "weights", "zero"], &["y"]),
    ];
    names(says([softmax(), quantised].concat()), "MatMulInteger");
    let joined = vec![node("Concat", &["p", "p"], &["c"]), node("Einsum", &["c", "w"], &["y"])];
    names(says([softmax(), joined].concat()), "Einsum");
    let regressor = node("LinearRegressor", &["p"], &["y"]).of_domain("ai.onnx.ml");
    names(says([softmax(), vec![regressor]].concat()), "ai.onnx.ml.LinearRegressor");
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

#[test]
fn a_softmax_in_small_steps_is_one() {
    let exp = || node("Exp", &["x"], &["e"]);
    let sum = |from| node("ReduceSum", &[from, "w"], &["s"]);
    assert_eq!(says(vec![exp(), sum("e"), node("Div", &["e", "s"], &["y"])]), Ok(Probabilities));
    names(says(vec![exp(), sum("x"), node("Div", &["e", "s"], &["y"])]), "Div");
    names(says(vec![exp(), sum("e"), node("Div", &["s", "e"], &["y"])]), "Div");
    let guarded =
        vec![node("Cast", &["x"], &["flag"]), node("Add", &["s", "flag"], &["d"]), node("Div", &["e", "d"], &["y"])];
    assert_eq!(says([vec![exp(), sum("e")], guarded].concat()), Ok(Probabilities));

    let log_sum = |from| node("ReduceLogSumExp", &[from], &["l"]);
    let raised = |sum: NodeProto| {
        let nodes = vec![
            sum,
            node("Reshape", &["l", "b"], &["r"]),
            node("Sub", &["x", "r"], &["d"]),
            node("Exp", &["d"], &["y"]),
        ];
        says(nodes)
    };
    assert_eq!(raised(log_sum("x")), Ok(Probabilities));
    names(raised(log_sum("b")), "Exp");
    names(raised(node("ReduceSum", &["x"], &["l"])), "Exp");
}

#[test]
fn a_probability_beside_its_rest_is_two() {
    let with_rest = |second: &str, one: f32, subtracted: &str| {
        let nodes = vec![
            node(second, &["x"], &["p"]),
            node("Sub", &["one", subtracted], &["rest"]),
            node("Concat", &["rest", "p"], &["y"]),
        ];
        let one = floats("one", &[1], vec![one]);
        of_model(17, GraphProto { node: nodes, initializer: vec![one], ..GraphProto::default() }, Vec::new())
    };
    assert_eq!(with_rest("Sigmoid", 1.0, "p"), Ok(Probabilities));
    names(with_rest("Sigmoid", 2.0, "p"), "Concat");
    names(with_rest("Sigmoid", 1.0, "x"), "Concat");
    names(with_rest("Relu", 1.0, "p"), "Concat");
}

#[test]
fn a_factor_of_one_changes_nothing() {
    let times = |factor: f32, function: &str| {
        let nodes = vec![node(function, &["x"], &["p"]), node("Mul", &["p", "f"], &["y"])];
        let factor = floats("f", &[1], vec![factor]);
        of_model(17, GraphProto { node: nodes, initializer: vec![factor], ..GraphProto::default() }, Vec::new())
    };
    assert_eq!((times(1.0, "Softmax"), times(1.0, "Sigmoid")), (Ok(Probabilities), Ok(Sigmoid)));
    names(times(2.0, "Softmax"), "Mul");
    names(times(0.5, "Sigmoid"), "Mul");
}

#[test]
fn the_maps_of_a_zip_map_hold_the_numbers_that_it_takes() {
    let zip_map = node("ZipMap", &["p"], &["y"]).of_domain("ai.onnx.ml");
    assert_eq!(says(vec![node("Softmax", &["x"], &["p"]), zip_map.clone()]), Ok(Probabilities));
    names(says(vec![node("Relu", &["x"], &["p"]), zip_map]), "Relu");
}
