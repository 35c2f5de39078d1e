//! The description names every route, its examples work, and the answers are as it describes them.

use serde_json::{Value, json};

use crate::described::differences;
use crate::description::{assert_complete, assert_in_the_docs, examples};
use crate::service::fresh;
use crate::store_support::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_tells_of_every_route_and_of_no_other() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let document = service.get("/openapi.json").await.json();
    assert_complete(&document, &service.get("/metrics").await.text);
    assert_in_the_docs(&document, "logging");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered_as_described() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let document = service.get("/openapi.json").await.json();
    let mut examples = examples(&document);
    // The others are about the predictions of this one.
    // What one takes back, another asks for.
    examples.sort_by_key(|example| (example.path != "/log", example.method != "DELETE"));
    assert!(examples.iter().filter(|example| example.body.is_some()).count() >= 8, "{examples:?}");
    for example in examples {
        let answer = service.ask(&example.method, &example.path, example.body.clone()).await;
        let content_type = answer.header("content-type").unwrap().split(';').next().unwrap();
        // What has no content of its own leads to a page.
        let is_led = example.answers.is_empty() && content_type == "text/html";
        let is_described = is_led || example.answers.iter().any(|it| it == content_type);
        assert!(answer.status == 200 && is_described, "{example:?}: {answer:?}");
        if content_type == "application/json" {
            let schema = answer_schema(&document, &example.method, &example.path, "200");
            assert_eq!(differences(&document, schema, &answer.json()), Vec::<String>::new(), "{example:?}");
        }
    }
    service.stop().await;
}

/// Answers with as many members as they can have.
#[tokio::test(flavor = "multi_thread")]
async fn full_answers_and_refusals_are_as_described() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let document = service.get("/openapi.json").await.json();
    let (sha256, span) = ("3c".repeat(32), "0af7651916cd43dd");
    let input = json!({
        "width": 32, "height": 32, "brightness": 0.5, "contrast": 0.2, "sharpness": 0.01, "mean": [0.5], "std": [0.2],
    });
    let record = |request: u32| {
        json!({
            "request_id": request.to_string(), "model": "m", "version": "1", "model_sha256": sha256, "variant": "canary",
            "label": "cat", "class": 3, "confidence": 0.9, "top": [{ "label": "cat", "class": 3, "confidence": 0.9 }],
            "latency_seconds": 0.1, "decode_seconds": 0.1, "queue_seconds": 0.1, "inference_seconds": 0.1,
            "trace_id": span.repeat(2), "span_id": span, "input_sha256": sha256, "input": input, "schema_version": 3,
        })
    };
    service.store(&(0..60).map(record).collect::<Vec<_>>()).await;
    service.store(&[json!({ "model": "m", "status": "error", "error_type": "internal" })]).await;
    let labels: Vec<Value> = (0..50).map(|i| json!({ "request_id": i.to_string(), "label": "cat" })).collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    assert_eq!(service.post("/drift/reference", &json!({ "model": "m" })).await.status, 200);
    for (path, status) in [
        ("/predictions?limit=10", "200"),
        ("/stats?window=1h&interval=30m", "200"),
        ("/drift?model=m", "200"),
        ("/quality?model=m", "200"),
        ("/drift/reference", "200"),
        ("/health", "200"),
        ("/predictions?limit=0", "400"),
        ("/drift?modle=m", "400"),
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.status.to_string(), status, "{path}: {answer:?}");
        let schema = answer_schema(&document, "GET", path, status);
        assert_eq!(differences(&document, schema, &answer.json()), Vec::<String>::new(), "{path}");
    }
    service.stop().await;
}

/// The schema of an answer in JSON; a path without a route of its own is that of one model or of one prediction.
fn answer_schema<'a>(document: &'a Value, method: &str, path: &str, status: &str) -> &'a Value {
    let path = path.split('?').next().unwrap();
    let of_one = if path.starts_with("/models/") { "/models/{model}" } else { "/predictions/{event_id}" };
    let operations = document["paths"].get(path).unwrap_or(&document["paths"][of_one]);
    &operations[method.to_lowercase()]["responses"][status]["content"]["application/json"]["schema"]
}

/// A client generator needs to know what an array holds.
#[tokio::test(flavor = "multi_thread")]
async fn every_array_says_what_it_holds() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let document = service.get("/openapi.json").await.json();
    assert_eq!(arrays_without_items(&document, ""), Vec::<String>::new());
    service.stop().await;
}

fn arrays_without_items(value: &Value, place: &str) -> Vec<String> {
    let is_array = |value: &Value| {
        value["type"] == "array" || value["type"].as_array().is_some_and(|all| all.contains(&"array".into()))
    };
    match value {
        Value::Object(members) => {
            let own = (is_array(value) && value.get("items").is_none()).then(|| place.to_owned());
            let inner =
                members.iter().flat_map(|(name, member)| arrays_without_items(member, &format!("{place}/{name}")));
            own.into_iter().chain(inner).collect()
        }
        Value::Array(elements) => elements.iter().flat_map(|element| arrays_without_items(element, place)).collect(),
        _ => Vec::new(),
    }
}
