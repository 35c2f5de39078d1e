//! Models as scikit-learn and Hugging Face export them, out of the folder of cases beside the repository.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::repository::add;
use crate::sent::Sent;
use crate::service::serve;
use crate::tensors::engines;

/// A model `m` of this case; `None` where the cases are not there.
fn case(name: &str, model_toml: &str) -> Option<TempDir> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/models").join(name).join("model.onnx");
    let Ok(bytes) = fs::read(&file) else {
        eprintln!("SKIPPED: {} is not there, so {name} is not served", file.display());
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    add(folder.path(), "m", model_toml, &bytes);
    Some(folder)
}

/// Irises of the first and the last kind.
fn irises() -> Value {
    json!([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5], [5.9, 3.0, 4.2, 1.5]])
}

#[tokio::test(flavor = "multi_thread")]
async fn classifiers_of_scikit_learn_say_their_labels_and_probabilities() {
    let mut told = Vec::new();
    for name in ["sk_lr_nozip", "sk_lr_zipmap"] {
        let Some(models) = case(name, "task = \"classification\"\n") else { return };
        for flags in engines() {
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let service = serve(models.path(), &flags).await;
            let listed = service.get("/models").await.json()["models"][0].clone();
            assert_eq!(listed["scores"]["scale"], "probabilities", "{listed}");
            assert_eq!(listed["scores"]["decided_by"], "graph");
            assert_eq!(listed["labels"], json!(["0", "1", "2"]));
            let asked = json!({ "model": "m", "inputs": irises(), "top_k": 3 });
            let answer = service.predict(&Sent::json(&asked)).await;
            assert_eq!(answer.status, 200, "{name} {flags:?} {answer:?}");
            let predictions = answer.json()["predictions"].clone();
            let labels: Vec<&str> = (0..3).map(|item| predictions[item]["label"].as_str().unwrap()).collect();
            assert_eq!(labels, ["0", "2", "1"], "{predictions}");

            let input = json!({ "name": "X", "datatype": "FP32", "shape": [3, 4], "data": irises() });
            let rows = service.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": [input] }))).await.json();
            let outputs = &rows["outputs"];
            assert_eq!((&outputs[0]["datatype"], &outputs[0]["data"]), (&json!("INT64"), &json!([0, 2, 1])), "{rows}");
            assert_eq!(outputs[1]["shape"], json!([3, 3]), "{rows}");
            for item in 0..3 {
                for score in predictions[item]["top"].as_array().unwrap() {
                    let class = score["class"].as_u64().unwrap() as usize;
                    let own = outputs[1]["data"][item * 3 + class].as_f64().unwrap();
                    assert!((score["confidence"].as_f64().unwrap() - own).abs() < 1e-6, "{predictions} {rows}");
                }
            }
            told.push(predictions);
        }
    }
    for predictions in &told {
        for item in 0..3 {
            let [one, other] = [predictions, &told[0]].map(|all| all[item]["confidence"].as_f64().unwrap());
            assert!((one - other).abs() < 1e-5, "with maps and without, and in each engine: {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_are_tensors_for_a_raw_model() {
    let Some(models) = case("sk_lr_zipmap", "task = \"raw\"\n") else { return };
    for flags in engines() {
        let service = serve(models.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let input = json!({ "name": "X", "datatype": "FP32", "shape": [3, 4], "data": irises() });
        let answer = service.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": [input] }))).await;
        let output = answer.json()["outputs"][1].clone();
        assert_eq!((&output["name"], &output["shape"]), (&json!("output_probability"), &json!([3, 3])), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_of_texts_takes_any_length() {
    let Some(models) = case("hf_text_cls", "task = \"classification\"\nlabels = [\"bad\", \"good\"]\n") else { return };
    for flags in engines() {
        let service = serve(models.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for length in [1, 4, 7] {
            let row: Vec<i64> = (0..length).map(|place| place % 5).collect();
            let tensor = |name: &str, row: &[i64]| json!({ "name": name, "datatype": "INT64", "shape": [2, length], "data": [row, row] });
            let inputs = [tensor("input_ids", &row), tensor("attention_mask", &vec![1; row.len()])];
            let classes = json!([{ "name": "logits", "parameters": { "classification": 2 } }]);
            let plain = service.post("/v2/models/m/infer", &Sent::json(&json!({ "inputs": inputs }))).await;
            assert_eq!(plain.status, 200, "{length} {flags:?} {plain:?}");
            assert_eq!(plain.json()["outputs"][0]["shape"], json!([2, 2]));
            let asked = json!({ "inputs": inputs, "outputs": classes });
            let told = service.post("/v2/models/m/infer", &Sent::json(&asked)).await.json();
            let logits = plain.json()["outputs"][0]["data"].clone();
            let [bad, good] = [0, 1].map(|class| logits[class].as_f64().unwrap());
            let best = 1.0 / (1.0 + (-(bad - good).abs()).exp());
            let text = told["outputs"][0]["data"][0].as_str().unwrap();
            let confidence: f64 = text.split(':').next().unwrap().parse().unwrap();
            assert!((confidence - best).abs() < 1e-5, "{text} {best}");
            assert!(text.ends_with(if good > bad { ":good" } else { ":bad" }), "{text} {logits}");
        }
    }
}
