//! Predictions without a confidence take part in no figure that stands on confidences, and in all others.

use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    figures_of_confidences_stand_on_those_that_there_are,
    senders_that_must_write_a_confidence_may_say_that_they_know_none,
}

/// A figure of `/quality`, by its path, and its value with and without the predictions that have a confidence.
struct Figure {
    path: &'static str,
    with: Value,
    without: Value,
}

/// Four predictions with confidences, of which three are right, and four without, of which one is right.
fn rows(model: &str, which: &str) -> Vec<Value> {
    let known = [("no", 0.75), ("yes", 0.75), ("no", 0.75), ("yes", 0.75)];
    let known = known.into_iter().enumerate().map(|(row, (label, confidence))| {
        json!({ "model": model, "label": label, "confidence": confidence, "request_id": "known", "row_index": row })
    });
    let unknown =
        (0..4).map(|row| json!({ "model": model, "label": "yes", "request_id": "unknown", "row_index": row }));
    match which {
        "both" => known.chain(unknown).collect(),
        _ => unknown.collect(),
    }
}

fn labels(model: &str) -> Vec<Value> {
    let truths = ["no", "yes", "no", "no"].into_iter().enumerate().map(|(row, label)| ("known", row, label));
    let others = ["yes", "no", "no", "no"].into_iter().enumerate().map(|(row, label)| ("unknown", row, label));
    let label =
        |(request, row, label)| json!({ "model": model, "request_id": request, "row_index": row, "label": label });
    truths.chain(others).map(label).collect()
}

fn figures() -> Vec<Figure> {
    let loss = -(3.0 * 0.75_f64.ln() + 0.25_f64.ln()) / 4.0;
    let brier = (3.0 * 0.25_f64.powi(2) + 0.75_f64.powi(2)) / 4.0;
    let absent = || Value::Null;
    let figure = |path, with: Value, without: Value| Figure { path, with, without };
    vec![
        figure("/predictions", json!(8), json!(4)),
        figure("/labelled", json!(8), json!(4)),
        figure("/coverage", json!(1.0), json!(1.0)),
        figure("/accuracy", json!(0.5), json!(0.25)),
        // All of the confidences are 0.75, and three quarters of them are right.
        figure("/calibration_error", json!(0.0), absent()),
        figure("/calibration_samples", json!(4), absent()),
        figure("/expected_accuracy", json!(0.75), absent()),
        figure("/calibrated_by", json!("none"), absent()),
        figure("/log_loss", json!(loss), absent()),
        figure("/binary/samples", json!(4), absent()),
        figure("/binary/auc", json!(5.0 / 6.0), absent()),
        figure("/binary/brier", json!(brier), absent()),
    ]
}

fn assert_is(found: Option<&Value>, expected: &Value, what: &str) {
    let found = found.cloned().unwrap_or_default();
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{what}: {found}, not {expected}"),
        _ => assert_eq!(&found, expected, "{what}"),
    }
}

async fn quality(service: &RunningService, model: &str) -> Value {
    service.get(&format!("/quality?model={model}&window=1h")).await.json()["models"][0]["quality"].clone()
}

async fn figures_of_confidences_stand_on_those_that_there_are(fixture: Fixture) {
    let service = fresh(&fixture, &["--evaluate-seconds", "0.05"]).await;
    for model in ["both", "none"] {
        assert_eq!(service.put(&format!("/models/{model}"), &json!({ "labels": ["no", "yes"] })).await.status, 200);
        service.store(&rows(model, model)).await;
        assert_eq!(service.post("/feedback", &json!(labels(model))).await.status, 200);
    }
    let (both, none) = (quality(&service, "both").await, quality(&service, "none").await);
    for Figure { path, with, without } in figures() {
        assert_is(both.pointer(path), &with, &format!("{path} with confidences: {both}"));
        assert_is(none.pointer(path), &without, &format!("{path} without: {none}"));
    }
    let stats = service.get("/stats").await.json();
    assert_eq!(stats["models"]["both"]["mean_confidence"], json!(0.75), "{stats}");
    assert_eq!(stats["models"]["none"]["mean_confidence"], Value::Null, "{stats}");
    // A filter by confidence finds only what has one.
    assert_eq!(service.predictions("?min_confidence=0").await.len(), 4);
    assert_eq!(service.predictions("?max_confidence=1").await.len(), 4);

    let labelled = |model: &str| format!("logging_labelled_predictions{{model=\"{model}\",window=\"1h\"}}");
    service
        .metrics_until("both are evaluated", |metrics| {
            metrics.find(&labelled("both")) == Some(8.0) && metrics.find(&labelled("none")) == Some(4.0)
        })
        .await;
    let metrics = service.metrics().await;
    for name in ["calibration_error", "expected_accuracy", "log_loss", "auc", "brier"] {
        let series = |model: &str| format!("logging_{name}{{model=\"{model}\",window=\"1h\"}}");
        assert!(metrics.find(&series("both")).is_some(), "{name}");
        assert_eq!(metrics.find(&series("none")), None, "{name}");
    }

    // Drift compares confidences with confidences.
    assert_eq!(service.post("/drift/reference", &json!({ "model": "both" })).await.status, 200);
    let drift = service.get("/drift?model=both&window=1h").await.json()["models"][0]["drift"].clone();
    let features = drift["features"].as_array().unwrap();
    let samples = |name: &str| features.iter().find(|feature| feature["feature"] == name).unwrap()["samples"].clone();
    assert_eq!((samples("predicted_class"), samples("confidence")), (json!(8), json!(4)), "{drift}");
}

async fn senders_that_must_write_a_confidence_may_say_that_they_know_none(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let mut rows = rows("m", "unknown");
    for row in &mut rows {
        row["confidence"] = json!(1.0);
        row["confidence_source"] = json!("none");
    }
    service.store(&rows).await;
    assert_eq!(service.post("/feedback", &json!(labels("m"))).await.status, 200);
    let quality = quality(&service, "m").await;
    for Figure { path, without, .. } in figures().into_iter().filter(|figure| !figure.path.starts_with("/binary")) {
        assert_is(quality.pointer(path), &without, &format!("{path}: {quality}"));
    }
}
