//! Predictions that are cut short: by a full queue, by their client, by the clock, or by a service that still starts.

use serde_json::{Value, json};

use crate::pictures::{base64, dot};
use crate::process::Process;
use crate::raw::Connection;
use crate::repository;
use crate::row::Row;
use crate::sent::Sent;

const GONE: &str = r#"http_requests_total{method="POST",route="/predict",status="499"}"#;

fn batch(model: &str, items: usize) -> Sent {
    Sent::json(&json!({ "model": model, "images": vec![base64(&dot()); items] }))
}

/// What goes over the wire for a whole request.
fn whole(sent: &Sent) -> Vec<u8> {
    let head = sent.head(&format!("content-length: {}\r\n", sent.body.len()));
    [head.as_bytes(), &sent.body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_and_is_free_again_when_its_client_leaves() {
    let models = repository::with_troublemakers();
    let process = Process::start(models.path(), &["--threads", "1", "--queue-limit", "64"]);
    let service = &process.service;
    service.ready().await;
    assert_eq!(service.metrics().await.get("prediction_queue_limit"), 64.0);

    let mut occupant = Connection::open(service);
    occupant.send(whole(&batch("slow", 64).header("x-request-id", "occupant")));
    service.metrics_until("the queue fills", |metrics| metrics.get("prediction_queue_depth") > 0.0).await;
    let too_many = Row::new("overloaded", "a batch that does not fit", batch("cifar10", 64), "waiting");
    too_many.of("cifar10").items(64).check(&process, "too-many").await;

    let before = service.metrics().await;
    drop(occupant);
    service.metrics_until("the client is missed", |metrics| metrics.get(GONE) == 1.0).await;
    let cancelled = Row::new("cancelled", "a client that leaves", Sent::default(), "").of("slow").items(64);
    cancelled.check_metrics(&before, &service.metrics().await);
    cancelled.check_log(&process, "occupant");
    service.metrics_until("nobody waits for it", |metrics| metrics.get("prediction_queue_depth") == 0.0).await;
    assert_eq!(service.metrics().await.get("http_requests_in_flight"), 1.0, "the scrape itself");
    assert_eq!(service.predict(&batch("cifar10", 64)).await.status, 200, "there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_within_its_body_is_cancelled() {
    let process = Process::start(&repository::shipped(), &[]);
    let service = &process.service;
    service.ready().await;
    let row = Row::new("cancelled", "a client that leaves", Sent::new("image/png", ""), "before the body");
    for (id, length) in [("counted", "content-length: 100\r\n"), ("chunked", "transfer-encoding: chunked\r\n")] {
        let before = service.metrics().await;
        let mut connection = Connection::open(service);
        connection.send(row.sent.clone().header("x-request-id", id).head(length));
        connection.send("20\r\nhalf of");
        drop(connection);
        let more = |metrics: &crate::metrics::Metrics| metrics.get(GONE) > before.get(GONE);
        service.metrics_until("the client is missed", more).await;
        row.check_metrics(&before, &service.metrics().await);
        row.check_log(&process, id);
    }

    // A client that only stops sending still waits for its answer.
    let mut connection = Connection::open(service);
    connection.send(row.sent.clone().header("x-request-id", "deaf").head("content-length: 100\r\n"));
    connection.finish_sending();
    row.check_answer(&connection.answer(false), "deaf");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_http_is_an_invalid_request() {
    let process = Process::start(&repository::shipped(), &[]);
    process.service.ready().await;
    let row =
        Row::new("invalid_request", "a chunk without a size", Sent::new("image/png", ""), "The body cannot be read");
    let before = process.service.metrics().await;
    let mut connection = Connection::open(&process.service);
    connection.send(row.sent.clone().header("x-request-id", "chunk").head("transfer-encoding: chunked\r\n"));
    connection.send("size\r\n");
    row.check_answer(&connection.answer(false), "chunk");
    row.check_metrics(&before, &process.service.metrics().await);
    row.check_log(&process, "chunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_covers_the_body_and_the_queue() {
    let models = repository::with_troublemakers();
    let process = Process::start(models.path(), &["--threads", "1", "--request-timeout-ms", "100"]);
    let service = &process.service;
    service.ready().await;

    let stalled = Row::new("deadline_exceeded", "a body that stops", Sent::new("image/png", ""), "time");
    let before = service.metrics().await;
    let mut connection = Connection::open(service);
    connection.send(stalled.sent.clone().header("x-request-id", "stalled").head("content-length: 100\r\n"));
    connection.send("half of");
    stalled.check_answer(&connection.answer(false), "stalled");
    stalled.check_metrics(&before, &service.metrics().await);
    stalled.check_log(&process, "stalled");

    // The service's own limit, and a client's limit that is longer.
    let queued = Row::new("deadline_exceeded", "a batch that takes long", batch("slow", 64), "time");
    queued.of("slow").items(64).check(&process, "queued").await;
    let patient = batch("slow", 1).header("x-request-timeout-ms", "60000");
    assert_eq!(service.predict(&patient).await.status, 200);
    let metrics =
        service.metrics_until("the queue is empty", |metrics| metrics.get("prediction_queue_depth") == 0.0).await;
    // A request that was shed did not run: the phase is observed for answered requests alone.
    assert_eq!(metrics.get(r#"prediction_phase_seconds_count{model="slow",phase="inference"}"#), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_lives_and_is_not_ready() {
    let models = repository::slow();
    // Each thread warms up its own session, one after the other; this takes longer than the test.
    let process = Process::start(models.path(), &["--threads", "500"]);
    let service = &process.service;
    let early = Row::new("not_ready", "before the model is loaded", Sent::new("image/png", dot()), "loading");
    early.of("slow").check(&process, "early").await;
    for path in ["/health", "/health/ready"] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{path}: {answer:?}");
        let body = answer.json();
        assert_eq!((&body["code"], &body["status"]), (&json!("not_ready"), &json!("starting")), "{path}");
        assert_eq!(body["models"], json!([{ "name": "slow", "state": "loading" }]), "{path}");
    }
    assert_eq!(service.get("/health/live").await.status, 200);
    let listed = service.get("/models").await.json();
    assert_eq!(listed, json!({ "models": [{ "name": "slow", "default": true, "state": "loading" }] }));
    let metrics = service.metrics().await;
    assert_eq!(metrics.get(r#"model_loaded{model="slow"}"#), 0.0);
    assert_eq!(metrics.get(r#"model_load_seconds{model="slow"}"#), 0.0);
    assert!(process.log.about("early").iter().all(|line| line["cause"] == Value::Null), "loading is no fault");
}
