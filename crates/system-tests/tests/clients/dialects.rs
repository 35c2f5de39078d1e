//! MLflow's, KServe's, TensorFlow Serving's and SageMaker's ways to ask, with models that MLflow saved.
//!
//! Rule of thumb: `mlflow/golden.json` has what `mlflow models serve` answered; `mlflow/record.py` made it and the models.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use reqwest::Client;
use serde_json::{Value, json};
use testkit::{Launch, Service, alone, pypi, root};

use crate::others::KSERVE;

/// Numbers differ by less than this from those of another build of ONNX Runtime, relative to 1 where they are smaller.
const TOLERANCE: f64 = 1e-5;
/// Parts of bodies that have too much or too little, or a text for a number.
const REFUSED: [&str; 3] = ["]], \"instances\"", "\"long\"", "[{\"sepal_length\": 1.0}]"];

fn models() -> PathBuf {
    root().join("crates/system-tests/tests/clients/mlflow")
}

async fn service() -> Service {
    Launch::inference().models(&models()).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_mlflow_saved_answers_as_with_mlflow() {
    let _alone = alone().await;
    let service = service().await;
    monitoring::use_ring();
    let client = Client::builder().no_proxy().build().unwrap();
    let mut answered = 0;
    for recorded in recorded() {
        let text = |member: &str| recorded[member].as_str().unwrap().to_owned();
        let (url, body) = (format!("http://{}/invocations", service.address), text("body"));
        let request = client.post(url).header("content-type", text("content_type")).header("x-model", text("model"));
        let response = request.body(body.clone()).send().await.unwrap();
        let found = u64::from(response.status().as_u16());
        let told: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let place = format!("{recorded}\n{told}");
        match recorded["status"].as_u64().unwrap() {
            200 => {
                assert!(found == 200 && is_same(&told, &recorded["answer"]), "{place}");
                answered += 1;
            }
            // What MLflow refuses though it is clear, such as lists of numbers for a model of columns, is answered here.
            400 if found == 200 => {
                assert!(
                    ["\"data\": [[", "inputs", "instances", "sepal_length,"].iter().any(|it| body.contains(it)),
                    "{place}"
                );
                assert!(REFUSED.iter().all(|part| !body.contains(part)), "{place}");
            }
            status => {
                assert_eq!(found, status, "{place}");
                assert!(told["error"] == told["message"] && told["error_code"].is_string(), "{place}");
            }
        }
    }
    assert!(answered >= 25, "{answered}");
    let url = format!("http://{}/models", service.address);
    let listed: Value = serde_json::from_str(&client.get(url).send().await.unwrap().text().await.unwrap()).unwrap();
    let task = |model: &Value| format!("{} {}", model["name"].as_str().unwrap(), model["task"].as_str().unwrap());
    let tasks: Vec<String> = listed["models"].as_array().unwrap().iter().map(task).collect();
    assert_eq!(tasks, ["half_plus_three raw", "iris classification", "tensors classification", "width regression"]);
}

fn recorded() -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(models().join("golden.json")).unwrap()).unwrap()
}

/// The same but for rounding; members in the same order.
fn is_same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
        }
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| is_same(found, expected))
        }
        (Value::Object(found), Value::Object(expected)) => {
            found.len() == expected.len()
                && found
                    .iter()
                    .zip(expected)
                    .all(|((name, found), (other, expected))| name == other && is_same(found, expected))
        }
        _ => found == expected,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_kserve_over_its_first_protocol() {
    let _alone = alone().await;
    let Some(python) = pypi::python(KSERVE, "the client of KServe") else { return };
    let service = service().await;
    let script = root().join("crates/system-tests/tests/clients/kserve_v1.py");
    let output = Command::new(&python).arg(script).arg(service.address.to_string()).output().unwrap();
    let (printed, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{problem}");
    let answered: u64 = printed.trim().parse().unwrap();
    assert_eq!(service.metrics().await.count("predictions_total", &[("status", "success")]), answered);
}

/// The lines of TensorFlow Serving's page on its REST API, and of SageMaker's example of a container, at this address.
#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_other_documentations() {
    let _alone = alone().await;
    let service = service().await;
    let curl = |arguments: &[&str], path: &str| {
        let url = format!("http://{}{path}", service.address);
        let output = Command::new("curl").arg("-s").args(arguments).arg(url).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let three = r#"{"instances": [1.0,2.0,5.0]}"#;
    let predicted = json(curl(&["-d", three, "-X", "POST"], "/v1/models/half_plus_three:predict"));
    assert_eq!(predicted, json!({ "predictions": [3.5, 4.0, 5.5] }));
    let status = json(curl(&[], "/v1/models/half_plus_three"));
    let version = &status["model_version_status"][0];
    assert_eq!((&version["state"], &version["status"]["error_code"]), (&json!("AVAILABLE"), &json!("OK")));
    let refused = curl(&["-w", "%{http_code}", "-d", three, "-X", "POST"], "/v1/models/half:predict");
    assert!(refused.ends_with("404") && refused.contains("\"error\""), "{refused}");

    assert_eq!(curl(&["-w", "%{http_code}"], "/ping"), "\n200");
    let payload = "5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n";
    let csv = ["--data-binary", payload, "-H", "Content-Type: text/csv", "-H", "X-Model: iris"];
    let labels: Vec<Value> = json(curl(&csv, "/invocations"))["predictions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["output_label"].clone())
        .collect();
    assert_eq!(labels, [json!(0), json!(2)]);
}
