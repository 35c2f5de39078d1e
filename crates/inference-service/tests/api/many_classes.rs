//! A model with more classes than the logging service is told of.

use serde_json::json;

use crate::logged::FakeLog;
use crate::onnx::{Element, Tensor, graph};
use crate::process::Process;
use crate::repository::add;

#[tokio::test(flavor = "multi_thread")]
async fn more_classes_than_are_declared_are_told_of_in_the_log() {
    let mut log = FakeLog::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let many: &[Option<u64>] = &[None, Some(10_001)];
    let [x, y]: [Tensor<'_>; 2] = ["x", "y"].map(|name| (name, Element::Float32, many));
    let scores = graph(&[x], &[("Softmax", &["x"], "y")], &[y]);
    add(folder.path(), "many", "task = \"classification\"\nlabels = \"labels.txt\"\nowner = \"shop\"\n", &scores);
    let labels: String = (0..10_001).map(|class| format!("class {class}\n")).collect();
    std::fs::write(folder.path().join("many/labels.txt"), labels).unwrap();
    let process = Process::start_logging_to(&log.url, folder.path(), &["--record", "memory"]);
    process.service.ready().await;
    let told = log.declaration().await;
    assert_eq!(told.json, json!({ "task": "classification", "owner": "shop" }));
    let line = process.log.wait_for("the warning", |line| line["message"] == "model_labels_not_declared");
    assert_eq!((&line["level"], &line["model"], &line["labels"]), (&json!("WARN"), &json!("many"), &json!(10_001)));
}
