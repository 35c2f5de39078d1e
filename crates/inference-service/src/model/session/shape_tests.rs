//! Graphs as exporters write them: without shapes, without names for what is open, with numbers that zeros are not.
#![allow(clippy::unwrap_used)]

use super::Session;
use super::loaded_graph::{load, runtimes};
use crate::input::ModelInput;
use crate::model::onnx::proto::type_proto;
use crate::model::onnx::proto::{GraphProto, ValueInfoProto, tensor_shape_proto};
use crate::model::onnx::written::{FLOAT, INT64, file, int, node, value};
use crate::model::{RuntimeKind, Tensor, TensorValues};

fn wholes(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::new(shape.to_vec(), TensorValues::Int64(values.to_vec())).unwrap()
}

fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::new(shape.to_vec(), TensorValues::Fp32(values.to_vec())).unwrap()
}

/// The tensor type of a value.
fn tensor(value: &mut ValueInfoProto) -> &mut type_proto::Tensor {
    match value.r#type.as_mut().unwrap().value.as_mut().unwrap() {
        type_proto::Value::TensorType(tensor) => tensor,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_that_refuses_zeros_is_served() {
    let graph = GraphProto {
        node: vec![node("Div", &["a", "b"], &["ratio"])],
        input: vec![value("a", INT64, &[1]), value("b", INT64, &[1])],
        output: vec![value("ratio", INT64, &[1])],
        ..GraphProto::default()
    };
    for runtime in runtimes() {
        let loaded = load(&file(graph.clone()), &runtime).unwrap();
        let mut session = Session::warm(&loaded.engine).unwrap();
        let ask = |by| ModelInput::of(vec![wholes(&[1], &[6]), wholes(&[1], &[by])]);
        assert!(session.run(&ask(0)).is_err(), "{runtime:?}");
        assert_eq!(session.run(&ask(3)).unwrap(), [wholes(&[1], &[2])], "{runtime:?}");
    }
}

#[test]
fn an_input_without_a_shape_takes_every_shape() {
    let (mut x, mut y) = (value("x", FLOAT, &[]), value("y", FLOAT, &[]));
    tensor(&mut x).shape = None;
    tensor(&mut y).shape = None;
    let node = vec![node("Relu", &["x"], &["y"])];
    let bytes = file(GraphProto { node, input: vec![x], output: vec![y], ..GraphProto::default() });
    for runtime in runtimes() {
        let loaded = match load(&bytes, &runtime) {
            Ok(loaded) => loaded,
            // tract has to know how many dimensions there are.
            Err(problem) if runtime.kind() == RuntimeKind::Tract => {
                assert!(problem.contains("onnxruntime"), "{problem}");
                continue;
            }
            Err(problem) => panic!("{problem}"),
        };
        let mut session = Session::warm(&loaded.engine).unwrap();
        for shape in [&[][..], &[2], &[1, 2], &[2, 1, 1]] {
            let count = shape.iter().product();
            let (sent, right) = (floats(shape, &vec![-1.0; count]), floats(shape, &vec![0.0; count]));
            assert_eq!(session.run(&ModelInput::of(vec![sent])).unwrap(), [right], "{runtime:?}");
        }
        assert_eq!(loaded.engine.signature().outputs[0].shape, None);
    }
}

#[test]
fn open_dimensions_need_no_names() {
    let mut x = value("x", FLOAT, &[0, 2]);
    let shape = tensor(&mut x).shape.as_mut().unwrap();
    shape.dim[0] = tensor_shape_proto::Dimension::default();
    let graph = GraphProto {
        // The largest's place is a size to tract, and comes out as INT64.
        node: vec![
            node("ArgMax", &["x"], &["at"]).with("axis", int(1)),
            node("Cast", &["at"], &["y"]).with("to", int(7)),
        ],
        input: vec![x],
        output: vec![value("y", INT64, &[0, 1])],
        ..GraphProto::default()
    };
    for runtime in runtimes() {
        let loaded = load(&file(graph.clone()), &runtime).unwrap();
        let mut session = Session::warm(&loaded.engine).unwrap();
        for rows in 1..4 {
            let x = floats(&[rows, 2], &[1.0, 2.0].repeat(rows));
            let answer = session.run(&ModelInput::of(vec![x])).unwrap();
            assert_eq!(answer, [wholes(&[rows, 1], &vec![1; rows])], "{runtime:?}");
        }
    }
}

/// Its zeros alone would be 64 GiB, for which no allocator has room, and which would end the process.
#[test]
fn a_model_that_takes_more_than_there_is_memory_is_refused() {
    let graph = GraphProto {
        node: vec![node("Relu", &["x"], &["y"])],
        input: vec![value("x", FLOAT, &[1, 1 << 20, 1 << 14])],
        output: vec![value("y", FLOAT, &[1, 1 << 20, 1 << 14])],
        ..GraphProto::default()
    };
    for runtime in runtimes() {
        let refused = match load(&file(graph.clone()), &runtime) {
            Ok(loaded) => Session::warm(&loaded.engine).unwrap_err().to_string(),
            Err(problem) => problem,
        };
        assert!(refused.contains("17179869184 numbers"), "{refused}");
    }
}
