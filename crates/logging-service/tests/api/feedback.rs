//! True labels: early, late, revised, repeated.

use serde_json::{Value, json};

use crate::service::{RunningService, fresh, lines};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    labels_late_early_and_revised_are_counted_once_each,
    a_batch_of_rows_has_a_label_for_each_row,
    without_labels_there_is_no_accuracy_but_an_expected_one,
    a_label_that_is_not_valid_is_refused_with_its_place,
}

/// The windows are looked at all the time.
const EAGER: &[&str] = &["--evaluate-seconds", "0.05"];

fn predicted(request: &str, label: &str, confidence: f64) -> Value {
    json!({ "model": "m", "label": label, "confidence": confidence, "request_id": request })
}

fn label(request: &str, label: &str) -> Value {
    json!({ "request_id": request, "label": label })
}

async fn quality(service: &RunningService) -> Value {
    let answer = service.get("/quality?model=m&window=1h").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["models"][0]["quality"].clone()
}

/// Sends labels that are valid, and returns how many were accepted and how many were duplicates.
async fn send_labels(service: &RunningService, labels: &[Value]) -> Value {
    let answer = service.post("/feedback", &Value::from(labels)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn labels_late_early_and_revised_are_counted_once_each(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    service.store(&[predicted("late", "cat", 0.9), predicted("revised", "cat", 0.8)]).await;
    assert_eq!(
        send_labels(&service, &[label("late", "cat"), label("revised", "dog"), label("early", "cat")]).await,
        json!({ "accepted": 3, "duplicates": 0 })
    );
    let both = quality(&service).await;
    assert_eq!((&both["predictions"], &both["labelled"], &both["accuracy"]), (&json!(2), &json!(2), &json!(0.5)));

    // The prediction arrives after its label.
    service.store(&[predicted("early", "dog", 0.7)]).await;
    service
        .metrics_until("the early label is counted", |m| {
            m.find("logging_labelled_predictions{model=\"m\",window=\"1h\"}") == Some(3.0)
        })
        .await;
    let third = 1.0 / 3.0;
    assert_eq!(quality(&service).await["accuracy"], json!(third));
    service.metrics_until("nothing waits", |m| m.get("logging_feedback_waiting") == 0.0).await;

    // A second look revises the label.
    let revised = json!({ "request_id": "revised", "label": "cat", "revision": 1, "source": "second look" });
    let stored = json!({ "accepted": 1, "duplicates": 0 });
    assert_eq!(send_labels(&service, std::slice::from_ref(&revised)).await, stored);
    let after = quality(&service).await;
    assert_eq!(
        (&after["labelled"], &after["accuracy"], &after["coverage"]),
        (&json!(3), &json!(2.0 * third), &json!(1.0))
    );
    let classes = after["classes"].as_array().unwrap();
    let cat = classes.iter().find(|class| class["class"] == "cat").unwrap();
    assert_eq!((&cat["precision"], &cat["recall"], &cat["support"]), (&json!(1.0), &json!(2.0 * third), &json!(3)));

    // An older opinion changes nothing, and nor does everything sent twice.
    assert_eq!(send_labels(&service, &[label("revised", "dog")]).await, stored, "it is kept");
    assert_eq!(quality(&service).await["accuracy"], json!(2.0 * third), "and does not win");
    let repeated = [revised, label("late", "cat"), label("early", "cat")];
    assert_eq!(send_labels(&service, &repeated).await, json!({ "accepted": 0, "duplicates": 3 }));
    assert_eq!(quality(&service).await["labelled"], json!(3));
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_feedback_total{outcome=\"accepted\"}"), 5.0);
    assert_eq!(metrics.get("logging_feedback_total{outcome=\"duplicate\"}"), 3.0);
}

async fn a_batch_of_rows_has_a_label_for_each_row(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let row = |row: u32, label: &str| json!({ "model": "m", "label": label, "confidence": 0.9, "request_id": "batch", "row_index": row });
    service.store(&[row(0, "a"), row(1, "b"), row(2, "c")]).await;
    let labels = [
        json!({ "request_id": "batch", "row_index": 1, "label": "b" }),
        json!({ "request_id": "batch", "row_index": 2, "label": "x" }),
    ];
    let answer = service.send("/feedback", &[("content-type", "application/x-ndjson")], lines(&labels)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "accepted": 2, "duplicates": 0 })));
    let quality = quality(&service).await;
    assert_eq!((&quality["labelled"], &quality["accuracy"]), (&json!(2), &json!(0.5)));
}

async fn without_labels_there_is_no_accuracy_but_an_expected_one(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    service.store(&[predicted("a", "cat", 0.5), predicted("b", "cat", 1.0)]).await;
    service
        .metrics_until("evaluated", |m| m.find("logging_window_predictions{model=\"m\",window=\"1h\"}") == Some(2.0))
        .await;
    let metrics = service.metrics().await;
    assert_eq!(metrics.find("logging_accuracy{model=\"m\",window=\"1h\"}"), None, "0 would be a claim");
    assert_eq!(metrics.get("logging_labelled_predictions{model=\"m\",window=\"1h\"}"), 0.0);
    let expected = metrics.get("logging_expected_accuracy{model=\"m\",window=\"1h\"}");
    assert!((expected - 0.75).abs() < 1e-9, "{expected}");
}

async fn a_label_that_is_not_valid_is_refused_with_its_place(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for (labels, index, field) in [
        (json!([{ "request_id": "r", "label": "l" }, { "request_id": "", "label": "l" }]), 1, "request_id"),
        (json!([{ "request_id": "r", "label": "l".repeat(257) }]), 0, "label"),
        (json!([{ "request_id": "r", "label": "l", "row_index": -1 }]), 0, "row_index"),
        (json!([{ "request_id": "r", "label": "l", "labelled_at": "yesterday" }]), 0, "labelled_at"),
        (json!([{ "request_id": "r", "label": "l", "labelled_at": "9999-01-01T00:00:00Z" }]), 0, "labelled_at"),
        (json!([{ "request_id": "r" }]), 0, "label"),
    ] {
        let answer = service.post("/feedback", &labels).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["code"]), (422, &json!("invalid_input")), "{labels} {body}");
        assert_eq!((&body["index"], &body["field"]), (&json!(index), &json!(field)), "{labels} {body}");
    }
    assert_eq!(service.metrics().await.get("logging_feedback_total{outcome=\"accepted\"}"), 0.0);
    assert_eq!(
        service.post("/feedback", &json!([{ "request_id": "r", "lable": "l" }])).await.status,
        422,
        "a typing error"
    );
}
