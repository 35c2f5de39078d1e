//! Models change while they serve: clients notice nothing but the version in the answer.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::onnx;
use crate::process::Process;
use crate::repository::{Versions, add, model_toml};
use crate::sent::Sent;
use crate::service::{PATIENCE, Running, Service, serve};

/// The folder is looked at all the time.
const EAGER: &[&str] = &["--model-poll-seconds", "0.01"];
const SWAPS: u32 = 50;
const CLIENTS: usize = 4;

fn input() -> Sent {
    Sent::json(&json!({ "model": "m", "input": [0, 0, 1] }))
}

/// The version of a right answer.
async fn version(service: &Service, sent: &Sent) -> u32 {
    let answer = service.predict(sent).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let version: u32 = body["version"].as_str().unwrap().parse().unwrap();
    let is_c = body["predictions"][0]["label"] == "c";
    assert_eq!(is_c, !version.is_multiple_of(2), "an answer of another version than it says: {body}");
    version
}

async fn serves(service: &Running, expected: u32) {
    let series = format!("version=\"{expected}\"");
    let is_there = |text: &str| text.contains(&series);
    service.metrics_until(&series, |metrics| metrics.of("model_info{").any(|(name, _)| is_there(name))).await;
}

async fn described(service: &Running) -> Value {
    service.get("/models").await.json()["models"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_swaps_under_load_fail_nobody() {
    let versions = Versions::new("");
    versions.add(1);
    let service = serve(versions.path(), EAGER).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (service, done) = (service.service.clone(), done.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    seen.push(version(&service, &input()).await);
                }
                seen
            })
        })
        .collect();
    for swap in 1..=SWAPS {
        versions.add(swap + 1);
        serves(&service, swap + 1).await;
        versions.remove(swap);
    }
    done.store(true, Ordering::Relaxed);
    let (mut answered, mut seen) = (0, BTreeSet::new());
    for client in clients {
        let versions = client.await.unwrap();
        assert!(versions.is_sorted(), "a newer version does not give way to an older one: {versions:?}");
        answered += versions.len();
        seen.extend(versions);
    }
    assert!(seen.len() > 10, "the swaps went by unseen: {seen:?}");
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"success\"}"), answered as f64);
    assert_eq!(metrics.get("predictions_total{model=\"m\",status=\"error\"}"), 0.0);
    assert_eq!(metrics.of("model_info{").count(), 1);
    assert!(metrics.get("model_reloads_total{model=\"m\",outcome=\"success\"}") > f64::from(SWAPS));
    assert_eq!(metrics.get("model_reloads_total{model=\"m\",outcome=\"failure\"}"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_does_not_load_replaces_nothing() {
    let versions = Versions::new("");
    versions.add(1);
    let service = serve(versions.path(), EAGER).await;
    versions.add_file(2, b"no model");
    let successful = "model_last_reload_successful{model=\"m\"}";
    service.metrics_until("version 2 fails", |metrics| metrics.get(successful) == 0.0).await;
    assert_eq!(version(&service, &input()).await, 1);
    let description = described(&service).await;
    assert_eq!((&description["state"], &description["version"]), (&json!("ready"), &json!("1")));
    assert!(description["error"].as_str().unwrap().contains("2/model.onnx"), "{description}");
    assert_eq!(service.get("/health/ready").await.status, 200);

    versions.remove(2);
    let metrics = service.metrics_until("it is gone", |metrics| metrics.get(successful) == 1.0).await;
    assert_eq!(metrics.get("model_reloads_total{model=\"m\",outcome=\"failure\"}"), 1.0, "it was tried once");
    assert_eq!(described(&service).await.get("error"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_stand_side_by_side_and_removing_one_rolls_back() {
    let versions = Versions::new("latest_versions = 2\n");
    for number in [1, 2, 3] {
        versions.add(number);
    }
    let service = serve(versions.path(), EAGER).await;
    assert_eq!(described(&service).await["versions"], json!(["3", "2"]));
    for (asked, found) in [("", 3), ("?version=3", 3), ("?version=2", 2)] {
        assert_eq!(version(&service, &input().query(asked)).await, found, "{asked}");
    }
    let refused = service.predict(&input().query("?version=1")).await;
    assert_eq!((refused.status, &refused.json()["code"]), (404, &json!("model_not_found")));
    assert!(refused.text.contains("3 and 2"), "{refused:?}");
    assert_eq!(service.get("/v2/models/m").await.json()["versions"], json!(["3", "2"]));

    versions.remove(3);
    serves(&service, 2).await;
    assert_eq!(version(&service, &input()).await, 2);
    assert_eq!(version(&service, &input().query("?version=1")).await, 1);
    let metrics = service.metrics().await;
    assert_eq!(metrics.of("model_info{").count(), 1, "only what serves is told of");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_come_and_go_and_change_their_labels() {
    let versions = Versions::new("default = true\n");
    versions.add(1);
    let service = serve(versions.path(), EAGER).await;
    let file = onnx::chain([1, 3], &["Flatten"]);
    add(versions.path(), "second", &model_toml([1, 3], r#"["x", "y", "z"]"#), &file);
    let loaded = "model_loaded{model=\"second\"}";
    service.metrics_until("it serves", |metrics| metrics.of(loaded).any(|(_, one)| one == 1.0)).await;
    let other = Sent::json(&json!({ "model": "second", "input": [0, 0, 1] }));
    let label = async || service.predict(&other).await.json()["predictions"][0]["label"].clone();
    assert_eq!(label().await, "z");

    add(versions.path(), "second", &model_toml([1, 3], r#"["x", "y", "new"]"#), &file);
    let renamed = async { while label().await != "new" {} };
    tokio::time::timeout(crate::service::PATIENCE, renamed).await.expect("the labels never changed");
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("prediction_classes_total{class=\"new\",model=\"second\"}"), 1.0);

    fs::remove_dir_all(versions.path().join("second")).unwrap();
    service.metrics_until("it is gone", |metrics| metrics.of(loaded).count() == 0).await;
    assert_eq!(service.predict(&other).await.status, 404);
    assert_eq!(version(&service, &Sent::json(&json!({ "input": [0, 0, 1] }))).await, 1, "the default stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_takes_long_to_load_keeps_no_other_from_serving() {
    let models = tempfile::tempdir().unwrap();
    let head = model_toml([1, 3], r#"["a", "b", "c"]"#);
    add(models.path(), "slow", &head, &onnx::chain([1, 3], &[&["Neg"; 12_000][..], &["Flatten"]].concat()));
    add(models.path(), "quick", &head, &onnx::chain([1, 3], &["Flatten"]));
    let process = Process::start(models.path(), &[]);
    let asked = Sent::json(&json!({ "model": "quick", "input": [0, 0, 1] }));
    let answered = async { while process.service.predict(&asked).await.status != 200 {} };
    tokio::time::timeout(PATIENCE, answered).await.expect("it never serves");
    let listed = process.service.get("/models").await.json();
    let states: Vec<_> =
        listed["models"].as_array().unwrap().iter().map(|model| (&model["name"], &model["state"])).collect();
    assert_eq!(states, [(&json!("quick"), &json!("ready")), (&json!("slow"), &json!("loading"))]);
}
