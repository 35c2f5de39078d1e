//! Models that answer an item otherwise when another runs beside it: they never run together.

use serde_json::json;
use testkit::{HttpRequest, Service, alone};

use crate::shelf::{NamedEngine, ScratchRepository, assert_near, cases, infer, numbers, tensor};

const WHAT: &str = "the models that look across a batch";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_depend_on_what_else_is_asked() {
    let _alone = alone().await;
    let Some(folder) = cases(WHAT) else { return };
    let repository = ScratchRepository::new();
    let waits = "task = \"raw\"\n[batching]\nmax_delay_ms = 100\n";
    repository.add("text", &folder.join("models/batch_models/text_int8dyn"), waits);
    let classifies = "task = \"classification\"\n[batching]\nmax_delay_ms = 100\n";
    repository.add("linear", &folder.join("models/batch_models/linear784_int8dyn"), classifies);
    for engine in NamedEngine::all(WHAT) {
        let service = engine.launch().models(repository.path()).start().await;
        let right = [-2.569_551, 3.211_939, -3.174_151, -2.229_463];
        let ids = |ids: [i64; 4]| tensor("ids", "INT64", &[1, 4], &json!(ids));
        let alone = infer(&service, "text", &[ids([1, 2, 3, 4])]).await.unwrap();
        assert_near(&numbers(&alone, "y"), &right, engine.name);

        let address = service.address;
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..16 {
            let input = if number % 2 == 0 { ids([1, 2, 3, 4]) } else { ids([0, 0, 0, 0]) };
            let body = json!({"id": number.to_string(), "inputs": [input]}).to_string();
            let request = HttpRequest::post("/v2/models/text/infer", body).header("content-type", "application/json");
            asked.spawn(async move { request.send(address).await.unwrap().json() });
        }
        for answer in asked.join_all().await {
            let is_first = answer["id"].as_str().unwrap().parse::<u32>().unwrap() % 2 == 0;
            let right = if is_first { right } else { [4.987_952, 0.604_600, -1.360_351, -1.209_201] };
            assert_near(&numbers(&answer, "y"), &right, engine.name);
        }
        rows_are_classified_as_if_alone(&service, engine.name).await;
    }
}

/// Rows of small numbers keep their classes beside rows of large ones, by which a batch would be scaled.
async fn rows_are_classified_as_if_alone(service: &Service, engine: &str) {
    let small: Vec<f32> = (0..784).map(|place| (place % 7) as f32 / 7.0).collect();
    let large: Vec<f32> = (0..784).map(|place| (place % 5) as f32 * 100.0 - 200.0).collect();
    let address = service.address;
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (row, label, confidence) = if number % 2 == 0 { (&small, "8", 0.791_198) } else { (&large, "3", 1.0) };
        let body = json!({"model": "linear", "inputs": [row]}).to_string();
        let request = HttpRequest::post("/predict", body).header("content-type", "application/json");
        asked.spawn(async move { (request.send(address).await.unwrap(), label, confidence) });
    }
    for (answer, label, confidence) in asked.join_all().await {
        assert_eq!(answer.status, 200, "{engine}: {}", answer.text());
        let prediction = &answer.json()["predictions"][0];
        assert_eq!(prediction["label"], label, "{engine}");
        assert_near(&[prediction["confidence"].as_f64().unwrap()], &[confidence], engine);
    }
}
