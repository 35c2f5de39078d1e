//! `POST /cloudevents`, as KServe's payload logger sends them.

use serde_json::{Value, json};

use crate::service::{RunningService, ServiceAnswer, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    request_and_response_make_predictions_in_either_order_once,
    an_orphan_survives_a_restart_and_becomes_predictions_when_its_time_is_over,
    what_is_no_event_is_refused_and_counted,
    one_bad_event_of_a_batch_keeps_no_other_out,
    a_batch_of_which_nothing_is_stored_is_refused,
    what_is_declared_says_what_a_model_answers,
    a_failed_call_is_a_record_of_status_error,
    an_orphan_that_cannot_be_stored_is_forgotten,
}

async fn event(service: &RunningService, kind: &str, id: &str, time: &str, body: &serde_json::Value) -> ServiceAnswer {
    let kind = format!("org.kubeflow.serving.inference.{kind}");
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-source", "http://localhost:9081/"),
        ("ce-type", kind.as_str()),
        ("ce-time", time),
        ("ce-inferenceservicename", "flowers"),
        ("ce-namespace", "garden"),
        ("ce-endpoint", "default"),
    ];
    service.send("/cloudevents", &headers, body.to_string()).await
}

async fn request_and_response_make_predictions_in_either_order_once(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let request = json!({ "instances": [[1.0, 2.0], [3.0, 4.0]] });
    let response = json!({ "predictions": [[0.1, 0.9], [0.7, 0.3]] });
    let (at, later) = ("2026-03-01T10:00:00.000Z", "2026-03-01T10:00:00.250Z");

    let first = event(&service, "request", "one", at, &request).await;
    assert_eq!((first.status, &first.json()["predictions"]), (200, &json!(0)));
    let second = event(&service, "response", "one", later, &response).await;
    assert_eq!((second.status, &second.json()["predictions"]), (200, &json!(2)));
    event(&service, "response", "two", later, &response).await;
    let second = event(&service, "request", "two", at, &request).await;
    assert_eq!((second.status, &second.json()["predictions"]), (200, &json!(2)));

    let rows = service.predictions("?model=flowers&request_id=one").await;
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["latency_seconds"], &rows[0]["namespace"]), (&json!(0.25), &json!("garden")));
    // The agent sends everything again.
    for id in ["one", "two"] {
        event(&service, "request", id, at, &request).await;
        event(&service, "response", id, later, &response).await;
    }
    assert_eq!(service.count().await, 4);
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_cloudevents_total{outcome=\"stored\"}"), 2.0);
    assert_eq!(metrics.get("logging_cloudevents_total{outcome=\"duplicate\"}"), 2.0);
    assert_eq!(metrics.get("logging_predictions_total{model=\"flowers\"}"), 4.0);
}

async fn an_orphan_survives_a_restart_and_becomes_predictions_when_its_time_is_over(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let time = "2026-03-01T10:00:00Z";
    event(&service, "response", "alone", time, &json!({ "predictions": [[0.1, 0.9]] })).await;
    event(&service, "request", "unanswered", time, &json!({ "instances": [[1.0]] })).await;
    assert_eq!(service.count().await, 0);
    service.stop().await;

    let hurried = ["--evaluate-seconds", "0.05", "--event-wait-seconds", "0.001"];
    let service = RunningService::start(&fixture, &hurried).await;
    service.metrics_until("both are over", |m| m.get("logging_cloudevents_total{outcome=\"expired\"}") == 2.0).await;
    service.metrics_until("nothing waits", |m| m.get("logging_cloudevents_waiting") == 0.0).await;
    let rows = service.predictions("").await;
    assert_eq!((rows.len(), &rows[0]["request_id"]), (1, &json!("alone")));
}

async fn what_is_no_event_is_refused_and_counted(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let answer = service.send("/cloudevents", &[("content-type", "application/json")], "{}").await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid_input")));
    let answer = event(&service, "response", "odd", "2026-03-01T10:00:00Z", &json!({ "nothing": 1 })).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(service.metrics().await.get("logging_cloudevents_total{outcome=\"unreadable\"}"), 2.0);
}

fn structured(kind: &str, id: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "http://localhost:9081/", "time": "2026-03-01T10:00:00Z",
        "type": format!("org.kubeflow.serving.inference.{kind}"), "inferenceservicename": "flowers", "data": data,
    })
}

const BATCH: [(&str, &str); 1] = [("content-type", "application/cloudevents-batch+json")];

async fn one_bad_event_of_a_batch_keeps_no_other_out(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let mut other = structured("request", "other", &json!({}));
    other["type"] = json!("com.example.other");
    let batch = json!([
        structured("response", "odd", &json!({ "nothing": 1 })),
        structured("response", "good", &json!({ "predictions": ["rose"] })),
        other,
        structured("request", "good", &json!({ "instances": [[1.0]] })),
        "no event",
        structured("request", "good", &json!({ "instances": [[1.0]] })),
    ]);
    let answer = service.send("/cloudevents", &BATCH, batch.to_string()).await;
    let body = answer.json();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&body["events"], &body["predictions"], &body["accepted"]), (&json!(6), &json!(1), &json!(3)), "{body}");
    let refused = body["refused"].as_array().unwrap();
    let reasons: Vec<(u64, &str)> =
        refused.iter().map(|one| (one["index"].as_u64().unwrap(), one["code"].as_str().unwrap())).collect();
    assert_eq!(reasons, [(0, "no_prediction"), (2, "unknown_type"), (4, "not_an_event")]);
    assert!(refused.iter().all(|one| one["error"].as_str().unwrap().starts_with("The event is refused: ")), "{body}");
    assert_eq!(service.count().await, 1);
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_events_refused_total{reason=\"unknown_type\"}"), 1.0);
    assert_eq!(metrics.get("logging_cloudevents_total{outcome=\"unreadable\"}"), 3.0);
}

async fn a_batch_of_which_nothing_is_stored_is_refused(fixture: Fixture) {
    let service = fresh(&fixture, &["--queue-limit", "5"]).await;
    let many = structured("response", "many", &json!({ "predictions": ["a", "b", "c", "d", "e", "f"] }));
    let batch = json!([structured("response", "odd", &json!({ "nothing": 1 })), {}]);
    let answer = service.send("/cloudevents", &BATCH, batch.to_string()).await;
    let body = answer.json();
    assert_eq!((answer.status, &body["event"], &body["accepted"]), (422, &json!(0), &json!(0)), "{answer:?}");
    assert_eq!((&body["refused"][0]["code"], &body["refused"][1]["index"]), (&json!("no_prediction"), &json!(1)));
    for broken in ["[", "{}", "nothing"] {
        assert_eq!(service.send("/cloudevents", &BATCH, broken).await.status, 422, "{broken}");
    }
    let answer = service.send("/cloudevents", &BATCH, json!(vec![json!({}); 1001]).to_string()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("too_large")));
    // A response with more rows than the queue takes is refused when its request completes it.
    let batch = json!([many, structured("request", "many", &json!({ "instances": [1] }))]);
    let answer = service.send("/cloudevents", &BATCH, batch.to_string()).await;
    assert_eq!((answer.status, &answer.json()["refused"][0]["code"]), (200, &json!("too_large")), "{answer:?}");
    assert_eq!(service.count().await, 0);
}

async fn what_is_declared_says_what_a_model_answers(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let declared = json!({ "task": "regression", "features": [
        { "name": "age", "kind": "number" }, { "name": "city", "kind": "category", "keep": false },
    ] });
    assert_eq!(service.put("/models/flowers", &declared).await.status, 200);
    let batch = json!([
        structured("request", "one", &json!({ "instances": [{ "age": 42, "city": "Paris" }, [null, "Rome"]] })),
        structured("response", "one", &json!({ "predictions": [3, 4.5] })),
    ]);
    let answer = service.send("/cloudevents", &BATCH, batch.to_string()).await;
    assert_eq!((answer.status, &answer.json()["predictions"]), (200, &json!(2)), "{answer:?}");
    let rows = service.predictions("?model=flowers").await;
    assert_eq!((&rows[1]["task"], &rows[1]["value"]), (&json!("regression"), &json!(3.0)));
    assert_eq!((&rows[1]["features"], rows[1].get("counted_features")), (&json!({ "age": 42.0 }), None));
    assert_eq!(rows[0]["features"], json!({ "age": null }));
    let quality = service.get("/quality?model=flowers&since=2026-03-01T10:00:00Z&until=2026-03-01T10:05:00Z").await;
    assert_eq!(quality.json()["models"][0]["quality"]["predictions"], json!(2), "{quality:?}");
}

async fn a_failed_call_is_a_record_of_status_error(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let head = [
        ("ce-specversion", "1.0"),
        ("ce-id", "f1"),
        ("ce-source", "s"),
        ("ce-inferenceservicename", "flowers"),
        ("ce-statuscode", "500"),
        ("content-type", "text/plain"),
    ];
    let with = |kind: &'static str| [&head[..], &[("ce-type", kind)]].concat();
    let request = with("org.kubeflow.serving.inference.request");
    let response = with("org.kubeflow.serving.inference.response");
    assert_eq!(service.send("/cloudevents", &request, "{\"instances\": [1]}").await.status, 200);
    let answer = service.send("/cloudevents", &response, "Internal Server Error").await;
    assert_eq!((answer.status, &answer.json()["predictions"]), (200, &json!(1)), "{answer:?}");
    let rows = service.predictions("?status=error").await;
    assert_eq!((&rows[0]["error_type"], &rows[0]["error"]), (&json!("http_500"), &json!("Internal Server Error")));
}

/// A response that cannot be stored when its time is over does not keep later ones from being stored.
async fn an_orphan_that_cannot_be_stored_is_forgotten(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let rows: Vec<String> = (0..6).map(|row| format!("class {row}")).collect();
    let batch = json!([
        structured("response", "many", &json!({ "predictions": rows })),
        structured("response", "one", &json!({ "predictions": ["rose"] })),
    ]);
    assert_eq!(service.send("/cloudevents", &BATCH, batch.to_string()).await.status, 200);
    service.stop().await;
    let hurried = ["--evaluate-seconds", "0.05", "--event-wait-seconds", "0.001", "--queue-limit", "5"];
    let service = RunningService::start(&fixture, &hurried).await;
    let refused = "logging_events_refused_total{reason=\"too_large\"}";
    service.metrics_until("one is refused", |m| m.get(refused) == 1.0).await;
    service.metrics_until("one is stored", |m| m.of("logging_predictions_total").sum() == 1.0).await;
    service.metrics_until("nothing waits", |m| m.get("logging_cloudevents_waiting") == 0.0).await;
    assert_eq!(service.count().await, 1);
}
