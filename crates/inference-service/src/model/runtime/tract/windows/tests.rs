#![allow(clippy::unwrap_used)]
use std::fs;
use std::sync::Arc;

use crate::model::onnx::proto::{GraphProto, NodeProto};
use crate::model::onnx::written::{FLOAT, file, floats, inner, int, ints, node, sized, text, value, wholes};
use crate::model::runtime::model_file::ModelFile;
use crate::model::runtime::program::{FixedInputs, LoadError, LoadOptions, LoadProgram as _, NoAnswer, Program};
use crate::model::runtime::tract::Tract;
use crate::model::{Tensor, TensorValues};

const OPEN: [&str; 4] = ["n", "2", "h", "w"];

fn load(node: NodeProto, sizes: &[&str], weights: &[usize]) -> Result<Arc<dyn Program>, String> {
    let graph = GraphProto {
        node: vec![node],
        initializer: vec![floats("w", weights, vec![1.0; weights.iter().product()])],
        input: vec![sized("x", sizes)],
        ..GraphProto::default()
    };
    load_graph(graph)
}

fn load_graph(graph: GraphProto) -> Result<Arc<dyn Program>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::write(&path, file(GraphProto { output: vec![value("y", FLOAT, &[0, 0, 0, 0])], ..graph })).unwrap();
    let options =
        LoadOptions { fixed: FixedInputs::Nothing, intra_threads: 1, instances: 1, optional: &[], accelerators: &[] };
    let loaded = Tract.load(ModelFile::at(path), options);
    loaded.map_err(|error| match error {
        LoadError::Unsupported(problem) => problem,
        other => panic!("{other:?}"),
    })
}

/// The shape of the answer to ones, and its first number.
fn answer(program: &Arc<dyn Program>, shape: &[usize]) -> Result<(Vec<usize>, f32), String> {
    let ones = Tensor::new(shape.to_vec(), TensorValues::Fp32(vec![1.0; shape.iter().product()])).unwrap();
    let outputs = program.start().unwrap().run(&[ones], &[]).map_err(|error| match error {
        NoAnswer::ToInput(told) => told,
        NoAnswer::Failed(told) => panic!("{told}"),
    })?;
    let first = match outputs[0].values() {
        TensorValues::Fp32(numbers) => numbers[0],
        TensorValues::Int64(numbers) => numbers[0] as f32,
        other => panic!("{other:?}"),
    };
    Ok((outputs[0].shape().to_vec(), first))
}

fn convolution() -> NodeProto {
    node("Conv", &["x", "w"], &["y"])
}

fn pooling(operator: &str) -> NodeProto {
    node(operator, &["x"], &["y"]).with("kernel_shape", ints(&[3, 3]))
}

#[test]
fn a_kernel_that_is_larger_than_its_input_is_refused_in_words() {
    let program = load(convolution(), &OPEN, &[5, 2, 3, 3]).unwrap();
    for [height, width] in [[0, 0], [1, 1], [2, 2], [0, 9], [2, 9], [9, 2]] {
        let told = answer(&program, &[1, 2, height, width]).unwrap_err();
        let (axis, size) = if height < 3 { (2, height) } else { (3, width) };
        let needs = format!("\"y\" needs a size of at least 3 in dimension {axis} of its input, which has {size}");
        assert_eq!(told, format!("the convolution {needs}"));
    }
    assert_eq!(answer(&program, &[1, 2, 3, 3]), Ok((vec![1, 5, 1, 1], 18.0)));
    assert_eq!(answer(&program, &[2, 2, 4, 6]), Ok((vec![2, 5, 2, 4], 18.0)));
}

#[test]
fn pads_dilations_and_groups_count() {
    let padded = load(convolution().with("pads", ints(&[1; 4])), &OPEN, &[5, 2, 5, 5]).unwrap();
    assert!(answer(&padded, &[1, 2, 2, 3]).is_err());
    assert_eq!(answer(&padded, &[1, 2, 3, 3]), Ok((vec![1, 5, 1, 1], 18.0)));
    let dilated = load(convolution().with("dilations", ints(&[4, 1])), &OPEN, &[5, 2, 3, 1]).unwrap();
    assert!(answer(&dilated, &[1, 2, 8, 1]).is_err());
    assert_eq!(answer(&dilated, &[1, 2, 9, 1]), Ok((vec![1, 5, 1, 1], 6.0)));
    let grouped = load(convolution().with("group", int(2)), &OPEN, &[2, 1, 3, 3]).unwrap();
    assert!(answer(&grouped, &[1, 2, 1, 1]).is_err());
    assert_eq!(answer(&grouped, &[1, 2, 3, 4]), Ok((vec![1, 2, 1, 2], 9.0)));
    let same = load(convolution().with("auto_pad", text("SAME_UPPER")), &OPEN, &[5, 2, 3, 3]).unwrap();
    assert!(answer(&same, &[1, 2, 0, 1]).is_err());
    assert_eq!(answer(&same, &[1, 2, 1, 1]), Ok((vec![1, 5, 1, 1], 2.0)));
}

#[test]
fn a_pooling_of_less_than_its_window_is_refused() {
    for operator in ["MaxPool", "AveragePool"] {
        for strides in [[1, 1], [5, 5]] {
            let program = load(pooling(operator).with("strides", ints(&strides)), &OPEN, &[1]).unwrap();
            for shape in [[1, 2, 1, 1], [1, 2, 2, 7], [1, 2, 7, 2], [1, 2, 0, 3]] {
                let told = answer(&program, &shape).unwrap_err();
                assert!(told.contains("the pooling \"y\" needs a size of at least 3"), "{operator}: {told}");
            }
            assert_eq!(answer(&program, &[1, 2, 3, 3]), Ok((vec![1, 2, 1, 1], 1.0)), "{operator}");
        }
    }
}

#[test]
fn a_transposed_convolution_needs_something_that_is_left() {
    let node = node("ConvTranspose", &["x", "w"], &["y"]).with("pads", ints(&[2; 4]));
    let program = load(node, &OPEN, &[2, 5, 3, 3]).unwrap();
    assert!(answer(&program, &[1, 2, 2, 3]).unwrap_err().contains("at least 3"));
    assert_eq!(answer(&program, &[1, 2, 3, 3]), Ok((vec![1, 5, 1, 1], 18.0)));
}

#[test]
fn sizes_that_are_known_are_looked_at_when_the_model_is_loaded() {
    let told = load(convolution(), &["n", "2", "2", "9"], &[5, 2, 3, 3]).unwrap_err();
    assert!(told.contains("needs a size of at least 3 in dimension 2 of its input, which has 2"), "{told}");
    assert!(load(pooling("MaxPool"), &["n", "2", "9", "2"], &[1]).is_err());
    let program = load(convolution(), &["n", "2", "3", "3"], &[5, 2, 3, 3]).unwrap();
    assert_eq!(answer(&program, &[4, 2, 3, 3]), Ok((vec![4, 5, 1, 1], 18.0)));
}

#[test]
fn a_window_stays_guarded_where_axes_are_moved() {
    let graph = GraphProto {
        node: vec![
            node("Transpose", &["x"], &["moved"]).with("perm", ints(&[0, 3, 1, 2])),
            node("Conv", &["moved", "w"], &["convolved"]),
            node("Relu", &["convolved"], &["active"]),
            node("Transpose", &["active"], &["y"]).with("perm", ints(&[0, 2, 3, 1])),
        ],
        initializer: vec![floats("w", &[5, 2, 3, 3], vec![1.0; 90])],
        input: vec![sized("x", &["n", "h", "w", "2"])],
        ..GraphProto::default()
    };
    let program = load_graph(graph).unwrap();
    assert!(answer(&program, &[1, 2, 9, 2]).is_err());
    assert!(answer(&program, &[1, 9, 2, 2]).is_err());
    assert_eq!(answer(&program, &[1, 3, 4, 2]), Ok((vec![1, 1, 2, 5], 18.0)));
}

#[test]
fn a_window_inside_a_branch_is_guarded() {
    let branch = |weights: &str| GraphProto {
        name: weights.to_owned(),
        node: vec![node("Conv", &["x", weights], &[&format!("of_{weights}")])],
        output: vec![value(&format!("of_{weights}"), FLOAT, &[0, 0, 0, 0])],
        ..GraphProto::default()
    };
    let choice = node("If", &["is_small"], &["y"])
        .with("then_branch", inner(branch("small")))
        .with("else_branch", inner(branch("large")));
    let graph = GraphProto {
        node: vec![
            node("ReduceMean", &["x"], &["mean"]).with("keepdims", int(0)),
            node("Less", &["mean", "two"], &["is_small"]),
            choice,
        ],
        initializer: vec![
            floats("two", &[], vec![2.0]),
            floats("small", &[5, 2, 3, 3], vec![1.0; 90]),
            floats("large", &[5, 2, 3, 3], vec![2.0; 90]),
        ],
        input: vec![sized("x", &OPEN)],
        ..GraphProto::default()
    };
    let program = load_graph(graph).unwrap();
    assert!(answer(&program, &[1, 2, 2, 9]).unwrap_err().contains("needs a size of at least 3"));
    assert_eq!(answer(&program, &[1, 2, 3, 3]), Ok((vec![1, 5, 1, 1], 18.0)));
}

#[test]
fn an_edge_and_what_is_behind_it_have_to_be_there() {
    let pad = |mode| node("Pad", &["x", "pads"], &["y"]).with("mode", text(mode));
    let graph = |mode| GraphProto {
        node: vec![pad(mode)],
        initializer: vec![wholes("pads", &[4], vec![0, 2, 0, 1])],
        input: vec![sized("x", &["n", "m"])],
        ..GraphProto::default()
    };
    let edge = load_graph(graph("edge")).unwrap();
    assert!(
        answer(&edge, &[2, 0]).unwrap_err().contains("the padding \"y\" needs a size of at least 1 in dimension 1")
    );
    assert_eq!(answer(&edge, &[2, 1]), Ok((vec![2, 4], 1.0)));
    let reflected = load_graph(graph("reflect")).unwrap();
    assert!(answer(&reflected, &[2, 2]).unwrap_err().contains("needs a size of at least 3 in dimension 1"));
    assert_eq!(answer(&reflected, &[2, 3]), Ok((vec![2, 6], 1.0)));
}

#[test]
fn the_position_of_the_largest_of_no_numbers_is_refused() {
    for operator in ["ArgMax", "ArgMin"] {
        let program = load(node(operator, &["x"], &["y"]).with("axis", int(2)), &OPEN, &[1]).unwrap();
        assert!(answer(&program, &[1, 2, 0, 3]).unwrap_err().contains("needs a size of at least 1"), "{operator}");
        assert_eq!(answer(&program, &[1, 2, 4, 3]), Ok((vec![1, 2, 1, 3], 0.0)), "{operator}");
    }
}

#[test]
fn more_of_the_largest_numbers_than_there_are_is_refused() {
    let graph = |sizes: &[&str]| GraphProto {
        node: vec![node("TopK", &["x", "k"], &["y", "positions"])],
        initializer: vec![wholes("k", &[1], vec![3])],
        input: vec![sized("x", sizes)],
        ..GraphProto::default()
    };
    let program = load_graph(graph(&["n", "m"])).unwrap();
    for few in [0, 1, 2] {
        let told = answer(&program, &[2, few]).unwrap_err();
        assert_eq!(told, format!("the node \"y\" is to find 3 numbers among {few}"));
    }
    assert_eq!(answer(&program, &[2, 3]), Ok((vec![2, 3], 1.0)));
    assert!(load_graph(graph(&["n", "2"])).unwrap_err().contains("3 numbers among 2"));
    assert_eq!(answer(&load_graph(graph(&["n", "5"])).unwrap(), &[2, 5]), Ok((vec![2, 3], 1.0)));
}
