//! What the service says of its log and of itself: statistics, metrics and health.

use serde_json::json;

use crate::service::{RunningService, fresh, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    statistics_count_what_was_stored,
    metrics_are_there_from_the_start_and_count_what_is_stored,
    senders_cannot_make_series_without_end,
    health_routes_and_heads,
}

async fn statistics_count_what_was_stored(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let empty = service.get("/stats").await.json();
    assert_eq!((&empty["total"]["predictions"], &empty["models"]), (&json!(0), &json!({})));
    assert_eq!(empty["total"]["mean_confidence"], json!(null), "the mean of nothing is not 0");
    let at = |hour: u32| format!("2026-03-01T{hour:02}:00:00Z");
    service
        .store(&[
            json!({ "model": "a", "label": "x", "confidence": 0.5, "latency_seconds": 0.25, "occurred_at": at(1) }),
            json!({ "model": "a", "label": "y", "confidence": 1.0, "latency_seconds": 0.75, "occurred_at": at(2), "defect": true }),
            json!({ "model": "a", "status": "error", "error_type": "internal", "occurred_at": at(3) }),
            json!({ "model": "b", "label": "x", "confidence": 0.25, "occurred_at": at(4) }),
        ])
        .await;
    let summary = |body: &serde_json::Value| {
        let members =
            ["predictions", "errors", "defects", "mean_confidence", "mean_latency_seconds", "max_latency_seconds"];
        json!(members.map(|member| body[member].clone()))
    };
    let stats = service.get("/stats").await.json();
    let members: Vec<&str> = stats["models"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((members, &stats["other_models"]), (vec!["a", "b"], &json!(0)));
    assert_eq!(summary(&stats["total"]), json!([4, 1, 1, 1.75 / 3.0, 0.5, 0.75]));
    assert_eq!(summary(&stats["models"]["a"]), json!([3, 1, 1, 0.75, 0.5, 0.75]));
    assert_eq!(summary(&stats["models"]["b"]), json!([1, 0, 0, 0.25, null, null]));
    assert_eq!(stats["total"]["labels"], json!({ "x": 2, "y": 1 }));
    assert_eq!(stats["total"]["error_types"], json!({ "internal": 1 }));
    assert_eq!(
        (&stats["total"]["first_occurred_at"], &stats["total"]["last_occurred_at"]),
        (&json!(at(1)), &json!(at(4)))
    );
    let window = service.get(&format!("/stats?since={}&until={}", at(2), at(4))).await.json();
    assert_eq!(summary(&window["total"]), json!([2, 1, 1, 1.0, 0.75, 0.75]));
}

async fn metrics_are_there_from_the_start_and_count_what_is_stored(fixture: Fixture) {
    let service = fresh(&fixture, &["--queue-limit", "50"]).await;
    let metrics = service.metrics().await;
    for (series, value) in [
        ("logging_db_initialized", 1.0),
        ("logging_queue_depth", 0.0),
        ("logging_queue_limit", 50.0),
        ("logging_write_seconds_count", 0.0),
        ("logging_write_rows_count", 0.0),
        ("logging_write_errors_total", 0.0),
        ("logging_last_write_timestamp_seconds", 0.0),
        (r#"http_requests_total{method="POST",route="/log",status="200"}"#, 0.0),
        (r#"http_requests_total{method="GET",route="/predictions/{event_id}",status="404"}"#, 0.0),
    ] {
        assert_eq!(metrics.get(series), value, "{series}");
    }
    assert!(metrics.get("logging_db_bytes") > 0.0);
    let mut defect = smallest();
    defect["defect"] = json!(true);
    service.store(&[smallest(), defect, json!({ "model": "surface", "status": "error" })]).await;
    let metrics = service.metrics().await;
    for (series, value) in [
        (r#"logging_predictions_total{model="cifar10"}"#, 2.0),
        (r#"logging_predictions_total{model="surface"}"#, 1.0),
        (r#"logging_defects_total{model="cifar10"}"#, 1.0),
        (r#"logging_defects_total{model="surface"}"#, 0.0),
        (r#"logging_duplicates_total{model="cifar10"}"#, 0.0),
        ("logging_write_rows_sum", 3.0),
        ("logging_write_seconds_count", 1.0),
    ] {
        assert_eq!(metrics.get(series), value, "{series}");
    }
    let now = jiff::Timestamp::now().as_microsecond() as f64 / 1e6;
    let last_write = metrics.get("logging_last_write_timestamp_seconds");
    assert!((0.0..60.0).contains(&(now - last_write)), "{now} {last_write}");

    service.stop().await;
    let again = RunningService::start(&fixture, &[]).await;
    let metrics = again.metrics().await;
    assert_eq!(metrics.get(r#"logging_predictions_total{model="surface"}"#), 0.0, "a model of before is there at 0");
    assert_eq!(again.count().await, 3, "and so are the rows");
}

async fn senders_cannot_make_series_without_end(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let models = |count: usize| {
        (0..count)
            .map(|i| json!({ "model": format!("m{i}"), "label": "zebra", "confidence": 1, "request_id": "zebra" }))
    };
    service.store(&models(300).collect::<Vec<_>>()).await;
    let metrics = service.metrics().await;
    for family in ["logging_predictions_total", "logging_defects_total", "logging_duplicates_total"] {
        assert_eq!(metrics.of(family).len(), 101, "{family}: a hundred models and the rest");
    }
    assert_eq!(metrics.of("logging_predictions_total").sum(), 300.0);
    assert_eq!(metrics.get(r#"logging_predictions_total{model="other"}"#), 200.0);
    service.get("/zebra?zebra=zebra").await;
    service.get("/predictions/zebra").await;
    service.get("/predictions?model=zebra").await;
    let text = service.get("/metrics").await.text;
    assert!(!text.contains("zebra"), "{text}");
    assert_eq!(service.count().await, 300, "every row is stored all the same");
}

async fn health_routes_and_heads(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for path in ["/health", "/health/ready"] {
        let answer = service.get(path).await;
        let expected = json!({ "status": "ready", "database": "available", "queue_depth": 0 });
        assert_eq!((answer.status, answer.json()), (200, expected), "{path}");
    }
    assert_eq!(service.get("/health/live").await.json(), json!({ "status": "live" }));
    for path in ["/health", "/stats", "/predictions", "/metrics"] {
        let head = service.head(path).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
    }
    for (path, status, code) in [("/nothing", 404, "not_found"), ("/log", 405, "method_not_allowed")] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{path}");
    }
}
