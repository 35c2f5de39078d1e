//! Models as exporters and other servers lay them out.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::onnx::{Element, graph};
use crate::process::Process;
use crate::sent::Sent;
use crate::service::{Service, serve};

/// A repository of the same model at each of these paths.
fn repository(paths: &[&str]) -> TempDir {
    let pairs = |name| (name, Element::Float32, &[None, Some(2)][..]);
    let model = graph(&[pairs("x")], &[("Neg", &["x"], "y")], &[pairs("y")]);
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        write(folder.path(), path, &model);
    }
    folder
}

fn write(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// What a model makes of 1 and 2.
async fn answered(service: &Service, model: &str) -> Value {
    let asked = json!({ "inputs": [{ "name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0] }] });
    let answer = service.post(&format!("/v2/models/{model}/infer"), &Sent::json(&asked)).await;
    assert_eq!(answer.status, 200, "{model}: {answer:?}");
    answer.json()["outputs"][0]["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_nothing_but_a_model_serves() {
    let models = repository(&["plain/1/model.onnx", "named/1/resnet.onnx", "flat/model.onnx", "loose.onnx"]);
    let service = serve(models.path(), &[]).await;
    for model in ["plain", "named", "flat", "loose"] {
        assert_eq!(answered(&service, model).await, json!([-1.0, -2.0]));
    }
    let listed = service.get("/models").await.json();
    assert_eq!(listed["models"][0]["task"], "raw", "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_one_model_serves_under_the_name_that_it_is_given() {
    for path in ["model.onnx", "1/model.onnx"] {
        let models = repository(&[path]);
        let service = serve(models.path(), &["--model-name", "sentiment"]).await;
        assert_eq!(answered(&service, "sentiment").await, json!([-1.0, -2.0]), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_over_is_said_once() {
    let models = repository(&["good/1/model.onnx", "good/01/model.onnx"]);
    write(models.path(), "first/saved_model.pb", b"");
    write(models.path(), "good/1/left.behind", b"");
    let process = Process::start(models.path(), &["--model-poll-seconds", "0.01"]);
    let about = |end: &'static str| {
        move |line: &Value| line["message"] == "model_file_passed_over" && line["path"].as_str().unwrap().ends_with(end)
    };
    process.log.wait_for("a version with a zero", about("good/01"));
    process.log.wait_for("a file that the model does not read", about("good/1/left.behind"));
    let line = process.log.wait_for("a model of another kind", about("first/saved_model.pb"));
    assert!(line["level"] == "WARN" && line["because"].as_str().unwrap().contains("TensorFlow"), "{line}");
    // Each of these is seen by another look than the one before.
    for name in ["second.pt", "third.pt"] {
        write(models.path(), name, b"");
        process.log.wait_for("what came later", about(name));
    }
    for end in ["good/01", "good/1/left.behind", "first", "first/saved_model.pb", "second.pt", "third.pt"] {
        assert_eq!(process.log.count(about(end)), 1, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_have_its_name_keeps_no_other_from_serving() {
    for reserved in ["unknown", "other"] {
        is_kept_out(reserved).await;
    }
}

/// Asserts that a model of this name, which metrics have for something else, does not serve, while one beside it does.
async fn is_kept_out(reserved: &str) {
    let models = repository(&["good/1/model.onnx", &format!("{reserved}/1/model.onnx")]);
    let process = Process::start(models.path(), &[]);
    let is_told = |line: &Value| line["message"] == "model_load_failed" && line["model"] == reserved;
    let line = process.log.wait_for("why it does not serve", is_told);
    assert!(line["level"] == "ERROR" && line["error"].as_str().unwrap().contains("reserved"), "{line}");
    process.service.ready().await;
    assert_eq!(answered(&process.service, "good").await, json!([-1.0, -2.0]));
    let listed = process.service.get("/models").await.json()["models"].clone();
    let listed = listed.as_array().unwrap().iter().find(|model| model["name"] == reserved).unwrap();
    assert_eq!(listed["state"], "failed");
    assert!(listed["error"].as_str().unwrap().contains("rename it"), "{listed}");
    let metrics = process.service.metrics().await;
    assert_eq!(metrics.get(&format!("model_loaded{{model=\"{reserved}\"}}")), 0.0);
    assert_eq!(metrics.get("model_loaded{model=\"good\"}"), 1.0);
}
