//! Whom a label means, and that it is counted once there: across models, requests, revisions, retention and restarts.

use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    a_label_counts_for_every_prediction_that_it_means,
    a_label_names_whom_it_means,
    the_best_of_all_labels_counts,
    a_prediction_that_arrives_later_is_counted_as_well,
    regressions_and_two_classes_are_judged_by_what_they_are,
    a_revision_after_retention_is_counted_where_the_label_was,
    numbers_flags_and_texts_are_labels,
    a_number_is_an_index_where_classes_are_declared,
    a_regression_has_no_accuracy,
    one_request_id_for_everything_stays_cheap,
    the_program_finds_labels_that_are_counted_wrongly,
}

const EAGER: &[&str] = &["--evaluate-seconds", "0.05"];

fn prediction(model: &str, label: &str) -> Value {
    json!({ "model": model, "label": label, "confidence": 0.9, "request_id": "r", "variant": "v", "version": "1" })
}

async fn label(service: &RunningService, label: &Value) {
    let answer = service.post("/feedback", label).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "accepted": 1, "duplicates": 0 })), "{label}");
}

/// Of a model, how many predictions have a label, and how many of them are right.
async fn labelled(service: &RunningService, model: &str) -> (u64, u64) {
    let answer = service.get(&format!("/quality?model={model}&window=7d")).await.json();
    let quality = &answer["models"][0]["quality"];
    let count = quality["labelled"].as_u64().unwrap();
    let right = quality["accuracy"].as_f64().map_or(0.0, |accuracy| accuracy * count as f64);
    (count, right.round() as u64)
}

async fn a_label_counts_for_every_prediction_that_it_means(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    service.store(&[prediction("main", "cat"), prediction("shadow", "dog")]).await;
    label(&service, &json!({ "request_id": "r", "label": "cat" })).await;
    assert_eq!([labelled(&service, "main").await, labelled(&service, "shadow").await], [(1, 1), (1, 0)]);
    label(&service, &json!({ "request_id": "r", "label": "dog", "revision": 1 })).await;
    assert_eq!([labelled(&service, "main").await, labelled(&service, "shadow").await], [(1, 0), (1, 1)]);
}

async fn a_label_names_whom_it_means(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    let id = "01a204b7-5bcf-7210-9e53-fceee37a8b25";
    let mut named = prediction("named", "cat");
    named["event_id"] = id.into();
    named["row_index"] = 7.into();
    service.store(&[prediction("a", "cat"), prediction("b", "cat"), named]).await;
    label(&service, &json!({ "request_id": "r", "model": "a", "label": "cat" })).await;
    for (field, other) in [("model", "c"), ("version", "2"), ("variant", "w")] {
        label(&service, &json!({ "request_id": "r", field: other, "label": "cat" })).await;
    }
    assert_eq!([labelled(&service, "a").await, labelled(&service, "b").await], [(1, 1), (0, 0)]);
    label(&service, &json!({ "event_id": id, "label": "cat" })).await;
    assert_eq!(labelled(&service, "named").await, (1, 1), "the event id alone says which row it is");
    label(&service, &json!({ "event_id": id, "request_id": "another", "label": "dog" })).await;
    label(&service, &json!({ "event_id": id, "row_index": 6, "label": "dog" })).await;
    assert_eq!(labelled(&service, "named").await, (1, 1), "it would have to be of that request and row, too");
    label(&service, &json!({ "event_id": id, "request_id": "r", "row_index": 7.0, "label": "dog" })).await;
    assert_eq!(labelled(&service, "named").await, (1, 0));
    let neither = service.post("/feedback", &json!({ "label": "cat" })).await;
    assert_eq!((neither.status, &neither.json()["field"]), (422, &json!("request_id")));
}

async fn the_best_of_all_labels_counts(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    // They come before their prediction, and mean it in different ways.
    label(&service, &json!({ "request_id": "r", "label": "dog", "model": "m", "revision": 1 })).await;
    label(&service, &json!({ "request_id": "r", "label": "cat", "revision": 2 })).await;
    label(&service, &json!({ "request_id": "r", "label": "eel", "variant": "v" })).await;
    service.store(&[prediction("m", "cat")]).await;
    let is_counted = |m: &crate::metrics::ScrapedMetrics| {
        m.find("logging_labelled_predictions{model=\"m\",window=\"1h\"}") == Some(1.0)
    };
    service.metrics_until("a label is counted", is_counted).await;
    assert_eq!(labelled(&service, "m").await, (1, 1));
    label(&service, &json!({ "request_id": "r", "label": "dog", "model": "m", "revision": 2 })).await;
    assert_eq!(labelled(&service, "m").await, (1, 0), "of equal ones, the one that came last");
    label(&service, &json!({ "request_id": "r", "label": "cat", "version": "1", "revision": 1 })).await;
    assert_eq!(labelled(&service, "m").await, (1, 0), "a lesser one changes nothing");
}

async fn a_prediction_that_arrives_later_is_counted_as_well(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    service.store(&[prediction("main", "cat")]).await;
    label(&service, &json!({ "request_id": "r", "label": "cat" })).await;
    assert_eq!(labelled(&service, "main").await, (1, 1));
    service.store(&[prediction("shadow", "dog")]).await;
    let is_counted = |m: &crate::metrics::ScrapedMetrics| {
        m.find("logging_labelled_predictions{model=\"shadow\",window=\"1h\"}") == Some(1.0)
    };
    service.metrics_until("the later prediction has the label as well", is_counted).await;
    assert_eq!([labelled(&service, "main").await, labelled(&service, "shadow").await], [(1, 1), (1, 0)]);
}

async fn regressions_and_two_classes_are_judged_by_what_they_are(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    assert_eq!(service.put("/models/price", &json!({ "task": "regression", "tolerance": 1.0 })).await.status, 200);
    assert_eq!(service.put("/models/churn", &json!({ "labels": ["stays", "leaves"] })).await.status, 200);
    for (row, (score, left)) in [(0.1, false), (0.4, false), (0.35, true), (0.8, true)].into_iter().enumerate() {
        let request = row.to_string();
        let (value, truth) = [(2.5, 3.0), (0.0, -0.5), (2.0, 2.0), (8.0, 7.0)][row];
        let (predicted, confidence) = if score > 0.5 { ("leaves", score) } else { ("stays", 1.0 - score) };
        service
            .store(&[
                json!({ "model": "price", "task": "regression", "value": value, "request_id": request }),
                json!({ "model": "churn", "label": predicted, "confidence": confidence, "request_id": request }),
            ])
            .await;
        label(&service, &json!({ "request_id": request, "model": "price", "label": truth })).await;
        label(&service, &json!({ "request_id": request, "model": "churn", "label": i32::from(left) })).await;
    }
    let price = service.get("/quality?model=price&window=1h").await.json();
    let price = &price["models"][0]["quality"]["regression"];
    assert_eq!((&price["mae"], &price["bias"], &price["within_tolerance"]), (&json!(0.5), &json!(0.25), &json!(1.0)));
    assert!((price["r2"].as_f64().unwrap() - 0.948_608_137_044_967_9).abs() < 1e-12, "{price}");
    let churn = service.get("/quality?model=churn&window=1h").await.json();
    let churn = &churn["models"][0]["quality"];
    let binary = &churn["binary"];
    assert_eq!((&binary["positive"], &binary["auc"], &binary["samples"]), (&json!("leaves"), &json!(0.75), &json!(4)));
    assert_eq!((&binary["precision"], &binary["recall"]), (&json!(1.0), &json!(0.5)));
    let loss = -(0.9_f64.ln() + 0.6_f64.ln() + 0.35_f64.ln() + 0.8_f64.ln()) / 4.0;
    assert!((churn["log_loss"].as_f64().unwrap() - loss).abs() < 1e-12, "{churn}");
    let is_evaluated = |m: &crate::metrics::ScrapedMetrics| {
        m.find("logging_mae{model=\"price\",window=\"1h\"}") == Some(0.5)
            && m.find("logging_auc{model=\"churn\",window=\"1h\"}") == Some(0.75)
    };
    service.metrics_until("both are evaluated", is_evaluated).await;
}

async fn a_revision_after_retention_is_counted_where_the_label_was(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48);
    let mut first = prediction("m", "cat");
    first["occurred_at"] = old.to_string().into();
    service.store(&[first, prediction("m", "dog")]).await;
    label(&service, &json!({ "request_id": "r", "label": "cat" })).await;
    assert_eq!(labelled(&service, "m").await, (2, 1));
    service.stop().await;

    let service = RunningService::start(&fixture, &["--evaluate-seconds", "0.05", "--retention-days", "1"]).await;
    let is_deleted =
        |m: &crate::metrics::ScrapedMetrics| m.get("logging_retention_deleted_total{reason=\"age\"}") == 1.0;
    service.metrics_until("the first prediction is deleted", is_deleted).await;
    label(&service, &json!({ "request_id": "r", "label": "dog", "revision": 1 })).await;
    assert_eq!(labelled(&service, "m").await, (2, 1), "the first is wrong now, and the second right");
    label(&service, &json!({ "request_id": "r", "label": "cat", "revision": 2 })).await;
    assert_eq!(labelled(&service, "m").await, (2, 1));
}

async fn numbers_flags_and_texts_are_labels(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let spellings = [json!(1), json!(1.0), json!("1"), json!("1.0"), json!(1e0)];
    for (index, predicted) in ["1", "1.0", "1e0"].iter().enumerate() {
        let rows: Vec<Value> = (0..spellings.len())
            .map(|row| json!({ "model": "m", "label": predicted, "request_id": index.to_string(), "row_index": row as f64 }))
            .collect();
        service.store(&rows).await;
        for (row, spelling) in spellings.iter().enumerate() {
            let row = row as f64;
            label(&service, &json!({ "request_id": index.to_string(), "row_index": row, "label": spelling })).await;
        }
    }
    assert_eq!(labelled(&service, "m").await, (15, 15));
    service.store(&[json!({ "model": "flags", "label": "true", "request_id": "flag" })]).await;
    label(&service, &json!({ "request_id": "flag", "label": true })).await;
    assert_eq!(labelled(&service, "flags").await, (1, 1));
    for wrong in [json!(null), json!([1]), json!({}), json!("")] {
        let answer = service.post("/feedback", &json!({ "request_id": "flag", "label": wrong })).await;
        assert_eq!((answer.status, &answer.json()["field"]), (422, &json!("label")), "{wrong}");
    }
    let repeated = service.post("/feedback", &json!({ "request_id": "flag", "label": "true" })).await;
    assert_eq!(repeated.json(), json!({ "accepted": 0, "duplicates": 1 }));
}

async fn a_number_is_an_index_where_classes_are_declared(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let declared = service.put("/models/declared", &json!({ "labels": ["cat", "dog"] })).await;
    assert_eq!(declared.status, 200, "{declared:?}");
    service.store(&[prediction("declared", "dog"), prediction("not", "dog")]).await;
    label(&service, &json!({ "request_id": "r", "label": 1 })).await;
    assert_eq!([labelled(&service, "declared").await, labelled(&service, "not").await], [(1, 1), (1, 0)]);
}

async fn a_regression_has_no_accuracy(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    service.store(&[json!({ "model": "m", "task": "regression", "value": 100.0, "request_id": "r" })]).await;
    service.store(&[json!({ "model": "raw", "task": "raw", "request_id": "r" })]).await;
    label(&service, &json!({ "request_id": "r", "label": "100.0" })).await;
    let is_evaluated = |m: &crate::metrics::ScrapedMetrics| {
        m.find("logging_labelled_predictions{model=\"m\",window=\"1h\"}") == Some(1.0)
    };
    service.metrics_until("the label is evaluated", is_evaluated).await;
    let answer = service.get("/quality?window=1h").await.json();
    for quality in answer["models"].as_array().unwrap().iter().map(|model| &model["quality"]) {
        for absent in ["accuracy", "calibration_error", "expected_accuracy", "macro_f1"] {
            assert!(quality.get(absent).is_none(), "{absent}: {quality}");
        }
        assert_eq!(quality["classes"], json!([]));
    }
    assert_eq!(answer["models"][1]["quality"]["labelled"], 0, "there is nothing to hold a label against");
    let metrics = service.metrics().await;
    assert_eq!(metrics.find("logging_accuracy{model=\"m\",window=\"1h\"}"), None);
    // A word cannot be held against a number, so the former label stays.
    let many = service.post("/feedback", &json!({ "request_id": "r", "label": "many", "revision": 1 })).await;
    assert_eq!(many.json(), json!({ "accepted": 1, "duplicates": 0, "uncounted": 1 }));
    assert_eq!(labelled(&service, "m").await, (1, 0));
}

async fn one_request_id_for_everything_stays_cheap(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&vec![prediction("m", "cat"); 40]).await;
    label(&service, &json!({ "request_id": "r", "label": "cat" })).await;
    assert_eq!(labelled(&service, "m").await, (32, 32), "the first 32");
    for revision in 1..=3 {
        label(&service, &json!({ "request_id": "r", "label": "dog", "revision": revision })).await;
    }
    assert_eq!(labelled(&service, "m").await, (32, 0));
}

async fn the_program_finds_labels_that_are_counted_wrongly(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let mut old = prediction("old", "cat");
    old["occurred_at"] = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2)).to_string().into();
    service.store(&[old]).await;
    service.store(&[prediction("m", "cat")]).await;
    label(&service, &json!({ "request_id": "r", "label": "cat" })).await;
    label(&service, &json!({ "request_id": "r", "label": "dog", "revision": 1 })).await;
    service.stop().await;
    let check = || {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_logging-service"));
        let output = program.args(["--database", &fixture.flag(), "check"]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_sound, said) = check();
    assert!(is_sound, "{said}");
    fixture.execute("DELETE FROM counted_labels WHERE model = 'm'");
    let (is_sound, said) = check();
    assert!(!is_sound && said.contains("m: 1 labels (0 right) are counted since yesterday, the rows are 0"), "{said}");
}
