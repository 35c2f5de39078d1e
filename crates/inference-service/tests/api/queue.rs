//! What a full queue means to its clients: who still gets in, whose turn it is, and what the others are told.

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
use crate::service::{Service, serve};

const SLOW: &str = r#"predictions_total{model="slow",status="success"}"#;

fn slow() -> Sent {
    Sent::new("image/png", dot()).query("?model=slow")
}

fn slow_batch(items: usize) -> Sent {
    Sent::json(&json!({ "model": "slow", "images": vec![base64(&dot()); items] }))
}

fn whole(sent: &Sent) -> Vec<u8> {
    let head = sent.head(&format!("content-length: {}\r\n", sent.body.len()));
    [head.as_bytes(), &sent.body].concat()
}

fn depth(metrics: &Metrics) -> f64 {
    metrics.get("prediction_queue_depth")
}

/// Clients that ask for the slow model until told to stop; gives how often they were refused.
async fn flood(service: Service, clients: usize, stop: Arc<AtomicBool>) -> usize {
    let mut flood = JoinSet::new();
    for _ in 0..clients {
        let (service, stop) = (service.clone(), stop.clone());
        flood.spawn(async move {
            let mut refused = 0;
            while !stop.load(Ordering::Relaxed) {
                let answer = service.predict(&slow()).await;
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
    let models = repository::with_troublemakers();
    let service = serve(models.path(), &["--threads", "1", "--queue-limit", "18"]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = tokio::spawn(flood(service.service.clone(), 20, stop.clone()));
    let full = |metrics: &Metrics| metrics.get(r#"prediction_queue_places{model="slow"}"#) == 16.0;
    service.metrics_until("the flood has its share", full).await;

    let before = service.metrics().await.get(SLOW);
    for _ in 0..ASKED {
        let answer = service.predict(&Sent::new("image/jpeg", cat()).query("?model=cifar10")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let slow_meanwhile = service.metrics().await.get(SLOW) - before;
    stop.store(true, Ordering::Relaxed);
    let refused = flooding.await.unwrap();
    // Behind what waited, each would have let 16 go first. This way: the one that runs, and one between two answers.
    assert!(slow_meanwhile <= f64::from(3 * ASKED), "{slow_meanwhile} slow items went before {ASKED} others");
    assert!(refused > 0, "there was no flood");
    let refusals = service.metrics().await;
    assert_eq!(refusals.get(r#"prediction_errors_total{error_type="overloaded",model="slow"}"#), refused as f64);
    assert_eq!(refusals.get(r#"prediction_errors_total{error_type="overloaded",model="cifar10"}"#), 0.0);
    assert_eq!(depth(&refusals), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_that_leave_are_each_counted_once_and_free_their_places() {
    let models = repository::slow();
    let service = serve(models.path(), &["--threads", "1", "--queue-limit", "200"]).await;
    let mut leaving: Vec<Connection> = (0..100).map(|_| Connection::open(&service)).collect();
    for connection in &mut leaving {
        connection.send(whole(&slow()));
    }
    let there = |metrics: &Metrics| depth(metrics) + metrics.get(SLOW) >= 90.0;
    service.metrics_until("most of them wait", there).await;
    drop(leaving);
    let metrics =
        service.metrics_until("they are missed", |metrics| metrics.get("http_requests_in_flight") == 1.0).await;
    assert_eq!(depth(&metrics), 0.0, "nobody waits");
    let cancelled = metrics.get(r#"prediction_errors_total{error_type="cancelled",model="slow"}"#);
    assert_eq!(metrics.get(SLOW) + cancelled, 100.0, "{cancelled} cancelled");
    assert!(cancelled >= 50.0, "{cancelled} of 100 were cancelled: there was nothing to see");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_frees_its_places_though_the_threads_are_busy() {
    let models = repository::slow();
    let service = serve(models.path(), &["--threads", "1", "--queue-limit", "64"]).await;
    let hasty = slow_batch(64).header("x-request-timeout-ms", "30");
    let answer = service.predict(&hasty).await;
    assert_eq!((answer.status, &answer.json()["code"]), (504, &json!("deadline_exceeded")), "{answer:?}");
    let metrics = service.metrics().await;
    assert_eq!(depth(&metrics), 0.0, "with the answer, the places are free");
    assert_eq!(metrics.get(r#"prediction_errors_total{error_type="deadline_exceeded",model="slow"}"#), 64.0);
    assert_eq!(metrics.get(SLOW), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_when_the_queue_has_been_worked_off() {
    let models = repository::slow();
    let service = serve(models.path(), &["--threads", "1", "--queue-limit", "200", "--max-batch", "200"]).await;
    // A fast answer of another model must not be taken for this one's; and the first refusal is true as well.
    let mut occupant = Connection::open(&service);
    occupant.send(whole(&slow_batch(200)));
    service.metrics_until("the queue fills", |metrics| depth(metrics) > 0.0).await;
    let (asked, waiting) = (Instant::now(), depth(&service.metrics().await));
    let refusal = service.predict(&slow_batch(200)).await;
    assert_eq!(refusal.status, 429, "{refusal:?}");
    let told: f64 = refusal.header("retry-after").unwrap().parse().unwrap();
    service.metrics_until("it has been worked off", |metrics| depth(metrics) == 0.0).await;
    let took = asked.elapsed().as_secs_f64();
    // Whole seconds, rounded up.
    assert!(told <= 2.0 * took + 1.0 && took <= 2.0 * told, "told {told} s for {waiting} items, took {took} s");

    let mut occupant_again = Connection::open(&service);
    occupant_again.send(whole(&slow_batch(200)));
    service.metrics_until("the queue fills again", |metrics| depth(metrics) > 0.0).await;
    let refusal = service.predict(&slow_batch(200)).await;
    let told = refusal.header("retry-after").unwrap().parse().unwrap();
    // How long a client waits is the subject.
    tokio::time::sleep(Duration::from_secs(told)).await;
    let asked = Instant::now();
    while service.predict(&slow_batch(200).header("x-request-timeout-ms", "1")).await.status == 429 {
        assert!(
            asked.elapsed() <= Duration::from_secs(told),
            "told {told} s, and after twice as many there is no room"
        );
    }
}
