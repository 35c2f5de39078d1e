//! Segments: predictions by their tags, and quality and drift of the declared ones.

use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    predictions_are_found_by_their_tags,
    a_segment_has_its_own_quality_and_drift,
    what_is_not_declared_or_not_one_tag_is_refused,
    a_label_that_is_revised_moves_in_its_segment_as_well,
    a_label_counts_in_the_segments_of_its_prediction,
}

/// A prediction of `loans` with its region, of which the model is right or wrong.
fn prediction(number: usize, region: &str, label: &str) -> Value {
    json!({
        "model": "loans", "label": label, "confidence": 0.75, "request_id": format!("{region}-{number}"),
        "features": { "age": 20 + number % 40 }, "tags": { "region": region, "user": number.to_string() },
    })
}

async fn declare(service: &RunningService) {
    let tags = json!({ "tags": { "region": ["eu", "us"] } });
    assert_eq!(service.put("/models/loans", &tags).await.status, 200);
}

async fn predictions_are_found_by_their_tags(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let rows = [prediction(1, "eu", "yes"), prediction(2, "us", "yes"), prediction(3, "eu", "no")];
    service.store(&rows).await;
    assert_eq!(service.predictions("?tag.region=eu").await.len(), 2);
    assert_eq!(service.predictions("?tag.region=eu&tag.user=3").await.len(), 1);
    assert_eq!(service.predictions("?tag.region=eu&label=yes&model=loans").await.len(), 1);
    assert_eq!(service.predictions("?tag.region=mars").await.len(), 0);
    let stats = service.get("/stats?tag.region=us").await.json();
    assert_eq!(stats["total"]["predictions"], json!(1), "{stats}");
    assert_eq!(service.get("/export?format=csv&tag.region=eu").await.text.lines().count(), 3);
    service.stop().await;
}

async fn a_segment_has_its_own_quality_and_drift(fixture: Fixture) {
    let service = fresh(&fixture, &["--evaluate-seconds", "0.05"]).await;
    declare(&service).await;
    let rows = |count: usize, region: &'static str| (0..count).map(move |number| prediction(number, region, "yes"));
    service.store(&rows(30, "eu").chain(rows(10, "us")).chain(rows(5, "mars")).collect::<Vec<_>>()).await;
    assert_eq!(service.post("/drift/reference", &json!({ "model": "loans" })).await.status, 200);
    let truth = |count: usize, region: &'static str, label: &'static str| {
        (0..count).map(move |number| json!({ "request_id": format!("{region}-{number}"), "label": label }))
    };
    let labels: Vec<Value> = truth(30, "eu", "yes").chain(truth(10, "us", "no")).collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);

    let by = service.get("/quality?by=tag.region").await.json();
    let found: Vec<(&str, u64, f64)> = by["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let quality = &one["quality"];
            let value = one["segment"]["value"].as_str().unwrap();
            (value, quality["predictions"].as_u64().unwrap(), quality["accuracy"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(found, [("eu", 30, 1.0), ("us", 10, 0.0)]);
    let one = service.get("/quality?model=loans&tag.region=us").await.json();
    assert_eq!(one["models"][0]["segment"], json!({ "tag": "region", "value": "us" }));
    let whole = service.get("/quality?model=loans").await.json();
    assert_eq!(whole["models"][0]["quality"]["accuracy"], json!(0.75));
    assert!(whole["models"][0].get("segment").is_none());
    let drift = service.get("/drift?by=tag.region").await.json();
    assert_eq!(drift["models"][1]["drift"]["samples"], json!(10), "{drift}");

    let accuracy = "logging_segment_accuracy{model=\"loans\",tag=\"region\",value=\"us\",window=\"24h\"}";
    service.metrics_until("the segment is in the metrics", |m| m.find(accuracy) == Some(0.0)).await;
    let metrics = service.metrics().await;
    let predictions = |value: &str| {
        format!("logging_segment_predictions{{model=\"loans\",tag=\"region\",value=\"{value}\",window=\"24h\"}}")
    };
    assert_eq!(metrics.find(&predictions("eu")), Some(30.0));
    assert_eq!(metrics.find(&predictions("mars")), None, "only what is declared is counted");
    service.stop().await;
}

async fn what_is_not_declared_or_not_one_tag_is_refused(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    declare(&service).await;
    for (query, says) in [
        ("tag.region=mars", "no model declares"),
        ("by=tag.user", "no model declares"),
        ("by=region", "by=tag.region"),
        ("tag.region=eu&tag.user=1", "one tag at a time"),
        ("tag.region=eu&by=tag.region", "one tag at a time"),
        ("tag.region=eu&tag.region=us", "stands twice"),
        ("tag.=eu", "letters"),
    ] {
        let answer = service.get(&format!("/quality?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.text.contains(says), "{query}: {answer:?}");
    }
    assert_eq!(service.get("/predictions?tag.a%20b=1").await.status, 400);
    service.stop().await;
}

async fn a_label_that_is_revised_moves_in_its_segment_as_well(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    declare(&service).await;
    service.store(&[prediction(1, "eu", "yes")]).await;
    for (revision, label, accuracy) in [(1, "no", 0.0), (2, "yes", 1.0)] {
        let label = json!({ "request_id": "eu-1", "label": label, "revision": revision });
        assert_eq!(service.post("/feedback", &label).await.status, 200);
        let quality = service.get("/quality?tag.region=eu").await.json()["models"][0]["quality"].clone();
        assert_eq!((&quality["labelled"], &quality["accuracy"]), (&json!(1), &json!(accuracy)));
    }
    service.stop().await;
}

/// Segments may be declared and taken back at any time between a prediction and its label.
async fn a_label_counts_in_the_segments_of_its_prediction(fixture: Fixture) {
    enum Step {
        Declare(&'static [&'static str]),
        Predict,
        Label(&'static str),
    }
    use Step::{Declare, Label, Predict};
    const EU: &[&str] = &["eu"];
    const US: &[&str] = &["us"];
    let service = fresh(&fixture, &[]).await;
    let cases: [(&[Step], [u64; 2]); 7] = [
        (&[Predict, Declare(EU), Label("a")], [0, 0]),
        (&[Label("a"), Predict, Declare(EU), Label("b")], [0, 0]),
        (&[Predict, Label("a"), Declare(EU), Label("b"), Declare(US), Label("a")], [0, 0]),
        (&[Declare(EU), Predict, Label("b"), Declare(US), Label("a"), Declare(EU)], [1, 1]),
        (&[Declare(EU), Predict, Declare(US), Label("a"), Declare(EU)], [1, 1]),
        (&[Declare(US), Predict, Declare(EU), Label("a"), Predict, Label("b"), Label("a")], [1, 1]),
        (&[Declare(EU), Label("a"), Predict, Predict], [2, 2]),
    ];
    for (number, (steps, expected)) in cases.iter().enumerate() {
        let model = format!("m{number}");
        for (revision, step) in steps.iter().enumerate() {
            let answer = match step {
                Declare(values) => {
                    service.put(&format!("/models/{model}"), &json!({ "tags": { "region": values } })).await
                }
                Predict => {
                    let tags = json!({ "region": "eu" });
                    service
                        .post("/log", &json!({ "model": model, "label": "a", "request_id": model, "tags": tags }))
                        .await
                }
                Label(label) => {
                    let label = json!({ "request_id": model, "label": label, "revision": revision });
                    service.post("/feedback", &label).await
                }
            };
            assert_eq!(answer.status, 200, "{model}: {answer:?}");
        }
        // Whatever came before its prediction is counted after the next label, without waiting for a look.
        let last = json!({ "request_id": model, "label": "a", "revision": 100 });
        assert_eq!(service.post("/feedback", &last).await.status, 200);
        if !matches!(steps.last(), Some(Declare(EU))) {
            let answer = service.put(&format!("/models/{model}"), &json!({ "tags": { "region": EU } })).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let answer = service.get(&format!("/quality?model={model}&tag.region=eu")).await.json();
        let quality = &answer["models"][0]["quality"];
        let count = |name: &str| quality[name].as_u64().unwrap_or_default();
        assert_eq!([count("predictions"), count("labelled")], *expected, "{model}: {answer}");
        assert_eq!(quality["accuracy"].as_f64().unwrap_or(1.0), 1.0, "{model}: {answer}");
    }
    service.stop().await;
}
