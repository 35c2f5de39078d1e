#![allow(clippy::unwrap_used)]

use prost::Message as _;

use super::super::proto::{FunctionProto, GraphProto, ModelProto, ValueInfoProto};
use super::super::written::{BOOL, FLOAT, INT64, file, floats, inner, int, node, texts, value, wholes};
use super::*;

fn found(graph: GraphProto) -> Option<String> {
    let model = ModelProto::decode(&file(graph)[..]).unwrap();
    Fatal::find(&OnnxGraph::of(model).unwrap(), true, true).map(|fatal| fatal.to_string())
}

/// A transform of `signal` with inputs that requests bring.
fn transform(inputs: &[&str], brought: &[&str]) -> GraphProto {
    let numbers = |name: &&str| value(name, INT64, &[]);
    GraphProto {
        node: vec![node("STFT", inputs, &["y"])],
        initializer: vec![
            wholes("two", &[], vec![2]),
            wholes("zero", &[], vec![0]),
            floats("window", &[4], vec![1.0; 4]),
        ],
        input: [value("signal", FLOAT, &[1, 0, 1])].into_iter().chain(brought.iter().map(numbers)).collect(),
        output: vec![value("y", FLOAT, &[1, 0, 0, 2])],
        ..GraphProto::default()
    }
}

#[test]
fn steps_and_lengths_of_transforms_are_constants() {
    for good in [["signal", "two", "", "two"], ["signal", "two", "window", ""], ["signal", "two", "window", "two"]] {
        assert_eq!(found(transform(&good, &[])), None, "{good:?}");
    }
    for (bad, says) in [
        (["signal", "n", "", "two"], "`frame_step`"),
        (["signal", "zero", "", "two"], "`frame_step`"),
        (["signal", "two", "", "n"], "`frame_length`"),
        (["signal", "two", "", "zero"], "`frame_length`"),
        (["signal", "two", "n", ""], "`window`"),
    ] {
        let sentence = found(transform(&bad, &["n"])).unwrap();
        assert!(sentence.contains("STFT (node \"y\")") && sentence.contains(says), "{sentence}");
    }
}

#[test]
fn inner_graphs_and_functions_are_looked_at_too() {
    let branch = |step: &str| {
        let graph = transform(&["signal", step, "window", ""], &[]);
        inner(GraphProto { input: Vec::new(), initializer: Vec::new(), ..graph })
    };
    let with_branches = |step: &str| GraphProto {
        node: vec![node("If", &["which"], &["z"]).with("then_branch", branch(step)).with("else_branch", branch("two"))],
        input: vec![value("which", BOOL, &[1]), value("n", INT64, &[1])],
        ..transform(&["signal", "two", "", "two"], &["n"])
    };
    assert_eq!(found(with_branches("two")), None);
    assert!(found(with_branches("n")).unwrap().contains("`frame_step`"));

    let stft = node("STFT", &["signal", "step", "", "step"], &["y"]);
    let step = node("Constant", &[], &["step"]).with("value_int", int(8));
    let in_function = |nodes: Vec<NodeProto>| {
        let function =
            FunctionProto { name: "f".to_owned(), domain: "own".to_owned(), node: nodes, ..FunctionProto::default() };
        let graph = GraphProto { node: vec![node("f", &["signal"], &["y"]).of_domain("own")], ..transform(&[], &[]) };
        let mut model = ModelProto::decode(&file(graph)[..]).unwrap();
        model.functions.push(function);
        Fatal::find(&OnnxGraph::of(model).unwrap(), true, true)
    };
    assert_eq!(in_function(vec![step, stft.clone()]), None);
    assert!(in_function(vec![stft]).is_some());
}

#[test]
fn an_initialiser_that_is_an_input_counts_as_both() {
    let mut graph = transform(&["signal", "two", "", "two"], &[]);
    graph.input.push(ValueInfoProto { name: "two".to_owned(), ..value("two", INT64, &[1]) });
    let graph = OnnxGraph::of(ModelProto::decode(&file(graph)[..]).unwrap()).unwrap();
    assert_eq!(Fatal::find(&graph, true, true), None);
    assert!(Fatal::find(&graph, true, false).is_some());
}

#[test]
fn weights_of_convolutions_that_requests_bring_have_sizes() {
    let conv = |sizes: &[usize]| GraphProto {
        node: vec![node("Conv", &["x", "w"], &["y"])],
        input: vec![value("x", FLOAT, &[1, 1, 4, 4]), value("w", FLOAT, sizes)],
        ..GraphProto::default()
    };
    assert_eq!(found(conv(&[1, 1, 3, 3])), None);
    assert!(found(conv(&[1, 1, 0, 0])).unwrap().contains("weights"));
    let mut fused = conv(&[1, 1, 0, 0]);
    fused.node = vec![node("FusedConv", &["x", "w"], &["y"]).of_domain("com.microsoft")];
    assert!(found(fused).unwrap().contains("weights"));
}

#[test]
fn divisions_in_functions_are_refused_only_for_whole_numbers_of_requests() {
    let divided = |elem_type: i32| {
        let function = FunctionProto {
            name: "f".to_owned(),
            domain: "own".to_owned(),
            input: vec!["a".to_owned(), "b".to_owned()],
            output: vec!["c".to_owned()],
            node: vec![node("Div", &["a", "b"], &["c"])],
        };
        let graph = GraphProto {
            node: vec![node("f", &["x", "z"], &["y"]).of_domain("own")],
            input: vec![value("x", elem_type, &[1]), value("z", elem_type, &[1])],
            ..GraphProto::default()
        };
        let mut model = ModelProto::decode(&file(graph)[..]).unwrap();
        model.functions.push(function);
        Fatal::find(&OnnxGraph::of(model).unwrap(), true, true).map(|fatal| fatal.to_string())
    };
    assert_eq!(divided(FLOAT), None);
    assert!(divided(INT64).unwrap().contains("function"));
}

#[test]
fn a_single_class_has_no_name() {
    let named = |names: &[&str]| {
        let trees = node("TreeEnsembleClassifier", &["x"], &["y", "scores"]).of_domain("ai.onnx.ml");
        GraphProto { node: vec![trees.with("classlabels_strings", texts(names))], ..GraphProto::default() }
    };
    assert!(found(named(&["only"])).unwrap().contains("a single class"));
    assert_eq!(found(named(&["one", "other"])), None);
}

#[test]
fn normalisations_that_overwrite_their_own_statistics_are_refused() {
    let normalised = |mode: i64, outputs: &[&str]| {
        let names = ["x", "scale", "bias", "mean", "variance"];
        found(GraphProto {
            node: vec![
                node("BatchNormalization", &names, &["y", "new_mean", "new_variance"]).with("training_mode", int(mode)),
            ],
            input: vec![value("x", FLOAT, &[0, 3])],
            output: outputs.iter().map(|output| value(output, FLOAT, &[])).collect(),
            ..GraphProto::default()
        })
    };
    assert_eq!(normalised(0, &["y"]), None);
    assert_eq!(normalised(1, &["y", "new_mean", "new_variance"]), None);
    for outputs in [&["y"][..], &["y", "new_mean"]] {
        assert!(normalised(1, outputs).unwrap().contains("training_mode"), "{outputs:?}");
    }
}

#[test]
fn before_version_7_what_would_be_guarded_is_refused() {
    let of_version = |version: i64, operator: &str| {
        let graph = GraphProto { node: vec![node(operator, &["x", "s", "b"], &["y"])], ..GraphProto::default() };
        let mut model = ModelProto::decode(&file(graph)[..]).unwrap();
        model.opset_import[0].version = version;
        Fatal::find(&OnnxGraph::of(model).unwrap(), true, true).map(|fatal| fatal.to_string())
    };
    assert_eq!(of_version(7, "InstanceNormalization"), None);
    assert_eq!(of_version(6, "Relu"), None);
    assert!(of_version(6, "InstanceNormalization").unwrap().contains("version 7"));
}
