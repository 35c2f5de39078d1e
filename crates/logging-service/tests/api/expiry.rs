//! Retention on PostgreSQL, where expired partitions go as a whole, and what the service says of its server.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use postgres::{Client, NoTls};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh, smallest};
use crate::store_support::{Fixture, apart};

/// Rows of long ago.
const OLD: usize = 6000;
/// Requests beside a retention that cannot drop anything.
const REQUESTS: usize = 200;
/// Longer than any of them may take; each waits for locks at most for parts of a second, and the machine is busy.
const SOON: Duration = Duration::from_secs(3);

fn old(count: usize) -> Vec<Value> {
    let made = |i: usize| (Timestamp::now() - SignedDuration::from_hours(24 * (60 + i as i64 % 28))).to_string();
    (0..count).map(|i| json!({ "model": "m", "label": "x", "confidence": 0.5, "occurred_at": made(i) })).collect()
}

/// A database whose rows of long ago lie in their weeks' partitions; nothing where the test is to be skipped.
async fn grown() -> Option<Fixture> {
    let fixture = Fixture::postgres()?;
    let service = fresh(&fixture, &[]).await;
    for batch in old(OLD).chunks(1000) {
        service.store(batch).await;
    }
    while fixture.number(&partitions()) < 4 || fixture.number("SELECT count(*) FROM predictions_default") > 0 {
        service.store(&[smallest()]).await;
    }
    service.stop().await;
    Some(fixture)
}

fn partitions() -> String {
    let until = (Timestamp::now() - SignedDuration::from_hours(24 * 45)).as_millisecond();
    format!("SELECT count(*) FROM prediction_partitions WHERE until_ms < {until}")
}

/// Refuses every deletion that is not one of a whole partition.
const NO_ROW_BY_ITSELF: &str = "
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a row by itself'; END $$;
CREATE TRIGGER refuse BEFORE DELETE ON predictions FOR EACH ROW EXECUTE FUNCTION refuse()";

const RETENTION: &[&str] = &["--retention-days", "40", "--evaluate-seconds", "0.05"];

#[tokio::test(flavor = "multi_thread")]
async fn expired_partitions_go_as_a_whole_and_at_once() {
    let Some(fixture) = grown().await else { return };
    fixture.execute(NO_ROW_BY_ITSELF);
    let began = Instant::now();
    let service = fresh(&fixture, RETENTION).await;
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("the old ones are gone", |m| m.get(deleted) == OLD as f64).await;
    eprintln!("{OLD} rows in {:?}, the service's start included", began.elapsed());
    assert_eq!(fixture.number(&partitions()), 0);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_runs_for_hours_keeps_partitions_and_nobody_else() {
    let Some(fixture) = grown().await else { return };
    let url = fixture.flag();
    let long = apart(|| {
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute("BEGIN; SELECT count(*) FROM predictions").unwrap();
        client
    });
    let service = fresh(&fixture, RETENTION).await;
    let (before, mut slowest) = (service.metrics().await.get("logging_evaluation_seconds_count"), Duration::ZERO);
    let mut requests = 0;
    while requests < REQUESTS || service.metrics().await.get("logging_evaluation_seconds_count") < before + 5.0 {
        let began = Instant::now();
        service.store(&[smallest()]).await;
        assert_eq!(service.predictions("?limit=1").await.len(), 1);
        slowest = slowest.max(began.elapsed());
        requests += 1;
    }
    eprintln!("{requests} records and pages beside the question, the slowest {slowest:?}");
    assert!(slowest < SOON, "{slowest:?}");
    assert!(fixture.number(&partitions()) >= 4, "they cannot go yet");
    apart(move || drop(long));
    service
        .metrics_until("the old ones are gone", |m| m.get("logging_retention_deleted_total{reason=\"age\"}") > 0.0)
        .await;
    while fixture.number(&partitions()) > 0 {
        service.store(&[smallest()]).await;
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_how_many_connections_it_has_left() {
    let Some(fixture) = Fixture::postgres() else { return };
    let service = fresh(&fixture, &[]).await;
    service.store(&[smallest()]).await;
    let metrics = service.metrics().await;
    let limit = metrics.get("logging_database_connection_limit");
    let own = "SELECT CAST(current_setting('max_connections') AS BIGINT)
                   - CAST(current_setting('superuser_reserved_connections') AS BIGINT)";
    assert_eq!(limit, fixture.number(own) as f64);
    let connections = metrics.get("logging_database_connections");
    assert!((1.0..limit).contains(&connections), "{connections}");
    assert_eq!(metrics.get("logging_database_standby_lag_bytes"), 0.0);
    service.stop().await;
    let folder = Fixture::sqlite();
    let file = fresh(&folder, &[]).await;
    let metrics: [f64; 2] = [file.metrics().await.get("logging_database_connections"), limit_of(&file).await];
    assert_eq!(metrics, [0.0, 0.0], "a file has none");
}

async fn limit_of(service: &RunningService) -> f64 {
    service.metrics().await.get("logging_database_connection_limit")
}
