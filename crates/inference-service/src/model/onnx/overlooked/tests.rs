#![allow(clippy::unwrap_used)]
use half::f16;
use prost::Message as _;

use super::super::proto::{AttributeProto, GraphProto, ModelProto};
use super::super::written::{FLOAT, INT64, file, float, floats, inner, int, ints, node, text, texts, value, wholes};
use super::origins::element::{BOOL, DOUBLE, INT32, STRING, UINT8};
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
        (node("QLinearConv", &["x"], &["y"]), "halves, which it rounds"),
        (node("TopK", &["x", "k"], &["y"]).with("sorted", int(0)), "`sorted = 0`"),
        (node("ConstantOfShape", &["x"], &["y"]), "no attribute `value`"),
        (node("Pad", &["x"], &["y"]).with("pads", ints(&[0, -1])), "negative `pads`"),
        (
            node("Pad", &["x", "p", "v"], &["y"]).with("mode", text("edge")),
            "the input `constant_value` beside `mode = \"edge\"`",
        ),
        (
            node("MaxPool", &["x"], &["y"]).with("ceil_mode", int(1)).with("auto_pad", text("VALID")),
            "`ceil_mode = 1` beside",
        ),
        (node("NonMaxSuppression", &["b", "s"], &["y"]), "no constant `max_output_boxes_per_class`"),
        (
            node("Resize", &["x", "", "s"], &["y"]).with("coordinate_transformation_mode", text("align_corners")),
            "`coordinate_transformation_mode",
        ),
        (
            node("TreeEnsembleRegressor", &["x"], &["y"])
                .of_domain("ai.onnx.ml")
                .with("nodes_modes", texts(&["BRANCH_NEQ"])),
            "BRANCH_NEQ",
        ),
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
    assert!(of(node("Slice", &["x", "late", "c"], &["y"]), vec![constant(0)]).contains("`starts` that requests bring"));
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

/// What is told of a graph of these nodes, whose input `x` has this type; `i` and `k` are constants, `late` is an input.
fn told_with(element: i32, nodes: Vec<NodeProto>) -> String {
    let initializer =
        vec![wholes("i", &[2], vec![0, 1]), wholes("k", &[2], vec![0, -1]), floats("zero", &[1], vec![0.0])];
    let input = vec![value("x", element, &[2, 2]), value("late", INT64, &[2])];
    told_of(GraphProto { node: nodes, input, initializer, ..GraphProto::default() })
}

fn cast(from: &str, to: i32) -> NodeProto {
    node("Cast", &[from], &["y"]).with("to", int(i64::from(to)))
}

#[test]
fn a_cast_is_refused_where_a_number_may_be_out_of_range() {
    let first = |operator| node(operator, &["x"], &["z"]);
    assert!(told_with(DOUBLE, vec![first("Floor"), cast("z", UINT8)]).contains("out of range"));
    // The service does these casts itself.
    assert_eq!(told_with(FLOAT, vec![cast("x", INT32)]), "");
    assert_eq!(told_with(INT64, vec![cast("x", INT64)]), "");
    assert!(told_with(FLOAT, vec![cast("x", STRING)]).contains("texts of fractions"));
    assert!(told_with(STRING, vec![cast("x", BOOL)]).contains("out of texts"));
    assert!(told_with(BOOL, vec![cast("x", STRING)]).contains("texts of truth values"));
    for harmless in ["Sigmoid", "Shape", "ArgMax", "Greater"] {
        assert_eq!(told_with(FLOAT, vec![first(harmless), cast("z", INT64)]), "", "{harmless}");
    }
    assert_eq!(told_with(INT32, vec![cast("x", INT64)]), "");
    assert_eq!(told_with(DOUBLE, vec![cast("x", FLOAT)]), "");
    assert_eq!(told_with(FLOAT, vec![cast("i", INT64)]), "", "a constant");
}

#[test]
fn positions_that_may_be_negative_are_refused() {
    let gather = |positions| node("GatherND", &["x", positions], &["y"]);
    assert_eq!(told_with(FLOAT, vec![gather("i")]), "");
    assert!(told_with(FLOAT, vec![gather("k")]).contains("may be negative"));
    assert!(told_with(FLOAT, vec![gather("late")]).contains("may be negative"));
    let found = vec![node("NonZero", &["x"], &["z"]), node("Transpose", &["z"], &["t"]), gather("t")];
    assert_eq!(told_with(FLOAT, found), "");
    assert!(told_with(FLOAT, vec![node("OneHot", &["late", "i", "v"], &["y"])]).contains("too large"));
    assert_eq!(told_with(FLOAT, vec![node("ArgMax", &["x"], &["z"]), node("OneHot", &["z", "i", "v"], &["y"])]), "");
    let pad = |pads| node("Pad", &["x", pads], &["y"]);
    assert!(told_with(FLOAT, vec![pad("k")]).contains("negative `pads`"));
    assert_eq!(told_with(FLOAT, vec![pad("i")]), "");
}

#[test]
fn what_differs_for_some_numbers_is_refused_where_these_may_come() {
    let pow = || node("Pow", &["x", "i"], &["y"]);
    assert!(told_with(INT64, vec![pow()]).contains("whole numbers"));
    assert_eq!(told_with(FLOAT, vec![pow()]), "");
    assert!(told_with(FLOAT, vec![node("Div", &["zero", "x"], &["y"])]).contains("constant zero"));
    assert_eq!(told_with(FLOAT, vec![node("Div", &["x", "zero"], &["y"])]), "");
    let found = vec![node("NonZero", &["x"], &["z"]), node("ReduceMax", &["z"], &["y"])];
    assert!(told_with(FLOAT, found).contains("no numbers at all"));
    assert!(told_with(FLOAT, vec![node("Slice", &["x", "i", "late"], &["y"])]).contains("`ends` that requests bring"));
    let scaled = |user| {
        let quantized = node("DynamicQuantizeLinear", &["x"], &["q", "scale", "offset"]);
        told_with(FLOAT, vec![quantized, node(user, &["x", "scale"], &["y"])])
    };
    assert_eq!(scaled("Mul"), "");
    assert!(scaled("Add").contains("nothing but zeros"));
}
