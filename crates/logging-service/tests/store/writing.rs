//! Writing: idempotency, atomicity, and what observers are told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use logging_service::store::{ModelCounts, StoreError};
use prediction_record::{PredictionRecord, Score, Status, Task};
use uuid::Uuid;

use crate::background::{acknowledged, submit_in_background};
use crate::store_support::{Fixture, StartedStore, id, on_each_engine, record, records, start};

on_each_engine! {
    everything_sent_twice_is_stored_once,
    the_first_of_two_records_with_one_id_wins_within_a_batch_too,
    every_field_comes_back_and_the_smallest_record_is_completed,
    a_prediction_that_was_read_can_be_sent_again_and_says_recorded_at_once,
    a_batch_that_breaks_a_constraint_is_left_out_whole_and_alone,
    a_client_that_was_answered_has_been_counted,
    parts_of_counts_are_merged_before_there_are_too_many_and_add_up,
}

async fn everything_sent_twice_is_stored_once(fixture: Fixture) {
    let all: Vec<Vec<PredictionRecord>> = (1..40).map(records).collect();
    for round in 0..3 {
        let StartedStore { store, witness } = start(fixture.url());
        for batch in &all {
            let size = batch.len() as u64;
            let expected = if round == 0 { acknowledged(size, 0) } else { acknowledged(0, size) };
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
    let store = start(fixture.url()).store;
    let first = record("a");
    let second = PredictionRecord { model: "b".to_owned(), ..first.clone() };
    assert_eq!(store.submit(vec![first.clone(), second.clone(), second.clone()]).await.unwrap(), acknowledged(1, 2));
    assert_eq!(store.submit(vec![second]).await.unwrap(), acknowledged(0, 1));
    assert_eq!(store.get(id(&first)).await.unwrap().unwrap().record.model, "a");
    assert_eq!(store.models().await.unwrap(), ["a"]);
}

async fn every_field_comes_back_and_the_smallest_record_is_completed(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let full = PredictionRecord {
        event_id: Some(Uuid::now_v7()),
        request_id: Some("r'; DROP TABLE predictions; --".to_owned()),
        row_index: u32::MAX,
        items: Some(64),
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
        features: serde_json::from_str(r#"{"age":42.5,"city":"Paris","income":null}"#).unwrap(),
        // These are counted, and no row has them.
        counted_features: prediction_record::FeatureValues::new(),
        tags: serde_json::from_str(r#"{"region":"eu"}"#).unwrap(),
        extra: serde_json::from_str(r#"{"camera":"north","nested":{"x":[1,null,-0.5]}}"#).unwrap(),
    };
    let smallest: PredictionRecord =
        serde_json::from_str(r#"{"model":"cifar10","label":"cat","confidence":1}"#).unwrap();
    let before = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap();
    assert_eq!(store.submit(vec![full.clone(), smallest]).await.unwrap(), acknowledged(2, 0));

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
    let store = start(fixture.url()).store;
    let another = fixture.another();
    let other = start(another.url()).store;
    let original = record("cifar10");
    store.submit(vec![original.clone()]).await.unwrap();
    let json = serde_json::to_string(&store.get(id(&original)).await.unwrap()).unwrap();
    other.submit(vec![serde_json::from_str(&json).unwrap()]).await.unwrap();
    let copy = other.get(id(&original)).await.unwrap().unwrap();
    assert_eq!(copy.record.occurred_at, store.get(id(&original)).await.unwrap().unwrap().record.occurred_at);
    assert_eq!(serde_json::to_string(&copy).unwrap().matches("recorded_at").count(), 1);
}

async fn a_batch_that_breaks_a_constraint_is_left_out_whole_and_alone(fixture: Fixture) {
    let StartedStore { store, witness } = start(fixture.url());
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

    assert_eq!(first.await.unwrap(), Ok(acknowledged(1, 0)));
    assert_eq!(before.await.unwrap(), Ok(acknowledged(5, 0)));
    assert_eq!(after.await.unwrap(), Ok(acknowledged(5, 0)));
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
    assert_eq!(store.submit(bad).await.unwrap(), acknowledged(5, 0));
}

async fn a_client_that_was_answered_has_been_counted(fixture: Fixture) {
    let StartedStore { store, witness } = start(fixture.url());
    let defect = PredictionRecord { defect: true, ..record("steel") };
    store.submit(vec![defect.clone(), record("steel"), record("cifar10"), defect]).await.unwrap();
    let told = witness.told();
    assert_eq!(told.availability, [true]);
    assert_eq!(told.failures, []);
    assert_eq!(told.commits.len(), 1);
    assert_eq!(told.commits[0].rows, 4);
    assert!(told.commits[0].seconds > 0.0);
    let expected = BTreeMap::from([
        ("cifar10".to_owned(), ModelCounts { accepted: 1, predictions: 1, duplicates: 0, defects: 0 }),
        ("steel".to_owned(), ModelCounts { accepted: 2, predictions: 2, duplicates: 1, defects: 1 }),
    ]);
    assert_eq!(told.commits[0].models, expected);
    assert_eq!(store.submit(Vec::new()).await.unwrap(), acknowledged(0, 0));
    assert_eq!(witness.told().commits.len(), 1);
}

async fn parts_of_counts_are_merged_before_there_are_too_many_and_add_up(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let now = Timestamp::now();
    for number in 0..300 {
        let label = format!("{number:03}{}", "x".repeat(200));
        let one = PredictionRecord { label: Some(label), occurred_at: Some(now), ..record("cifar10") };
        assert_eq!(store.submit(vec![one]).await.unwrap(), acknowledged(1, 0));
    }
    store.close().await;
    let parts = fixture.number("SELECT count(*) FROM window_parts");
    assert!((1..256).contains(&parts), "{parts}");
    let predictions = match fixture {
        Fixture::Sqlite(_) => "counts ->> 'n'",
        Fixture::Postgres(_) => "(counts::json ->> 'n')::bigint",
    };
    let counted = format!(
        "SELECT CAST(sum({predictions}) AS BIGINT) FROM
            (SELECT counts FROM window_counts UNION ALL SELECT counts FROM window_parts) AS counted"
    );
    assert_eq!(fixture.number(&counted), 300);
}
