//! `logging-service erase`, beside a service that goes on.

use std::process::Command;

use serde_json::{Value, json};

use crate::lake::{days_ago, flags};
use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    what_belongs_to_a_tag_goes_from_the_database_and_counts_stay,
    the_service_that_keeps_the_lake_erases_there,
}

/// Runs a command of the program on the database: whether it succeeded, and what it printed.
fn run(fixture: &Fixture, arguments: &[&str]) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
    let output = program.args(["--database", &fixture.flag()]).args(arguments).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), printed)
}

/// Rows of customers in turns, the newest of them last.
fn rows(days: i64) -> Vec<Value> {
    let row = |i: i64| {
        json!({
            "model": "m", "label": "x", "confidence": 0.5, "request_id": format!("r-{days}-{i}"),
            "occurred_at": days_ago(days, i - 100), "tags": { "customer": (i % 10).to_string() }
        })
    };
    (0..100).map(row).collect()
}

async fn what_belongs_to_a_tag_goes_from_the_database_and_counts_stay(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&rows(0)).await;
    let labels: Vec<_> = (0..100).map(|i| json!({ "request_id": format!("r-0-{i}"), "label": "x" })).collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    let printed = run(&fixture, &["erase", "--tag", "customer=9"]);
    let expected =
        "10 predictions and 10 labels erased in the database\n0 predictions and 0 labels erased in the lake\n";
    assert_eq!(printed, (true, expected.to_owned()));
    assert!(service.predictions("?tag.customer=9").await.is_empty());
    assert_eq!(service.predictions("?tag.customer=8").await.len(), 10);
    // The newest row and the newest label are emptied, so that the next ones have numbers of their own.
    assert_eq!(service.count().await, 91);
    assert_eq!(fixture.number("SELECT count(*) FROM predictions WHERE request_id = 'erased' AND tags IS NULL"), 1);
    assert_eq!(fixture.number("SELECT count(*) FROM labels"), 91);
    assert_eq!(fixture.number("SELECT count(*) FROM counted_labels"), 90);
    let printed = run(&fixture, &["erase", "--request-id", "r-0-8"]);
    assert!(printed.1.starts_with("1 predictions and 1 labels erased in the database\n"), "{printed:?}");
    let quality = service.get("/quality?model=m&since=2020-01-01T00:00:00Z").await.json();
    assert_eq!(quality["models"][0]["quality"]["predictions"], json!(100), "counts stay");
    let (is_sound, printed) = run(&fixture, &["check"]);
    assert!(is_sound, "{printed}");
    service.store(&rows(0)[..1]).await;
    assert_eq!(service.count().await, 91);
    assert!(!run(&fixture, &["erase"]).0, "it has to be said what is erased");
    // Somebody's request has the name that stands in emptied rows, and its label is the newest.
    assert_eq!(service.post("/feedback", &json!({ "request_id": "erased", "label": "x" })).await.status, 200);
    let (is_done, printed) = run(&fixture, &["erase", "--request-id", "erased"]);
    assert!(is_done && printed.contains("and 1 labels erased in the database"), "{printed}");
}

async fn the_service_that_keeps_the_lake_erases_there(fixture: Fixture) {
    let lake = tempfile::tempdir().unwrap();
    let flags = flags(lake.path());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let service = RunningService::start(&fixture, &flags).await;
    service.store(&rows(60)).await;
    service.store(&[json!({ "model": "m", "label": "x" })]).await;
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("the old rows are gone", |m| m.get(deleted) == 100.0).await;
    let (is_done, printed) = run(&fixture, &["erase", "--tag", "customer=9"]);
    assert!(!is_done && printed.contains("--lake does not say where that is"), "{printed}");
    let arguments = [&flags[..2], &["erase", "--tag", "customer=8"]].concat();
    let (is_done, printed) = run(&fixture, &arguments);
    assert!(is_done && printed.ends_with("10 predictions and 0 labels erased in the lake\n"), "{printed}");
    let unfinished = "logging_erasures_unfinished";
    service.metrics_until("the first one is done as well", |m| m.get(unfinished) == 0.0).await;
    let export = service.get("/export").await.text;
    assert_eq!(export.lines().count(), 81);
    assert!(!export.contains("\"customer\":\"9\"") && !export.contains("\"customer\":\"8\""));
    service.stop().await;
    let (is_sound, printed) = run(&fixture, &[&flags[..2], &["lake", "verify"]].concat());
    assert!(is_sound, "{printed}");
}
