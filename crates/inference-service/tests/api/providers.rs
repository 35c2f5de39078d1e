//! Execution providers that a model asks for: what is not there is told of everywhere, and the model serves nevertheless.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use testkit::pypi;

use crate::onnx::{Element, graph};
use crate::process::Process;
use crate::repository::{add, shipped};
use crate::sent::Sent;
use crate::service::{Service, serve};

const EAGER: [&str; 2] = ["--model-poll-seconds", "0.01"];

/// Adds a model that gives each number with the opposite sign.
fn add_asking(folder: &Path, name: &str, providers: &str) {
    let shape = &[None, Some(2)];
    let file = graph(&[("x", Element::Float32, shape)], &[("Neg", &["x"], "y")], &[("y", Element::Float32, shape)]);
    add(folder, name, &format!("task = \"raw\"\n{providers}\n"), &file);
}

async fn described(service: &Service, name: &str) -> Value {
    let models = service.get("/models").await.json();
    models["models"].as_array().unwrap().iter().find(|model| model["name"] == name).unwrap().clone()
}

async fn answers(service: &Service, name: &str) {
    let sent = Sent::json(&json!({ "model": name, "input": [[1, -2]] }));
    let answer = service.predict(&sent).await;
    assert_eq!(
        (answer.status, &answer.json()["predictions"][0]["outputs"]["y"]["data"]),
        (200, &json!([-1.0, 2.0])),
        "{answer:?}"
    );
}

fn missing(name: &str, provider: &str) -> String {
    format!("model_provider_missing{{model=\"{name}\",provider=\"{provider}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_accelerator_the_cpu_serves_and_everything_says_so() {
    let Some(library) = pypi::onnxruntime("whether a model does without an accelerator") else { return };
    let folder = tempfile::tempdir().unwrap();
    add_asking(folder.path(), "fast", "providers = [\"cuda\", \"openvino\", \"cpu\"]");
    add_asking(folder.path(), "plain", "");
    add_asking(folder.path(), "misnamed", "providers = [\"gpu\"]");
    let flags = [&["--engine", "onnxruntime", "--onnxruntime-library", library.to_str().unwrap()][..], &EAGER].concat();
    let service = serve(folder.path(), &flags).await;
    answers(&service, "fast").await;
    let fast = described(&service, "fast").await;
    assert_eq!((&fast["engine"], &fast["providers"]), (&json!("onnxruntime"), &json!(["cpu"])));
    for (listed, (provider, package)) in fast["providers_missing"]
        .as_array()
        .unwrap()
        .iter()
        .zip([("cuda", "onnxruntime-gpu"), ("openvino", "onnxruntime-openvino")])
    {
        assert_eq!(listed["provider"], provider);
        assert_eq!(listed["reason"], "the library of ONNX Runtime has only cpu");
        let remedy = listed["remedy"].as_str().unwrap();
        assert!(remedy.contains("--onnxruntime-library") && remedy.contains(package), "{remedy}");
    }
    let plain = described(&service, "plain").await;
    assert_eq!((&plain["providers"], plain.get("providers_missing")), (&json!(["cpu"]), None));
    let misnamed = described(&service, "misnamed").await;
    let error = misnamed["error"].as_str().unwrap();
    for expected in ["`gpu`", "providers", "`cuda`", "`tensorrt`", "`openvino`", "`cpu`"] {
        assert!(error.contains(expected), "{error}");
    }
    let metrics = service.metrics().await;
    for (name, expected) in [("fast", [1.0, 0.0, 1.0]), ("plain", [0.0; 3]), ("misnamed", [0.0; 3])] {
        let found = ["cuda", "tensorrt", "openvino"].map(|provider| metrics.get(&missing(name, provider)));
        assert_eq!(found, expected, "{name}");
    }

    add_asking(folder.path(), "fast", "providers = [\"openvino\"]");
    let cuda = missing("fast", "cuda");
    service.metrics_until("it asks for less", |metrics| metrics.get(&cuda) == 0.0).await;
    assert_eq!(service.metrics().await.get(&missing("fast", "openvino")), 1.0);
    fs::remove_dir_all(folder.path().join("fast")).unwrap();
    service.metrics_until("the model is gone", |metrics| metrics.of(&cuda).next().is_none()).await;
    service.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tract_has_no_accelerator() {
    let folder = tempfile::tempdir().unwrap();
    add_asking(folder.path(), "fast", "providers = [\"cuda\", \"cpu\"]");
    let service = serve(folder.path(), &[]).await;
    answers(&service, "fast").await;
    let fast = described(&service, "fast").await;
    assert_eq!((&fast["engine"], &fast["providers"]), (&json!("tract"), &json!(["cpu"])));
    assert!(fast["providers_missing"][0]["reason"].as_str().unwrap().contains("tract"), "{fast}");
    assert_eq!(service.metrics().await.get(&missing("fast", "cuda")), 1.0);
    service.stopped().await;
}

#[test]
fn the_log_warns_of_each_accelerator_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    add_asking(folder.path(), "fast", "providers = [\"tensorrt\", \"cpu\"]");
    add_asking(folder.path(), "plain", "providers = [\"cpu\"]");
    let process = Process::start(folder.path(), &[]);
    let loaded = |name: &'static str| move |line: &Value| line["message"] == "model_loaded" && line["model"] == name;
    for name in ["fast", "plain"] {
        assert_eq!(process.log.wait_for(name, loaded(name))["providers"], "cpu");
    }
    let warns = |line: &Value| line["message"] == "model_provider_missing";
    let warning = process.log.wait_for("a warning", warns);
    assert_eq!(
        (&warning["level"], &warning["model"], &warning["model_version"]),
        (&json!("WARN"), &json!("fast"), &json!("1"))
    );
    assert_eq!((&warning["provider"], &warning["providers"]), (&json!("tensorrt"), &json!("cpu")));
    for field in ["reason", "remedy"] {
        assert!(warning[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {warning}");
    }
    assert_eq!(process.log.count(warns), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accelerator_that_is_there_runs_the_model() {
    let Some(library) = pypi::onnxruntime_with_openvino("whether a model runs on an accelerator") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (toml, file) = (shipped().join("surface/model.toml"), shipped().join("surface/1/model.onnx"));
    let (toml, file) = (fs::read_to_string(toml).unwrap(), fs::read(file).unwrap());
    for (name, providers) in [("fast", "providers = [\"cuda\", \"openvino\", \"cpu\"]\n"), ("plain", "")] {
        add(folder.path(), name, &format!("{providers}{toml}"), &file);
        fs::copy(shipped().join("surface/labels.txt"), folder.path().join(name).join("labels.txt")).unwrap();
    }
    let flags = ["--engine", "onnxruntime", "--onnxruntime-library", library.to_str().unwrap()];
    let process = Process::start(folder.path(), &flags);
    let service = &process.service;
    service.ready().await;
    let fast = described(service, "fast").await;
    assert_eq!(fast["providers"], json!(["openvino", "cpu"]));
    assert_eq!(fast["providers_missing"][0]["provider"], "cuda");
    assert_eq!(fast["providers_missing"][0]["reason"], "the library of ONNX Runtime has only openvino, cpu");
    assert_eq!(described(service, "plain").await["providers"], json!(["cpu"]));
    let metrics = service.metrics().await;
    assert_eq!([metrics.get(&missing("fast", "openvino")), metrics.get(&missing("fast", "cuda"))], [0.0, 1.0]);
    let pixels: Vec<f64> = (0..64 * 64).map(|pixel| f64::from(pixel % 17) / 8.0 - 1.0).collect();
    let confidences = async |name: &str| -> Vec<f64> {
        let sent = Sent::json(&json!({ "model": name, "input": pixels, "top_k": 5 }));
        let answer = service.predict(&sent).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut classes = answer.json()["predictions"][0]["top"].as_array().unwrap().clone();
        classes.sort_by_key(|class| class["label"].as_str().unwrap().to_owned());
        classes.iter().map(|class| class["confidence"].as_f64().unwrap()).collect()
    };
    let (fast, plain) = (confidences("fast").await, confidences("plain").await);
    assert_eq!(plain.len(), 5);
    let differs = fast.iter().zip(&plain).any(|(fast, plain)| (fast - plain).abs() > 1e-3);
    assert!(!differs, "{fast:?} is not {plain:?}");
}
