//! Rows as files of columns.

mod arrow_hostile;
mod damaged;
mod hostile;
mod parquet_file;
mod pyarrow;
mod thrift;

use serde_json::Value;
use tempfile::TempDir;

use crate::onnx::{Element, Tensor, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::Answer;

const PARQUET: &str = "application/vnd.apache.parquet";
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
const ARROW_FILE: &str = "application/vnd.apache.arrow.file";

const FEATURES: &str = r#"task = "raw"
missing = "nan"

[[features]]
name = "n"
kind = "number"
optional = true

[[features]]
name = "c"
kind = "category"
optional = true
"#;

/// A model `m` that gives a number and a text back.
fn echo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let one: &[Option<u64>] = &[None, Some(1)];
    let inputs: [Tensor<'_>; 2] = [("n", Element::Float64, one), ("c", Element::Text, one)];
    let outputs: [Tensor<'_>; 2] = [("n_out", Element::Float64, one), ("c_out", Element::Text, one)];
    let operators: [(&str, &[&str], &str); 2] = [("Identity", &["n"], "n_out"), ("Identity", &["c"], "c_out")];
    add(folder.path(), "m", FEATURES, &graph(&inputs, &operators, &outputs));
    folder
}

fn file(bytes: impl Into<Vec<u8>>) -> Sent {
    Sent::new(PARQUET, bytes)
}

/// What the model gave back of this output, row by row.
fn given_back(answer: &Answer, output: &str) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    body["predictions"].as_array().unwrap().iter().map(|one| one["outputs"][output]["data"][0].clone()).collect()
}
