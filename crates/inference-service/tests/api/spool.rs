//! What the spool promises, seen from outside: an answered prediction is delivered, whatever happens to the process.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::pictures::cat;
use crate::process::Process;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Service, serve_logging_to};

/// Stands for the logging service: away at first, then it takes all records.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: SharedReceived,
}

type SharedReceived = Arc<Mutex<Received>>;

#[derive(Default)]
struct Received {
    takes: bool,
    request_ids: Vec<String>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let received = SharedReceived::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/log", post(log)).with_state(received.clone());
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { url, received }
    }

    pub(crate) fn take_records(&self) {
        self.received.lock().unwrap().takes = true;
    }

    pub(crate) fn request_ids(&self) -> Vec<String> {
        self.received.lock().unwrap().request_ids.clone()
    }
}

async fn log(State(received): State<SharedReceived>, body: String) -> (StatusCode, String) {
    let mut received = received.lock().unwrap();
    if !received.takes {
        return (StatusCode::SERVICE_UNAVAILABLE, String::new());
    }
    let records: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    received.request_ids.extend(records.iter().map(|record| record["request_id"].as_str().unwrap().to_owned()));
    (StatusCode::OK, json!({ "accepted": records.len(), "duplicates": 0 }).to_string())
}

/// Predicts, and returns the request's id.
pub(crate) async fn predict(service: &Service, sent: &Sent, status: u16) -> String {
    let answer = service.predict(sent).await;
    assert_eq!(answer.status, status, "{answer:?}");
    answer.header("x-request-id").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_no_prediction_that_was_answered() {
    for durability in ["process", "power"] {
        let folder = TempDir::new().unwrap();
        let flags = ["--spool", folder.path().to_str().unwrap(), "--record", durability];
        let receiver = Receiver::start().await;
        let mut answered = BTreeSet::new();
        for _ in 0..3 {
            let process = Process::start_logging_to(&receiver.url, &shipped(), &flags);
            process.service.ready().await;
            for _ in 0..5 {
                answered.insert(predict(&process.service, &Sent::new("image/jpeg", cat()), 200).await);
                answered.insert(predict(&process.service, &Sent::new("image/jpeg", "no picture"), 422).await);
            }
        }
        receiver.take_records();
        let process = Process::start_logging_to(&receiver.url, &shipped(), &flags);
        let all = answered.len() as f64;
        let metrics = process
            .service
            .metrics_until("all is delivered", |metrics| metrics.get("prediction_log_delivered_total") == all)
            .await;
        assert_eq!(metrics.get("prediction_log_recovered_total"), all);
        let received = receiver.request_ids();
        assert_eq!((received.len(), received.into_iter().collect()), (answered.len(), answered));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_service_leaves_what_is_not_delivered() {
    let folder = TempDir::new().unwrap();
    let flags = ["--spool", folder.path().to_str().unwrap()];
    let receiver = Receiver::start().await;
    let running = serve_logging_to(&receiver.url, &shipped(), &flags).await;
    let answered = predict(&running, &Sent::new("image/jpeg", cat()), 200).await;
    let health = running.get("/health").await.json();
    let log = &health["prediction_log"];
    assert_eq!(
        (&log["mode"], &log["spool"], &log["spooled_records"]),
        (&json!("process"), &json!("available"), &json!(1))
    );
    assert!(log["spooled_bytes"].as_u64().unwrap() > 100);
    running.stopped().await;
    receiver.take_records();
    let running = serve_logging_to(&receiver.url, &shipped(), &flags).await;
    running.metrics_until("it is delivered", |metrics| metrics.get("prediction_log_spooled_records") == 0.0).await;
    assert_eq!(receiver.request_ids(), [answered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_told_that_the_spool_is_taken() {
    let folder = TempDir::new().unwrap();
    let spool = folder.path().to_str().unwrap();
    let _first = serve_logging_to("http://127.0.0.1:1", &shipped(), &["--spool", spool]).await;
    let models = shipped();
    let second = Command::new(env!("CARGO_BIN_EXE_inference-service"))
        .args(["--listen", "127.0.0.1:0", "--grpc-listen", ""])
        .args(["--spool", spool, "--models", models.to_str().unwrap()])
        .env_clear()
        .output()
        .unwrap();
    let log = String::from_utf8(second.stdout).unwrap();
    assert_eq!(second.status.code(), Some(1), "{log}");
    assert!(log.contains(spool) && log.contains("--spool"), "{log}");
}

/// A folder that cannot be made.
fn blocked(scratch: &TempDir) -> String {
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    Path::new(&file).join("spool").to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_disk_predictions_go_on() {
    let scratch = TempDir::new().unwrap();
    let receiver = Receiver::start().await;
    let running = serve_logging_to(&receiver.url, &shipped(), &["--spool", &blocked(&scratch)]).await;
    let answered = predict(&running, &Sent::new("image/jpeg", cat()), 200).await;
    assert_eq!(running.get("/health").await.json()["prediction_log"]["spool"], "unavailable");
    let metrics = running.metrics().await;
    assert_eq!(metrics.get("prediction_log_spool_available"), 0.0);
    assert!(metrics.get("prediction_log_spool_errors_total") >= 1.0);
    receiver.take_records();
    running.metrics_until("it is delivered", |metrics| metrics.get("prediction_log_delivered_total") == 1.0).await;
    assert_eq!(receiver.request_ids(), [answered]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_disk_predictions_are_refused_if_asked_to() {
    let scratch = TempDir::new().unwrap();
    let flags = ["--spool", &blocked(&scratch), "--spool-full", "refuse"];
    let process = Process::start_logging_to("http://127.0.0.1:1", &shipped(), &flags);
    let running = &process.service;
    let refused = loop {
        let refused = running.predict(&Sent::new("image/jpeg", cat())).await;
        // Its models may still be loading.
        if refused.text.contains("prediction log") {
            break refused;
        }
    };
    assert_eq!(running.get("/health/ready").await.status, 503, "no prediction is answered");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    assert_eq!(refused.json()["code"], "not_ready");
    assert!(refused.text.contains("The prediction log is full"), "{}", refused.text);
    // It was refused before the model ran.
    let metrics = running.metrics().await;
    let ran = metrics.of("prediction_phase_seconds_count").filter(|(series, _)| series.contains("inference"));
    assert_eq!(ran.map(|(_, count)| count).sum::<f64>(), 0.0);
    fs::remove_file(scratch.path().join("file")).unwrap();
    running.metrics_until("the disk works", |metrics| metrics.get("prediction_log_spool_available") == 1.0).await;
    predict(running, &Sent::new("image/jpeg", cat()), 200).await;
}
