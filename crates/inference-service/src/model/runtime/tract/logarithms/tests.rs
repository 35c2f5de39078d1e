#![allow(clippy::unwrap_used)]
use std::fs;

use crate::model::onnx::proto::{GraphProto, NodeProto};
use crate::model::onnx::written::{FLOAT, file, int, ints, node, value};
use crate::model::runtime::model_file::ModelFile;
use crate::model::runtime::program::{FixedInputs, LoadOptions, LoadProgram as _, RunProgram};
use crate::model::runtime::tract::Tract;
use crate::model::{Tensor, TensorValues};

/// Rows whose exponentials are too large or too small for FP32, and some that are neither.
const ROWS: [[f32; 3]; 6] = [
    [0.0, 1.0, 2.0],
    [100.0, 101.0, 99.0],
    [1000.0, 999.0, -1000.0],
    [-110.0, -105.0, -300.0],
    [1e30, 1.0, 2.0],
    [-1e-8, 1e-5, 0.0],
];

fn run_of(node: NodeProto) -> Box<dyn RunProgram> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let graph = GraphProto {
        node: vec![node],
        input: vec![value("x", FLOAT, &[0, 3])],
        output: vec![value("y", FLOAT, &[0, 0])],
        ..GraphProto::default()
    };
    fs::write(&path, file(graph)).unwrap();
    let options =
        LoadOptions { fixed: FixedInputs::Nothing, intra_threads: 1, instances: 1, optional: &[], accelerators: &[] };
    Tract.load(ModelFile::at(path), options).unwrap().start().unwrap()
}

/// Holds an operator's answers against its formula in double precision.
fn check(node: NodeProto, formula: impl Fn(&[f64; 3]) -> Vec<f64>) {
    let operator = node.op_type.clone();
    let mut run = run_of(node);
    for row in ROWS {
        let input = Tensor::new(vec![1, 3], TensorValues::Fp32(row.to_vec())).unwrap();
        let outputs = run.run(&[input], &[]).unwrap();
        let answer = outputs[0].values().fp32().unwrap();
        let right = formula(&row.map(f64::from));
        assert_eq!(answer.len(), right.len(), "{operator}");
        for (answer, right) in answer.iter().zip(&right) {
            let allowed = 1e-6 + 1e-6 * right.abs();
            assert!((f64::from(*answer) - right).abs() <= allowed, "{operator} of {row:?}: {answer}, not {right}");
        }
    }
}

fn log_sum_exp(row: &[f64; 3]) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + row.iter().map(|number| (number - largest).exp()).sum::<f64>().ln()
}

#[test]
fn a_softplus_of_a_large_number_is_that_number() {
    check(node("Softplus", &["x"], &["y"]), |row| {
        row.iter().map(|number| number.max(0.0) + (-number.abs()).exp().ln_1p()).collect()
    });
}

#[test]
fn a_logarithm_of_a_small_probability_is_finite() {
    let right = |row: &[f64; 3]| row.iter().map(|number| number - log_sum_exp(row)).collect();
    check(node("LogSoftmax", &["x"], &["y"]), right);
    check(node("LogSoftmax", &["x"], &["y"]).with("axis", int(1)), right);
}

#[test]
fn a_logarithm_of_a_sum_is_finite() {
    let right = |row: &[f64; 3]| vec![log_sum_exp(row)];
    check(node("ReduceLogSumExp", &["x"], &["y"]).with("axes", ints(&[-1])), right);
    check(node("ReduceLogSumExp", &["x"], &["y"]).with("keepdims", int(0)), right);
}

#[test]
fn the_logarithm_of_nothing_is_minus_infinity() {
    let mut run = run_of(node("ReduceLogSumExp", &["x"], &["y"]).with("axes", ints(&[1])));
    let input = Tensor::new(vec![1, 3], TensorValues::Fp32(vec![f32::NEG_INFINITY; 3])).unwrap();
    assert_eq!(run.run(&[input], &[]).unwrap()[0].values().fp32(), Some(&[f32::NEG_INFINITY][..]));
}
