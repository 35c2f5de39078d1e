//! Items of a batch never change each other's answers.

use std::sync::Arc;

use serde_json::json;
use testkit::pypi;
use tokio::task::JoinSet;

use crate::onnx::{Element, graph};
use crate::repository::add;
use crate::sent::Sent;
use crate::service::serve;

const CLIENTS: usize = 24;

/// A number less the largest of all numbers that ran with it: zero, if each runs alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_looks_across_the_batch_runs_alone_and_says_which_node_does() {
    let Some(library) = pypi::onnxruntime("whether items change each other's answers") else { return };
    let numbers: &[Option<u64>] = &[None, Some(1)];
    let file = graph(
        &[("x", Element::Float32, numbers)],
        &[("ReduceMax", &["x"], "largest"), ("Sub", &["x", "largest"], "less")],
        &[("less", Element::Float32, numbers)],
    );
    let models = tempfile::tempdir().unwrap();
    add(models.path(), "m", "task = \"regression\"\n[batching]\nmax_delay_ms = 200\n", &file);
    let library = library.to_string_lossy().into_owned();
    let flags = ["--engine", "onnxruntime", "--onnxruntime-library", &library, "--threads", "1"];
    let service = Arc::new(serve(models.path(), &flags).await);

    let mut clients = JoinSet::new();
    for number in 1..=CLIENTS {
        let service = service.clone();
        clients.spawn(async move {
            let x = json!({ "name": "x", "datatype": "FP32", "shape": [1, 1], "data": [number] });
            service.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": [x] }))).await.json()
        });
    }
    for answer in clients.join_all().await {
        assert_eq!(answer["outputs"][0]["data"], json!([0.0]), "{answer}");
    }
    let listed = service.get("/models").await.json()["models"][0]["batching"].clone();
    let reason = "the operator ReduceMax (node \"largest\") may look across the items of a batch";
    assert_eq!(listed["single_because"], json!(reason), "{listed}");
}
