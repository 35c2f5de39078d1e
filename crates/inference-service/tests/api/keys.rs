//! With keys, nobody is answered without one, and nobody learns one.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use crate::logged::FakeLog;
use crate::pictures::cat;
use crate::process::Process;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Answer, serve, serve_logging_to};

const KEY: &str = "s3cr3t-s3cr3t-s3cr3t";
const BEARER: &str = "Bearer s3cr3t-s3cr3t-s3cr3t";

fn key_file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    fs::write(&file, format!("# who may ask\nann:{KEY}\nanother-key-of-20-characters\n")).unwrap();
    (folder, file)
}

fn is_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{answer:?}");
    assert_eq!(answer.json()["code"], "unauthorized");
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_gets_health_and_metrics_and_nothing_else() {
    let (_folder, file) = key_file();
    let process = Process::start(&shipped(), &["--api-keys", file.to_str().unwrap()]);
    let service = &process.service;
    service.ready().await;
    for path in ["/models", "/v2", "/v2/models/cifar10", "/nowhere"] {
        is_refused(&service.get(path).await);
    }
    let picture = Sent::new("image/jpeg", cat());
    for wrong in ["", "Bearer", "Bearer ", KEY, "Bearer s3cr3t-s3cr3t-s3cr3", "Basic s3cr3t-s3cr3t-s3cr3t"] {
        is_refused(&service.predict(&picture.clone().header("authorization", wrong)).await);
    }
    is_refused(&service.predict(&picture.clone().header("authorization", BEARER).header("authorization", "x")).await);
    for path in ["/health", "/health/live", "/health/ready", "/metrics"] {
        assert_eq!(service.get(path).await.status, 200, "{path}");
    }
    let metrics = service.metrics().await;
    assert_eq!(metrics.get(r#"http_requests_total{method="POST",route="/predict",status="401"}"#), 7.0);
    assert_eq!(metrics.get(r#"http_requests_total{method="GET",route="unmatched",status="401"}"#), 1.0);
    assert_eq!(metrics.get("predictions_total{model=\"unknown\",status=\"error\"}"), 0.0, "no prediction was begun");

    let asked = picture.header("authorization", "bearer s3cr3t-s3cr3t-s3cr3t").header("x-request-id", "of-ann");
    assert_eq!(service.predict(&asked).await.status, 200);
    let line = process.log.wait_for("the prediction", |line| line["request_id"] == "of-ann");
    assert_eq!(line["key_name"], "ann", "{line}");
    // This line comes after everything that was logged of the requests above.
    let all = process.log.so_far();
    assert!(all.iter().all(|line| !line.to_string().contains("s3cr3t")), "a key is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_administration_need_a_key_where_that_is_said() {
    let (_folder, file) = key_file();
    let service = serve(&shipped(), &["--api-keys", file.to_str().unwrap(), "--metrics-need-key"]).await;
    is_refused(&service.get("/metrics").await);
    assert_eq!(service.get("/health/live").await.status, 200);
    let order = Sent::json(&json!({}));
    is_refused(&service.admin.post("/v2/repository/models/surface/unload", &order).await);
    let order = order.header("authorization", BEARER);
    assert_eq!(service.admin.post("/v2/repository/models/surface/unload", &order).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_without_a_key_is_refused_and_the_connection_goes_on() {
    let (_folder, file) = key_file();
    let service = serve(&shipped(), &["--api-keys", file.to_str().unwrap()]).await;
    for _ in 0..2 {
        is_refused(&service.predict(&Sent::new("image/jpeg", vec![0; 20_000_000])).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_go_to_the_logging_service_with_the_key() {
    let (_folder, file) = key_file();
    fs::write(&file, format!("{KEY}\n")).unwrap();
    let mut log = FakeLog::start(&[]).await;
    let flags = ["--record", "memory", "--log-key", file.to_str().unwrap()];
    let service = serve_logging_to(&log.url, &shipped(), &flags).await;
    assert_eq!(service.predict(&Sent::new("image/jpeg", cat())).await.status, 200);
    log.record().await;
    assert_eq!(log.headers()["authorization"], BEARER);
}
