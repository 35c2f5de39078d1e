//! `POST /cloudevents`, as KServe's payload logger sends them.

use serde_json::{Value, json};

use crate::service::{RunningService, ServiceAnswer, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    request_and_response_make_predictions_in_either_order_once,
    an_orphan_survives_a_restart_and_becomes_predictions_when_its_time_is_over,
    what_is_no_event_is_refused_and_counted,
    one_bad_event_of_a_batch_keeps_no_other_out,
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

async fn one_bad_event_of_a_batch_keeps_no_other_out(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let event = |kind: &str, id: &str, data: Value| {
        json!({
            "specversion": "1.0", "id": id, "source": "http://localhost:9081/", "time": "2026-03-01T10:00:00Z",
            "type": format!("org.kubeflow.serving.inference.{kind}"), "inferenceservicename": "flowers", "data": data,
        })
    };
    let batch = json!([
        event("response", "odd", json!({ "nothing": 1 })),
        event("response", "good", json!({ "predictions": [[0.1, 0.9]] })),
        event("request", "good", json!({ "instances": [[1.0]] })),
    ]);
    let headers = [("content-type", "application/cloudevents-batch+json")];
    let answer = service.send("/cloudevents", &headers, batch.to_string()).await;
    let body = answer.json();
    assert_eq!((answer.status, &body["event"], &body["predictions"]), (422, &json!(0), &json!(1)), "{answer:?}");
    assert_eq!(service.count().await, 1);
}
