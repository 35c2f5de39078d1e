//! Tensors with which an engine's library would end the process get a number or an error. Where that fails, this program ends.
#![allow(clippy::unwrap_used)]

use super::Session;
use super::loaded_graph::{load, load_beside, runtimes};
use crate::input::ModelInput;
use crate::model::onnx::proto::{GraphProto, NodeProto, StringStringEntryProto, TensorProto, ValueInfoProto};
use crate::model::onnx::written::{BOOL, FLOAT, INT64, file, floats, inner, int, node, value, wholes};
use crate::model::{RuntimeKind, Tensor, TensorValues};

/// A node in both branches of an If, whose condition is an input.
pub(super) fn in_branches(within: NodeProto, graph: GraphProto) -> GraphProto {
    let branch = |output: &str| {
        let within = NodeProto { output: vec![output.to_owned()], ..within.clone() };
        // What it is follows from the nodes.
        let output = ValueInfoProto { name: output.to_owned(), r#type: None };
        let name = "branch".to_owned();
        inner(GraphProto { name, node: vec![within], output: vec![output], ..GraphProto::default() })
    };
    let branches = node("If", &["which"], &["y"]).with("then_branch", branch("t")).with("else_branch", branch("e"));
    let mut graph = GraphProto { node: vec![branches], ..graph };
    graph.input.push(value("which", BOOL, &[1]));
    graph
}

pub(super) fn which() -> Tensor {
    Tensor::new(vec![1], TensorValues::Bool(vec![true])).unwrap()
}

#[test]
fn empty_sequences_and_batches_are_answered_or_refused() {
    for (operator, gates) in [("LSTM", 4), ("GRU", 3)] {
        let recurrent = node(operator, &["x", "w", "r"], &["y"]).with("hidden_size", int(2));
        let graph = GraphProto {
            node: vec![recurrent.clone()],
            initializer: vec![
                floats("w", &[1, gates * 2, 3], vec![0.5; gates * 6]),
                floats("r", &[1, gates * 2, 2], vec![0.5; gates * 4]),
            ],
            input: vec![value("x", FLOAT, &[0, 0, 3])],
            output: vec![value("y", FLOAT, &[0, 1, 0, 2])],
            ..GraphProto::default()
        };
        let nested = in_branches(recurrent, graph.clone());
        for (runtime, graph, inputs) in runtimes().iter().flat_map(|it| [(it, &graph, 1), (it, &nested, 2)]) {
            let loaded = match load(&file(graph.clone()), runtime) {
                Ok(loaded) => loaded,
                Err(error) => {
                    assert!(runtime.kind() == RuntimeKind::Tract, "{error}");
                    continue;
                }
            };
            let mut session = Session::new(&loaded.engine).unwrap();
            let mut run = |shape: [usize; 3]| {
                let numbers = TensorValues::Fp32(vec![0.5; shape.iter().product()]);
                let tensors = [Tensor::new(shape.to_vec(), numbers).unwrap(), which()];
                session.run(&ModelInput::of(tensors[..inputs].to_vec()))
            };
            let full = run([2, 1, 3]).unwrap();
            for shape in [[0, 1, 3], [2, 0, 3], [0, 0, 3]] {
                if let Ok(outputs) = run(shape) {
                    assert!(outputs[0].values().is_empty(), "{runtime:?} {operator} {shape:?}: {outputs:?}");
                }
            }
            assert_eq!(run([2, 1, 3]).unwrap(), full, "{runtime:?} {operator}");
        }
    }
}

/// A quotient of whole numbers that a request brings.
fn division(elem_type: i32) -> GraphProto {
    GraphProto {
        node: vec![node("Div", &["a", "b"], &["y"])],
        input: vec![value("a", elem_type, &[0]), value("b", elem_type, &[0])],
        output: vec![value("y", elem_type, &[0])],
        ..GraphProto::default()
    }
}

#[test]
fn the_smallest_whole_number_is_divided_by_minus_one() {
    const INT32: i32 = 6;
    let narrow = |numbers: &[i64]| TensorValues::Int32(numbers.iter().map(|number| *number as i32).collect());
    let wide = |numbers: &[i64]| TensorValues::Int64(numbers.to_vec());
    type Written<'a> = &'a dyn Fn(&[i64]) -> TensorValues;
    let types: [(i32, i64, Written<'_>); 2] = [(INT32, i32::MIN.into(), &narrow), (INT64, i64::MIN, &wide)];
    for (elem_type, smallest, written) in types {
        let nested = in_branches(node("Div", &["a", "b"], &["y"]), division(elem_type));
        let graphs = [(division(elem_type), 2), (nested, 3)];
        for (runtime, (graph, inputs)) in runtimes().iter().flat_map(|it| graphs.iter().map(move |graph| (it, graph))) {
            let loaded = match load(&file(graph.clone()), runtime) {
                Ok(loaded) => loaded,
                Err(error) => {
                    assert!(runtime.kind() == RuntimeKind::Tract, "{error}");
                    continue;
                }
            };
            let mut session = Session::new(&loaded.engine).unwrap();
            let mut run = |a: &[i64], b: &[i64]| {
                let tensor = |numbers: &[i64]| Tensor::new(vec![numbers.len()], written(numbers)).unwrap();
                let tensors = [tensor(a), tensor(b), which()];
                session.run(&ModelInput::of(tensors[..*inputs].to_vec())).map(|outputs| outputs[0].values().clone())
            };
            let right = written(&[-7, 3, -3, 7]);
            assert_eq!(run(&[7, 7, -7, 7], &[-1, 2, 2, 1]).unwrap(), right, "{runtime:?}");
            // tract's arithmetic panics, which is caught.
            if let Ok(quotients) = run(&[smallest, 5], &[-1]) {
                assert_eq!(quotients, written(&[smallest, -5]), "{runtime:?}");
            }
            if let Ok(quotients) = run(&[smallest], &[-1, 1]) {
                assert_eq!(quotients, written(&[smallest, smallest]), "{runtime:?}");
            }
            assert!(run(&[7], &[0]).is_err(), "{runtime:?}");
            assert_eq!(run(&[7, 7, -7, 7], &[-1, 2, 2, 1]).unwrap(), right, "{runtime:?}");
        }
    }
}

/// A guarded file is read from memory, and its weights still lie beside it.
#[test]
fn weights_beside_a_guarded_file_are_found() {
    let entry = StringStringEntryProto { key: "location".to_owned(), value: "weights.bin".to_owned() };
    let weights = TensorProto {
        data_location: 1,
        external_data: vec![entry],
        ..TensorProto { name: "w".to_owned(), dims: vec![2], data_type: 7, ..TensorProto::default() }
    };
    let mut graph = division(INT64);
    graph.node = vec![node("Div", &["a", "b"], &["q"]), node("Add", &["q", "w"], &["y"])];
    graph.initializer = vec![weights, wholes("unused", &[], vec![0])];
    let beside = [1000_i64, 2000].map(i64::to_le_bytes).concat();
    for runtime in runtimes() {
        let loaded = load_beside(&file(graph.clone()), &[("weights.bin", &beside)], &runtime).unwrap();
        let tensor = |numbers: [i64; 2]| Tensor::new(vec![2], TensorValues::Int64(numbers.to_vec())).unwrap();
        let input = ModelInput::of(vec![tensor([6, 9]), tensor([2, -1])]);
        let outputs = Session::new(&loaded.engine).unwrap().run(&input).unwrap();
        assert_eq!(outputs, [tensor([1003, 1991])], "{runtime:?}");
    }
}

/// The weights of inner graphs as well, which ONNX Runtime does not take from memory: it would go on reading the file.
#[test]
fn weights_beside_that_are_written_over_stay_as_they_were_loaded() {
    let entry = |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    let weights = |offset: &str| TensorProto {
        data_location: 1,
        external_data: vec![entry("location", "weights.bin"), entry("offset", offset), entry("length", "16")],
        ..TensorProto { name: "w".to_owned(), dims: vec![2], data_type: INT64, ..TensorProto::default() }
    };
    let branch = |output: &str, offset: &str| {
        inner(GraphProto {
            name: output.to_owned(),
            node: vec![node("Add", &["x", "w"], &[output])],
            initializer: vec![weights(offset)],
            output: vec![value(output, INT64, &[2])],
            ..GraphProto::default()
        })
    };
    let branches =
        node("If", &["which"], &["q"]).with("then_branch", branch("t", "16")).with("else_branch", branch("e", "32"));
    let graph = GraphProto {
        node: vec![branches, node("Mul", &["q", "v"], &["y"])],
        input: vec![value("x", INT64, &[2]), value("which", BOOL, &[1])],
        initializer: vec![TensorProto { name: "v".to_owned(), ..weights("0") }],
        output: vec![value("y", INT64, &[2])],
        ..GraphProto::default()
    };
    let numbers = [2_i64, 3, 10, 20, 100, 200];
    let beside = numbers.map(i64::to_le_bytes).concat();
    for runtime in runtimes() {
        let loaded = load_beside(&file(graph.clone()), &[("weights.bin", &beside)], &runtime).unwrap();
        let tensor = |numbers: [i64; 2]| Tensor::new(vec![2], TensorValues::Int64(numbers.to_vec())).unwrap();
        let asked = |which: bool| {
            let which = Tensor::new(vec![1], TensorValues::Bool(vec![which])).unwrap();
            ModelInput::of(vec![tensor([1, 1]), which])
        };
        let first = Session::new(&loaded.engine).unwrap();
        let file = std::fs::File::options().write(true).open(&loaded.engine.weights()[0]).unwrap();
        file.set_len(0).unwrap();
        let others = (1..loaded.engine.instances().count).map(|_| Session::new(&loaded.engine).unwrap());
        for mut session in [first].into_iter().chain(others) {
            assert_eq!(session.run(&asked(true)).unwrap(), [tensor([22, 63])], "{runtime:?}");
            assert_eq!(session.run(&asked(false)).unwrap(), [tensor([202, 603])], "{runtime:?}");
        }
    }
}
