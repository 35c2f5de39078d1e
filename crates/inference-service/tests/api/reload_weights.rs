//! Weights beside a model are written over while it serves: what was loaded answers until the next load.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use testkit::pypi;

use crate::onnx;
use crate::sent::Sent;
use crate::service::{Answer, Running, Service, serve};

/// More than a page of memory, so that a mapped file that is cut is missed.
const ROWS: u64 = 20_000;
const CLIENTS: usize = 2;

/// An embedding of this number everywhere.
fn embedding(number: f32) -> Vec<u8> {
    number.to_le_bytes().repeat(usize::try_from(ROWS).unwrap())
}

/// The number that some rows of the embedding have, all the same.
async fn number(service: &Service, step: u64) -> f64 {
    let rows: Vec<u64> = (0..20).map(|position| (position * 997 + step * 61) % ROWS).collect();
    let answer = service.predict(&Sent::json(&json!({ "model": "m", "input": rows }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let numbers = answer.json()["predictions"][0]["outputs"]["y"]["data"].as_array().unwrap().clone();
    assert_eq!(numbers.len(), rows.len(), "{answer:?}");
    assert!(numbers.iter().all(|number| *number == numbers[0]), "old and new weights in one answer: {answer:?}");
    numbers[0].as_f64().unwrap()
}

/// All of the rows are answered with this number, under this digest.
async fn answers(service: &Running, expected: f64, sha256: &str) {
    for step in 0..100 {
        assert_eq!(number(service, step).await, expected, "step {step}");
    }
    assert_eq!(digest(service).await, sha256);
}

async fn digest(service: &Running) -> String {
    service.get("/models").await.json()["models"][0]["sha256"].as_str().unwrap().to_owned()
}

async fn load(service: &Running) -> Answer {
    service.admin.post("/v2/repository/models/m/load", &Sent::json(&json!({}))).await
}

/// Writes over a file from its first byte on; it stays the same file, and is not cut before.
fn write_over(file: &Path, content: &[u8]) {
    File::options().write(true).open(file).unwrap().write_all(content).unwrap();
}

async fn weights_written_over_wait_for_the_load(engine: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let version = folder.path().join("m/1");
    fs::create_dir_all(version.join("parts")).unwrap();
    fs::write(version.join("model.onnx"), onnx::embedding_in("parts/model.onnx.data", ROWS)).unwrap();
    let weights = version.join("parts/model.onnx.data");
    fs::write(&weights, embedding(1.0)).unwrap();
    let service = serve(folder.path(), &[&["--model-poll-seconds", "0"], engine].concat()).await;
    let first = digest(&service).await;
    answers(&service, 1.0, &first).await;

    let done = Arc::new(AtomicBool::new(false));
    let client = |mut step: u64| {
        let (service, done) = (service.service.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                number(&service, step).await;
                step += 1;
            }
        })
    };
    let clients: Vec<_> = (0..CLIENTS as u64).map(client).collect();

    write_over(&weights, &embedding(3.0));
    answers(&service, 1.0, &first).await;
    assert_eq!(load(&service).await.status, 200);
    let second = digest(&service).await;
    assert_ne!(second, first);
    answers(&service, 3.0, &second).await;

    File::options().write(true).open(&weights).unwrap().set_len(0).unwrap();
    answers(&service, 3.0, &second).await;
    let refused = load(&service).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    answers(&service, 3.0, &second).await;
    let told = service.get("/models").await.text;
    assert!(told.contains("model.onnx"), "{told}");

    write_over(&weights, &embedding(1.0));
    assert_eq!(load(&service).await.status, 200);
    answers(&service, 1.0, &first).await;
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tract_answers_with_the_weights_that_it_loaded() {
    weights_written_over_wait_for_the_load(&["--engine", "tract"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn onnxruntime_answers_with_the_weights_that_it_loaded() {
    let Some(library) = pypi::onnxruntime("whether it keeps the weights that it loaded") else { return };
    let library = ["--engine", "onnxruntime", "--onnxruntime-library", library.to_str().unwrap(), "--threads", "2"];
    weights_written_over_wait_for_the_load(&library).await;
}
