//! Reference profiles on their way from the model repository to the logging service.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::logged::FakeLog;
use crate::process::Process;
use crate::repository::shipped;
use crate::service::serve_logging_to;

/// The SHA-256 of the shipped surface model, as the service tells it.
async fn sha256() -> String {
    let service = crate::service::serve(&shipped(), &[]).await;
    let models = service.get("/models").await.json();
    let surface = models["models"].as_array().unwrap().iter().find(|model| model["name"] == "surface").unwrap().clone();
    surface["sha256"].as_str().unwrap().to_owned()
}

/// The surface model, with this profile beside its file.
fn repository(profile: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = shipped().join("surface");
    let to = folder.path().join("surface");
    fs::create_dir_all(to.join("1")).unwrap();
    for item in fs::read_dir(&from).unwrap() {
        let item = item.unwrap();
        if item.file_name() != "1" {
            symlink(absolute(&item.path()), to.join(item.file_name())).unwrap();
        }
    }
    symlink(absolute(&from.join("1/model.onnx")), to.join("1/model.onnx")).unwrap();
    fs::write(to.join("1/profile.json"), profile).unwrap();
    folder
}

fn absolute(path: &Path) -> std::path::PathBuf {
    path.canonicalize().unwrap()
}

const DELIVERED: &str = "model_profile_delivered{model=\"surface\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_sent_until_it_is_taken() {
    let profile = json!({ "model": "surface", "model_sha256": sha256().await, "anything": [1, 2] }).to_string();
    let models = repository(&profile);
    let mut log = FakeLog::start(&[503, 429]).await;
    let service = serve_logging_to(&log.url, models.path(), &["--record", "memory"]).await;
    for _ in 0..3 {
        let sent = log.profile().await;
        assert_eq!(sent.json, profile);
        assert_eq!(sent.headers["content-type"], "application/json");
    }
    service.metrics_until("the profile is delivered", |metrics| metrics.get(DELIVERED) == 1.0).await;
    assert!(!log.has_profile());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_profile_is_sent_and_is_no_load_of_the_model() {
    let sha256 = sha256().await;
    let profile = |changed: bool| json!({ "model_sha256": sha256, "changed": changed }).to_string();
    let models = repository(&profile(false));
    let mut log = FakeLog::start(&[]).await;
    let flags = ["--record", "memory", "--model-poll-seconds", "0.01"];
    let service = serve_logging_to(&log.url, models.path(), &flags).await;
    assert_eq!(log.profile().await.json, profile(false));
    fs::write(models.path().join("surface/1/profile.json"), profile(true)).unwrap();
    assert_eq!(log.profile().await.json, profile(true));
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("model_reloads_total{model=\"surface\",outcome=\"success\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_profile_is_given_up_and_says_so() {
    let profile = json!({ "model_sha256": sha256().await }).to_string();
    let models = repository(&profile);
    let mut log = FakeLog::start(&[422]).await;
    let process = Process::start_logging_to(&log.url, models.path(), &["--record", "memory"]);
    log.profile().await;
    let line = process.log.wait_for("the refusal", |line| line["message"] == "model_profile_refused");
    assert_eq!((&line["model"], &line["level"]), (&json!("surface"), &json!("ERROR")));
    assert_eq!(process.service.metrics().await.get(DELIVERED), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_another_file_is_ignored_and_says_so() {
    let models = repository(&json!({ "model_sha256": "0".repeat(64) }).to_string());
    let mut log = FakeLog::start(&[]).await;
    let process = Process::start_logging_to(&log.url, models.path(), &["--record", "memory"]);
    let line = process.log.wait_for("why it is ignored", |line| line["message"] == "model_profile_ignored");
    assert!(line["problem"].as_str().is_some_and(|problem| problem.contains("make it anew")), "{line}");
    process.service.ready().await;
    assert_eq!(process.service.metrics().await.get(DELIVERED), 0.0);
    assert!(!log.has_profile());
}
