//! Files of a model change so that only the kernel can tell.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use serde_json::json;
use tempfile::TempDir;

use crate::onnx;
use crate::repository::{add, model_toml};
use crate::sent::Sent;
use crate::service::{PATIENCE, Running, serve};

const EAGER: &[&str] = &["--model-poll-seconds", "0.01"];

/// A file of this content, whose time of change says nothing.
fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

fn repository(file: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "m", &model_toml([1, 3], r#"["a", "b", "c"]"#), file);
    folder
}

async fn answers(service: &Running, label: &str) {
    let input = Sent::json(&json!({ "model": "m", "input": [0, -1, 0.5] }));
    let asking = async { while service.predict(&input).await.json()["predictions"][0]["label"] != label {} };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("the answer never became {label}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_same_size_and_time_is_loaded() {
    let [plain, negated] = ["Elu", "Neg"].map(|operator| onnx::chain([1, 3], &[operator, "Flatten"]));
    assert_eq!(plain.len(), negated.len());
    let folder = repository(&plain);
    let file = folder.path().join("m/1/model.onnx");
    write(&file, &plain);
    let service = serve(folder.path(), EAGER).await;
    answers(&service, "c").await;

    let coming = folder.path().join("coming");
    write(&coming, &negated);
    fs::rename(&coming, &file).unwrap();
    answers(&service, "b").await;

    write(&file, &plain);
    answers(&service, "c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_that_change_or_come_later_are_loaded() {
    let folder = repository(&onnx::with_weights_in("weights.bin"));
    let weights = |numbers: [f32; 3]| numbers.map(f32::to_le_bytes).concat();
    let sound = onnx::chain([1, 3], &["Flatten"]);
    add(folder.path(), "sound", &model_toml([1, 3], r#"["a", "b", "c"]"#), &sound);
    let service = serve(folder.path(), EAGER).await;
    let refused = service.get("/models").await.json()["models"][0]["error"].to_string();
    assert!(refused.contains("weights.bin"), "{refused}");

    let file = folder.path().join("m/1/weights.bin");
    write(&file, &weights([9.0, 0.0, 0.0]));
    answers(&service, "a").await;
    write(&file, &weights([0.0, 9.0, 0.0]));
    answers(&service, "b").await;
}
