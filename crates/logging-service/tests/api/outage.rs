//! The database goes away under the running service, and comes back.

use std::fs;
use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::service::{JSON, RunningService, fresh, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    while_the_writer_is_held_up_only_as_much_as_fits_is_taken,
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_service_refuses_and_recovers_by_itself() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let folder = fixture.folder();
    service.store(&[smallest()]).await;
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    let mut record = smallest();
    record["event_id"] = json!(Uuid::now_v7());

    // A file where the folder was: nothing can be opened or made there.
    fs::rename(&data, &away).unwrap();
    fs::write(&data, "").unwrap();
    for attempt in ["while the files are still open", "after they are closed"] {
        let answer = service.log(JSON, record.to_string()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")), "{attempt}: {answer:?}");
        assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() >= 1), "{attempt}");
        assert!(!answer.text.contains(folder.path().to_str().unwrap()), "{attempt}: {answer:?}");
    }
    for path in ["/health", "/health/ready"] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, &answer.json()["database"]), (503, &json!("unavailable")), "{path}: {answer:?}");
        assert_eq!(answer.json()["status"], "unavailable", "{path}");
    }
    assert_eq!(service.get("/health/live").await.status, 200);
    for path in ["/predictions", "/stats", &format!("/predictions/{}", Uuid::now_v7())] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")), "{path}: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{path}");
    }
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_db_initialized"), 0.0);
    assert!(metrics.get("logging_write_errors_total") >= 1.0);
    assert_eq!(metrics.get(r#"logging_predictions_total{model="cifar10"}"#), 1.0, "what was refused is not counted");

    fs::remove_file(&data).unwrap();
    fs::rename(&away, &data).unwrap();
    service.metrics_until("the database is back", |metrics| metrics.get("logging_db_initialized") == 1.0).await;
    assert_eq!(service.get("/health/ready").await.status, 200);
    let answer = service.log(JSON, record.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(service.count().await, 2, "what was sent again is there once, and what was there still is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_without_its_database_waits_for_it() {
    let fixture = Fixture::sqlite();
    let data = fixture.folder().path().join("data");
    fs::write(&data, "").unwrap();
    let service = RunningService::start(&fixture, &[]).await;
    assert_eq!(service.metrics().await.get("logging_db_initialized"), 0.0);
    assert_eq!(service.get("/health/ready").await.status, 503);
    assert_eq!(service.log(JSON, smallest().to_string()).await.status, 503);
    fs::remove_file(&data).unwrap();
    service.metrics_until("the database is made", |metrics| metrics.get("logging_db_initialized") == 1.0).await;
    service.store(&[smallest()]).await;
    assert_eq!(service.get("/health/ready").await.status, 200);
}

async fn while_the_writer_is_held_up_only_as_much_as_fits_is_taken(fixture: Fixture) {
    /// Two records, and another one that is small.
    const LIMIT: usize = 3;
    const SENT: usize = 10;
    let service = fresh(&fixture, &["--queue-limit", "2"]).await;
    let service = Arc::new(service);
    // Another client of the database is in the middle of a transaction.
    let other_client = fixture.lock();
    let mut answers = JoinSet::new();
    for _ in 0..SENT {
        let service = service.clone();
        answers.spawn(async move { service.log(JSON, smallest().to_string()).await });
    }
    // A full queue may be with the writer and another may wait; the rest is refused while the lock is held.
    for _ in 0..SENT - 2 * LIMIT {
        let answer = answers.join_next().await.unwrap().unwrap();
        assert_eq!((answer.status, &answer.json()["code"]), (429, &json!("overloaded")), "{answer:?}");
        assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() >= 1), "{answer:?}");
    }
    drop(other_client);
    let mut stored = 0;
    while let Some(answer) = answers.join_next().await {
        let answer = answer.unwrap();
        assert!(matches!(answer.status, 200 | 429), "{answer:?}");
        stored += u64::from(answer.status == 200);
    }
    assert!(stored >= LIMIT as u64, "there is room for {LIMIT}, and {stored} were stored");
    assert_eq!(service.count().await, stored, "acknowledged and stored are the same");
    assert_eq!(service.metrics().await.get("logging_queue_depth"), 0.0);
}
