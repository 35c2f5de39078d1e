//! Writing: idempotency, atomicity, bounds, and what callers and observers are told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod store_support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use logging_service::store::{Acknowledgement, ModelCounts, Store, StoreError, StoreOptions};
use prediction_record::{PredictionRecord, Score, Status, Task};
use store_support::{Fixture, Witness, id, on_each_engine, record, records, start, start_with};
use uuid::Uuid;

on_each_engine! {
    everything_sent_twice_is_stored_once,
    the_first_of_two_records_with_one_id_wins_within_a_batch_too,
    every_field_comes_back_and_the_smallest_record_is_completed,
    a_prediction_that_was_read_can_be_sent_again_and_says_recorded_at_once,
    a_batch_that_breaks_a_constraint_is_left_out_whole_and_alone,
    the_queue_is_bounded_by_records_and_says_when_to_come_back,
    a_caller_that_is_gone_does_not_stop_the_storing,
    whoever_was_answered_has_been_counted,
    many_callers_share_few_transactions,
    closing_stores_what_is_queued_and_empties_the_log,
    a_store_that_is_dropped_stores_what_is_queued,
    a_panic_of_the_writer_leaves_nobody_waiting,
}

fn accepted(accepted: u64, duplicates: u64) -> Acknowledgement {
    Acknowledgement { accepted, duplicates }
}

/// Starts submitting and returns when the records are in the queue or with the writer.
async fn submit_in_background(
    store: &Arc<Store>,
    records: Vec<PredictionRecord>,
) -> tokio::task::JoinHandle<Result<Acknowledgement, StoreError>> {
    let (store, (pushed, was_pushed)) = (Arc::clone(store), tokio::sync::oneshot::channel());
    let task = tokio::spawn(async move {
        let mut submission = std::pin::pin!(store.submit(records));
        tokio::select! {
            biased;
            outcome = &mut submission => return outcome,
            _ = std::future::ready(()) => {}
        }
        let _ = pushed.send(());
        submission.await
    });
    was_pushed.await.expect("answered before the lock was released");
    task
}

async fn everything_sent_twice_is_stored_once(fixture: Fixture) {
    let all: Vec<Vec<PredictionRecord>> = (1..40).map(records).collect();
    for round in 0..3 {
        let (store, witness) = start(fixture.url());
        for batch in &all {
            let size = batch.len() as u64;
            let expected = if round == 0 { accepted(size, 0) } else { accepted(0, size) };
            assert_eq!(store.submit(batch.clone()).await.unwrap(), expected);
        }
        assert_eq!(store.count().await.unwrap(), (1..40).sum::<u64>());
        let duplicates: u64 = witness.told().commits.iter().map(|c| c.models["cifar10"].duplicates).sum();
        assert_eq!(duplicates, if round == 0 { 0 } else { (1..40).sum() });
        store.close().await;
    }
    fixture.assert_holds(all.iter().flatten().map(id));
}

async fn the_first_of_two_records_with_one_id_wins_within_a_batch_too(fixture: Fixture) {
    let (store, _) = start(fixture.url());
    let first = record("a");
    let second = PredictionRecord { model: "b".to_owned(), ..first.clone() };
    assert_eq!(store.submit(vec![first.clone(), second.clone(), second.clone()]).await.unwrap(), accepted(1, 2));
    assert_eq!(store.submit(vec![second]).await.unwrap(), accepted(0, 1));
    assert_eq!(store.get(id(&first)).await.unwrap().unwrap().record.model, "a");
    assert_eq!(store.models().await.unwrap(), ["a"]);
}

async fn every_field_comes_back_and_the_smallest_record_is_completed(fixture: Fixture) {
    let (store, _) = start(fixture.url());
    let full = PredictionRecord {
        event_id: Some(Uuid::now_v7()),
        request_id: Some("r'; DROP TABLE predictions; --".to_owned()),
        row_index: u32::MAX,
        occurred_at: Some("2024-02-29T23:59:59.123456Z".parse().unwrap()),
        model: "cifar10".to_owned(),
        version: Some("3".to_owned()),
        model_sha256: Some("a".repeat(64)),
        status: Status::Error,
        error_type: Some("deadline_exceeded".to_owned()),
        label: Some("猫 \u{1f408}".to_owned()),
        class: Some(u32::MAX),
        confidence: Some(0.1 + 0.2),
        defect: true,
        top: vec![Score { label: "猫".to_owned(), class: None, confidence: 1.0 / 3.0 }],
        latency_seconds: Some(f64::MIN_POSITIVE),
        decode_seconds: Some(0.0),
        queue_seconds: Some(1e300),
        inference_seconds: Some(2.0f64.powi(-20)),
        trace_id: Some("0".repeat(32)),
        task: Task::Regression,
        value: Some(f64::MIN),
        schema_version: Some(7),
        variant: None,
        span_id: None,
        input_sha256: None,
        input: None,
        extra: serde_json::from_str(r#"{"camera":"north","nested":{"x":[1,null,-0.5]}}"#).unwrap(),
    };
    let smallest: PredictionRecord =
        serde_json::from_str(r#"{"model":"cifar10","label":"cat","confidence":1}"#).unwrap();
    let before = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap();
    assert_eq!(store.submit(vec![full.clone(), smallest]).await.unwrap(), accepted(2, 0));

    let stored = store.get(id(&full)).await.unwrap().unwrap();
    assert_eq!(stored.record, full);
    assert!(stored.recorded_at >= before && stored.recorded_at <= Timestamp::now());

    let newest = store.list(&Default::default(), 1, None).await.unwrap().predictions.remove(0);
    let record = &newest.record;
    assert_eq!(record.request_id, Some(id(record).to_string()));
    assert_eq!(id(record).get_version_num(), 7);
    assert!(record.occurred_at.unwrap() >= before && record.occurred_at.unwrap() <= newest.recorded_at);
    assert_eq!(store.get(Uuid::nil()).await.unwrap(), None);
}

async fn a_prediction_that_was_read_can_be_sent_again_and_says_recorded_at_once(fixture: Fixture) {
    let (store, _) = start(fixture.url());
    let another = fixture.another();
    let (other, _) = start(another.url());
    let original = record("cifar10");
    store.submit(vec![original.clone()]).await.unwrap();
    let json = serde_json::to_string(&store.get(id(&original)).await.unwrap()).unwrap();
    other.submit(vec![serde_json::from_str(&json).unwrap()]).await.unwrap();
    let copy = other.get(id(&original)).await.unwrap().unwrap();
    assert_eq!(copy.record.occurred_at, store.get(id(&original)).await.unwrap().unwrap().record.occurred_at);
    assert_eq!(serde_json::to_string(&copy).unwrap().matches("recorded_at").count(), 1);
}

async fn a_batch_that_breaks_a_constraint_is_left_out_whole_and_alone(fixture: Fixture) {
    let (store, witness) = start(fixture.url());
    let lock = fixture.lock();
    // The first keeps the writer busy, so that the other three share one transaction.
    let first = submit_in_background(&store, records(1)).await;
    while store.queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let before = submit_in_background(&store, records(5)).await;
    let mut bad = records(5);
    bad[4].confidence = Some(2.0);
    let refused = submit_in_background(&store, bad.clone()).await;
    let after = submit_in_background(&store, records(5)).await;
    drop(lock);

    assert_eq!(first.await.unwrap(), Ok(accepted(1, 0)));
    assert_eq!(before.await.unwrap(), Ok(accepted(5, 0)));
    assert_eq!(after.await.unwrap(), Ok(accepted(5, 0)));
    let error = refused.await.unwrap().unwrap_err();
    assert!(matches!(&error, StoreError::Refused(cause) if cause.contains("confidence")), "{error}");
    assert_eq!(witness.told().failures, [error]);
    assert_eq!(witness.told().availability, [true], "one caller's bad data is no outage");
    assert_eq!(witness.told().commits.last().unwrap().rows, 10, "the three did share a transaction");
    assert_eq!(store.count().await.unwrap(), 11);
    for record in &bad {
        assert_eq!(store.get(id(record)).await.unwrap(), None);
    }
    // What was refused is not remembered as seen.
    bad[4].confidence = Some(1.0);
    assert_eq!(store.submit(bad).await.unwrap(), accepted(5, 0));
}

async fn the_queue_is_bounded_by_records_and_says_when_to_come_back(fixture: Fixture) {
    let (store, _) = start_with(StoreOptions { queue_limit: 10, ..StoreOptions::new(fixture.url()) });
    assert_eq!(store.submit(records(11)).await, Err(StoreError::BatchTooLarge { records: 11, limit: 10 }));
    let lock = fixture.lock();
    let taken = submit_in_background(&store, records(10)).await;
    while store.queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = submit_in_background(&store, records(10)).await;
    assert_eq!((store.queue_depth(), store.queue_limit()), (10, 10));
    let refused = store.submit(records(1)).await;
    assert!(matches!(refused, Err(StoreError::Overloaded { retry_after_seconds }) if retry_after_seconds > 0.0));
    drop(lock);
    assert_eq!(taken.await.unwrap(), Ok(accepted(10, 0)));
    assert_eq!(waiting.await.unwrap(), Ok(accepted(10, 0)));
    assert_eq!(store.submit(records(1)).await, Ok(accepted(1, 0)));
    assert_eq!(store.count().await.unwrap(), 21);
}

async fn a_caller_that_is_gone_does_not_stop_the_storing(fixture: Fixture) {
    let (store, witness) = start(fixture.url());
    let lock = fixture.lock();
    let task = submit_in_background(&store, records(3)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    drop(lock);
    witness.until(|told| told.commits.len() == 1).await;
    assert_eq!(store.count().await.unwrap(), 3);
}

async fn whoever_was_answered_has_been_counted(fixture: Fixture) {
    let (store, witness) = start(fixture.url());
    let defect = PredictionRecord { defect: true, ..record("steel") };
    store.submit(vec![defect.clone(), record("steel"), record("cifar10"), defect]).await.unwrap();
    let told = witness.told();
    assert_eq!(told.availability, [true]);
    assert_eq!(told.failures, []);
    assert_eq!(told.commits.len(), 1);
    assert_eq!(told.commits[0].rows, 4);
    assert!(told.commits[0].seconds > 0.0);
    let expected = BTreeMap::from([
        ("cifar10".to_owned(), ModelCounts { accepted: 1, duplicates: 0, defects: 0 }),
        ("steel".to_owned(), ModelCounts { accepted: 2, duplicates: 1, defects: 1 }),
    ]);
    assert_eq!(told.commits[0].models, expected);
    assert_eq!(store.submit(Vec::new()).await.unwrap(), accepted(0, 0));
    assert_eq!(witness.told().commits.len(), 1);
}

async fn many_callers_share_few_transactions(fixture: Fixture) {
    let (store, witness) = start(fixture.url());
    let lock = fixture.lock();
    let mut tasks = Vec::new();
    for _ in 0..500 {
        tasks.push(submit_in_background(&store, records(3)).await);
    }
    drop(lock);
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(accepted(3, 0)));
    }
    assert_eq!(store.count().await.unwrap(), 1500);
    assert!(witness.told().commits.len() <= 3, "{} transactions", witness.told().commits.len());
}

async fn closing_stores_what_is_queued_and_empties_the_log(fixture: Fixture) {
    let (store, _) = start(fixture.url());
    let lock = fixture.lock();
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(submit_in_background(&store, records(7)).await);
    }
    let closing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.close().await }
    });
    while store.is_available() {
        tokio::task::yield_now().await;
    }
    assert!(store_support::is_unavailable(&store.submit(records(1)).await));
    drop(lock);
    closing.await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(accepted(7, 0)));
    }
    store.close().await;
    if let Fixture::Sqlite(_) = fixture {
        let path = fixture.file();
        assert!(!path.with_extension("db-wal").exists(), "the write-ahead log is still there");
        assert_eq!(store.size_bytes(), std::fs::metadata(&path).unwrap().len());
    }
    assert_eq!(store.count().await.unwrap(), 140, "reading goes on");
}

async fn a_store_that_is_dropped_stores_what_is_queued(fixture: Fixture) {
    let (store, witness) = start(fixture.url());
    let lock = fixture.lock();
    let task = submit_in_background(&store, records(3)).await;
    task.abort();
    let _ = task.await;
    drop(store);
    drop(lock);
    witness.until(|told| told.commits.len() == 1).await;
}

struct Clumsy(Witness);

impl logging_service::store::StoreObserver for Clumsy {
    fn committed(&self, summary: &logging_service::store::CommitSummary) {
        assert!(summary.rows < 3, "on purpose");
        self.0.committed(summary);
    }
    fn availability_changed(&self, available: bool) {
        self.0.availability_changed(available);
    }
    fn commit_failed(&self, error: &StoreError) {
        self.0.commit_failed(error);
    }
}

async fn a_panic_of_the_writer_leaves_nobody_waiting(fixture: Fixture) {
    let observer = Arc::new(Clumsy(Witness::default()));
    let store = Arc::new(Store::start(StoreOptions::new(fixture.url()), observer).unwrap());
    store.submit(records(2)).await.unwrap();
    let lock = fixture.lock();
    let fatal = submit_in_background(&store, records(3)).await;
    while store.queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = submit_in_background(&store, records(1)).await;
    drop(lock);
    let answers = tokio::time::timeout(Duration::from_secs(30), async {
        assert!(store_support::is_unavailable(&fatal.await.unwrap()));
        assert!(store_support::is_unavailable(&waiting.await.unwrap()));
        assert!(store_support::is_unavailable(&store.submit(records(1)).await));
        assert!(!store.is_available());
        store.close().await;
    });
    answers.await.expect("somebody still waits");
}
