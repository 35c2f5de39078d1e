//! Empty tensors with which an engine's library would end the process are refused, and others are computed as without the
//! guard. Where that fails, this program ends.
#![allow(clippy::unwrap_used)]

use prost::Message as _;

use super::Session;
use super::guard_tests::{in_branches, which};
use super::loaded_graph::{load, runtimes};
use crate::input::ModelInput;
use crate::model::onnx::proto::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto};
use crate::model::onnx::written::{FLOAT, file, floats, int, ints, node, text, value};
use crate::model::{RuntimeKind, Tensor, TensorValues};

/// A node, the shapes of its inputs when they are full, the first numbers of its output for inputs of 1, 2, 3 …, and shapes of
/// which one is empty.
struct Case {
    node: NodeProto,
    full: &'static [&'static [usize]],
    right: &'static [f32],
    empty: &'static [&'static [&'static [usize]]],
}

fn cases() -> Vec<Case> {
    let microsoft = |operator: &str, inputs: &[&str]| node(operator, inputs, &["y"]).of_domain("com.microsoft");
    vec![
        Case {
            node: node("InstanceNormalization", &["a", "one", "zero"], &["y"]),
            full: &[&[1, 1, 2]],
            right: &[-0.99998, 0.99998],
            empty: &[&[&[2, 1, 0]], &[&[0, 1, 2]]],
        },
        Case {
            node: node("Einsum", &["a", "b"], &["y"]).with("equation", text("bij,bkj->bki")),
            full: &[&[1, 1, 3], &[1, 2, 3]],
            right: &[14.0, 32.0],
            empty: &[&[&[0, 3, 4], &[0, 5, 4]], &[&[2, 3, 0], &[2, 5, 0]], &[&[1, 3, 4], &[0, 5, 4]]],
        },
        Case {
            node: node("Einsum", &["a", "b"], &["y"]).with("equation", text("ij,kj->ik")),
            full: &[&[1, 3], &[2, 3]],
            right: &[14.0, 32.0],
            empty: &[&[&[2, 0], &[4, 0]], &[&[0, 0], &[0, 0]]],
        },
        Case {
            node: node("Unique", &["a"], &["y"]).with("axis", int(0)),
            full: &[&[2, 1]],
            right: &[1.0, 2.0],
            empty: &[&[&[3, 0]], &[&[0, 3]]],
        },
        Case {
            node: node("FeatureVectorizer", &["a", "b"], &["y"])
                .of_domain("ai.onnx.ml")
                .with("inputdimensions", ints(&[2, 1])),
            full: &[&[1, 2], &[1, 1]],
            right: &[1.0, 2.0, 1.0],
            empty: &[&[&[0, 2], &[0, 1]]],
        },
        Case {
            node: node("ConvTranspose", &["a", "b"], &["y"]),
            full: &[&[1, 1, 1, 1, 2], &[1, 1, 1, 1, 1]],
            right: &[1.0, 2.0],
            empty: &[&[&[1, 1, 0, 4, 4], &[1, 1, 3, 3, 3]], &[&[1, 1, 4, 0, 4], &[1, 1, 3, 3, 3]]],
        },
        Case {
            node: microsoft("SkipLayerNormalization", &["a", "b", "one"]),
            full: &[&[1, 2, 1], &[1, 2, 1]],
            right: &[0.0, 0.0],
            empty: &[&[&[1, 2, 1], &[0, 2, 1]], &[&[0, 2, 1], &[0, 2, 1]]],
        },
        Case {
            node: microsoft("MultiHeadAttention", &["a", "b", "b"]).with("num_heads", int(1)),
            full: &[&[1, 1, 2], &[1, 1, 2]],
            right: &[1.0, 2.0],
            empty: &[&[&[1, 3, 0], &[1, 3, 0]], &[&[0, 3, 2], &[0, 3, 2]], &[&[1, 3, 2], &[0, 3, 2]]],
        },
    ]
}

/// The file of a case, in the main graph or in the branches of an If.
fn written(case: &Case, is_nested: bool) -> Vec<u8> {
    let names = ["a", "b"].into_iter().zip(case.full);
    let graph = GraphProto {
        node: vec![case.node.clone()],
        initializer: vec![floats("one", &[1], vec![1.0]), floats("zero", &[1], vec![0.0])],
        input: names.map(|(name, shape)| value(name, FLOAT, &vec![0; shape.len()])).collect(),
        output: vec![value("y", FLOAT, &vec![0; case.full[0].len()])],
        ..GraphProto::default()
    };
    let graph = if is_nested { in_branches(case.node.clone(), graph) } else { graph };
    let mut model = ModelProto::decode(&file(graph)[..]).unwrap();
    let others = [("ai.onnx.ml", 3), ("com.microsoft", 1)];
    let others = others.map(|(domain, version)| OperatorSetIdProto { domain: domain.to_owned(), version });
    model.opset_import.extend(others);
    model.encode_to_vec()
}

#[test]
fn empty_tensors_are_refused_and_others_are_computed() {
    for (case, is_nested) in cases().iter().flat_map(|case| [(case, false), (case, true)]) {
        for runtime in runtimes().iter().filter(|runtime| runtime.kind() == RuntimeKind::OnnxRuntime) {
            let loaded = load(&written(case, is_nested), runtime).unwrap();
            let mut session = Session::new(&loaded.engine).unwrap();
            let mut run = |shapes: &[&[usize]]| {
                let filled = shapes.iter().map(|shape| {
                    let count: usize = shape.iter().product();
                    let numbers = (1..=count).map(|number| number as f32).collect();
                    Tensor::new(shape.to_vec(), TensorValues::Fp32(numbers)).unwrap()
                });
                let condition = is_nested.then(which);
                session.run(&ModelInput::of(filled.chain(condition).collect()))
            };
            let operator = &case.node.op_type;
            for shapes in case.empty.iter().chain(case.empty) {
                assert!(run(shapes).is_err(), "{operator} {shapes:?}");
                let outputs = run(case.full).unwrap();
                let TensorValues::Fp32(numbers) = outputs[0].values() else { panic!("{outputs:?}") };
                let is_right = |(number, right): (&f32, &f32)| (number - right).abs() < 1e-3;
                assert!(numbers.iter().zip(case.right).all(is_right), "{operator} {numbers:?}");
            }
        }
    }
}
