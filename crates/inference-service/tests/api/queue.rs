//! What a full queue means to clients: which requests still get in, whose turn it is, and what the others are told.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::metrics::Metrics;
use crate::pictures::{base64, cat, dot};
use crate::raw::Connection;
use crate::repository;
use crate::sent::Sent;
use crate::service::{Running, Service, serve};

const RUNS: &str = r#"prediction_run_items_count{model="heavy"}"#;
const ANSWERED: &str = r#"predictions_total{model="heavy",status="success"}"#;

fn heavy() -> Sent {
    Sent::new("image/png", dot()).query("?model=heavy")
}

fn batch(items: usize) -> Sent {
    Sent::json(&json!({ "model": "heavy", "images": vec![base64(&dot()); items] }))
}

fn whole(sent: &Sent) -> Vec<u8> {
    let head = sent.head(&format!("content-length: {}\r\n", sent.body.len()));
    [head.as_bytes(), &sent.body].concat()
}

/// With one thread, and time for all that waits for it.
async fn serve_patiently(models: &Path, flags: &[&str]) -> Running {
    serve(models, &[&["--threads", "1", "--request-timeout-ms", "600000"], flags].concat()).await
}

fn depth(metrics: &Metrics) -> f64 {
    metrics.get("prediction_queue_depth")
}

/// Clients that ask for the heavy model until told to stop; gives how often they were refused.
async fn flood(service: Service, clients: usize, stop: Arc<AtomicBool>) -> usize {
    let mut flood = JoinSet::new();
    for _ in 0..clients {
        let (service, stop) = (service.clone(), stop.clone());
        flood.spawn(async move {
            let mut refused = 0;
            while !stop.load(Ordering::Relaxed) {
                let answer = service.predict(&heavy()).await;
                assert!(matches!(answer.status, 200 | 429), "{answer:?}");
                refused += usize::from(answer.status == 429);
            }
            refused
        });
    }
    flood.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_model_costs_another_neither_its_place_nor_its_turn() {
    const ASKED: u32 = 10;
    let models = repository::heavy(&["cifar10"]);
    let service = serve_patiently(models.path(), &["--queue-limit", "18"]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = tokio::spawn(flood(service.service.clone(), 20, stop.clone()));
    let full = |metrics: &Metrics| metrics.get(r#"prediction_queue_places{model="heavy"}"#) == 16.0;
    service.metrics_until("the flood has its share", full).await;

    let before = service.metrics().await.get(ANSWERED);
    for _ in 0..ASKED {
        let answer = service.predict(&Sent::new("image/jpeg", cat()).query("?model=cifar10")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let heavy_meanwhile = service.metrics().await.get(ANSWERED) - before;
    stop.store(true, Ordering::Relaxed);
    let refused = flooding.await.unwrap();
    // Behind all that waited, each answer would have come after 16 others. Now only two go first: the item that runs, and one
    // between two answers.
    assert!(heavy_meanwhile <= f64::from(3 * ASKED), "{heavy_meanwhile} heavy items went before {ASKED} others");
    assert!(refused > 0, "there was no flood");
    let refusals = service.metrics().await;
    assert_eq!(refusals.get(r#"prediction_errors_total{error_type="overloaded",model="heavy"}"#), refused as f64);
    assert_eq!(refusals.get(r#"prediction_errors_total{error_type="overloaded",model="cifar10"}"#), 0.0);
    assert_eq!(depth(&refusals), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_that_leave_are_each_counted_once_and_free_their_places() {
    let models = repository::heavy(&[]);
    let service = serve_patiently(models.path(), &["--queue-limit", "200"]).await;
    // The items before them take longer than it takes them to arrive.
    let mut occupant = Connection::open(&service);
    occupant.send(whole(&batch(64)));
    service.metrics_until("the thread is busy", |metrics| metrics.get(RUNS) >= 1.0).await;
    let mut leaving: Vec<Connection> = (0..100).map(|_| Connection::open(&service)).collect();
    for connection in &mut leaving {
        connection.send(whole(&heavy()));
    }
    let in_flight = |metrics: &Metrics| metrics.get("http_requests_in_flight");
    service.metrics_until("all are there", |metrics| in_flight(metrics) >= 102.0 || depth(metrics) < 10.0).await;
    drop(leaving);
    let missed = service.metrics_until("they are missed", |metrics| in_flight(metrics) <= 2.0).await;
    assert!(depth(&missed) < 64.0, "only the one who was there before waits");
    // What has just ended is counted after it has left, and the metrics are read one after the other.
    let cancelled = |metrics: &Metrics| metrics.get(r#"prediction_errors_total{error_type="cancelled",model="heavy"}"#);
    let counted = |metrics: &Metrics| metrics.get(ANSWERED) + cancelled(metrics);
    let all_over = |metrics: &Metrics| in_flight(metrics) == 1.0 && counted(metrics) >= 164.0;
    let metrics = service.metrics_until("all is over", all_over).await;
    let cancelled = cancelled(&metrics);
    assert_eq!((depth(&metrics), counted(&metrics)), (0.0, 164.0), "{cancelled} cancelled");
    assert!(cancelled >= 50.0, "{cancelled} of 100 were cancelled: there was nothing to see");
    assert!(metrics.get(RUNS) <= metrics.get(ANSWERED) + 1.0, "what was cancelled ran, and not only the one at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_frees_its_places_though_the_threads_are_busy() {
    let models = repository::heavy(&[]);
    let service = serve_patiently(models.path(), &["--queue-limit", "64"]).await;
    let hasty = batch(64).header("x-request-timeout-ms", "30");
    let answer = service.predict(&hasty).await;
    assert_eq!((answer.status, &answer.json()["code"]), (504, &json!("deadline_exceeded")), "{answer:?}");
    let metrics = service.metrics().await;
    assert_eq!(depth(&metrics), 0.0, "with the answer, the places are free");
    assert_eq!(metrics.get(r#"prediction_errors_total{error_type="deadline_exceeded",model="heavy"}"#), 64.0);
    assert_eq!(metrics.get(ANSWERED), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_when_the_queue_has_been_worked_off() {
    const ITEMS: usize = 60;
    // Other work on the machine makes the real time longer or shorter than could be foreseen.
    const DISTURBANCE: f64 = 4.0;
    let models = repository::heavy(&[]);
    let service = serve_patiently(models.path(), &["--queue-limit", "60", "--max-batch", "60"]).await;
    let full = async |before: f64| {
        let mut occupant = Connection::open(&service);
        occupant.send(whole(&batch(ITEMS)));
        // Then all are decoded, and the measured time of an item includes what else the machine does.
        let first = service.metrics_until("some have run", |metrics| metrics.get(RUNS) >= before + 10.0).await;
        let asked = Instant::now();
        let refusal = service.predict(&batch(ITEMS)).await;
        let then = service.metrics().await;
        assert_eq!(refusal.status, 429, "{refusal:?}");
        let told: f64 = refusal.header("retry-after").unwrap().parse().unwrap();
        let work = [&first, &then].map(|metrics| depth(metrics) * metrics.get(r#"model_item_seconds{model="heavy"}"#));
        let (least, most) = (work[0].min(work[1]), work[0].max(work[1]));
        assert!((0.7 * least).ceil() <= told && told <= (1.4 * most).ceil(), "told {told} s for {least} to {most}");
        (occupant, asked, told)
    };
    let (mut occupant, asked, told) = full(0.0).await;
    let answer = tokio::task::spawn_blocking(move || occupant.answer(false)).await.unwrap();
    let took = asked.elapsed().as_secs_f64();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(told <= (DISTURBANCE * took).ceil() && took <= DISTURBANCE * told, "told {told} s, took {took} s");

    // A client that waits as long as it was told gets in.
    let (_occupant, asked, told) = full(ITEMS as f64).await;
    tokio::time::sleep(Duration::from_secs_f64(told)).await;
    while service.predict(&batch(ITEMS)).await.status == 429 {
        let waited = asked.elapsed().as_secs_f64();
        assert!(waited <= DISTURBANCE * told, "told {told} s, and after {waited} s there is no room");
    }
}
