//! Cold rows in a folder, as clients and readers of the folder see them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    cold_rows_are_exported_as_if_they_were_hot,
    rows_that_come_late_make_files_of_their_own,
    nothing_is_deleted_while_the_lake_cannot_be_written,
    labels_go_to_the_lake_before_they_leave_the_database,
}

/// The filters of the exports that are compared.
const FILTERS: [&str; 9] = [
    "",
    "&model=a.b-2",
    "&label=1.0",
    "&status=error",
    "&defect=true",
    "&min_confidence=0.5&max_confidence=0.9",
    "&request_id=r-7",
    "&tag.region=eu",
    "&version=2",
];

pub(crate) fn days_ago(days: i64, seconds: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(24 * days) + SignedDuration::from_secs(seconds)).to_string()
}

/// An id as it was made so many days ago, so that PostgreSQL keeps its row among those of that time.
fn old_id(days: i64, number: i64) -> String {
    let made = Timestamp::now() - SignedDuration::from_hours(24 * days);
    Uuid::from_u128(((made.as_millisecond() as u128) << 80) | (7 << 76) | (2 << 62) | number as u128).to_string()
}

/// Rows of three days that are long over, with equal times among them, and some of now.
pub(crate) fn rows() -> Vec<Value> {
    let row = |i: i64| {
        let model = ["m", "a.b-2", "other"][i as usize % 3];
        let days = [60, 61, 75, 0][i as usize % 4];
        let label = ["1", "1.0", "cat"][i as usize % 3];
        let region = ["eu", "us"][i as usize % 2];
        let mut row = json!({
            "model": model, "label": label, "confidence": (i % 100) as f64 / 100.0,
            "request_id": format!("r-{}", i % 500), "row_index": i, "occurred_at": days_ago(days, -(i % 900) / 5),
            "version": (i % 3).to_string(), "tags": { "region": region }, "defect": i % 7 == 0,
            "features": { "age": i, "name": "ü" }, "note": { "deep": [1, null] },
            "top": [{ "label": "cat", "class": 1, "confidence": 0.25 }],
            "input": { "width": 3, "height": 4, "brightness": 0.5, "contrast": 0.1, "sharpness": 1e-7, "mean": [0.1], "std": [0.2] }
        });
        if i % 11 == 0 {
            row = json!({ "model": model, "status": "error", "error_type": "internal", "occurred_at": days_ago(days, 0) });
        }
        row["event_id"] = json!(old_id(days, i));
        row
    };
    (0..2600).map(row).collect()
}

/// How many of the rows are old enough for retention.
pub(crate) fn old_rows(rows: &[Value]) -> usize {
    let cutoff = days_ago(30, 0);
    rows.iter().filter(|row| row["occurred_at"].as_str().unwrap() < cutoff.as_str()).count()
}

async fn exports(service: &RunningService) -> Vec<String> {
    let mut exports = Vec::new();
    for filter in FILTERS {
        let answer = service.get(&format!("/export?format=ndjson{filter}")).await;
        assert_eq!(answer.status, 200, "{filter}: {answer:?}");
        exports.push(answer.text);
    }
    exports
}

/// The flags of a service with a lake in this folder.
pub(crate) fn flags(folder: &Path) -> Vec<String> {
    let url = format!("file://{}", folder.display());
    ["--lake", &url, "--lake-after-days", "1", "--retention-days", "30", "--evaluate-seconds", "0.05"]
        .map(str::to_owned)
        .to_vec()
}

async fn start(fixture: &Fixture, folder: &Path) -> RunningService {
    let flags = flags(folder);
    RunningService::start(fixture, &flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rows that the newest manifests name, after a look whether their files and no others are there.
fn rows_by_manifests(lake: &Path) -> u64 {
    let (mut rows, mut named) = (0, BTreeSet::new());
    for day in std::fs::read_dir(lake.join("manifests")).unwrap() {
        let newest = files(&day.unwrap().path()).into_iter().max().unwrap();
        let manifest: Value = serde_json::from_slice(&std::fs::read(newest).unwrap()).unwrap();
        rows += manifest["rows"].as_u64().unwrap();
        let paths = manifest["files"].as_array().unwrap().iter();
        named.extend(paths.map(|file| lake.join(file["path"].as_str().unwrap())));
    }
    assert_eq!(files(&lake.join("predictions")).into_iter().collect::<BTreeSet<_>>(), named);
    rows
}

async fn cold_rows_are_exported_as_if_they_were_hot(fixture: Fixture) {
    let lake = tempfile::tempdir().unwrap();
    let service = fresh(&fixture, &[]).await;
    let rows = rows();
    let old = old_rows(&rows) as u64;
    service.store(&rows).await;
    let before = exports(&service).await;
    assert_eq!(before[0].lines().count(), rows.len());
    assert!(before.iter().all(|export| !export.is_empty()));
    let csv = service.get("/export?format=csv").await.text;
    service.stop().await;

    let service = start(&fixture, lake.path()).await;
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("the old rows are gone", |m| m.get(deleted) == old as f64).await;
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_lake_rows_written_total"), old as f64);
    assert!(metrics.get("logging_lake_bytes_written_total") > 1000.0);
    assert!(metrics.get("logging_lake_last_success_timestamp_seconds") > 1.7e9);
    for (filter, (before, after)) in FILTERS.iter().zip(before.iter().zip(exports(&service).await)) {
        assert_eq!(before.lines().count(), after.lines().count(), "{filter}");
        assert_eq!(*before, after, "{filter}");
    }
    assert_eq!(service.get("/export?format=csv").await.text, csv);
    let ranged = service.get(&format!("/export?since={}&until={}", days_ago(70, 0), days_ago(20, 0))).await.text;
    assert_eq!(ranged.lines().count() as u64, old * 2 / 3);
    assert_eq!(service.count().await, rows.len() as u64 - old, "questions about rows are about hot ones");
    assert_eq!(rows_by_manifests(lake.path()), old);
    let folders = lake.path().join("predictions");
    assert!(folders.join("model=a.b-2").is_dir(), "{:?}", files(&folders));
}

async fn rows_that_come_late_make_files_of_their_own(fixture: Fixture) {
    let lake = tempfile::tempdir().unwrap();
    let service = start(&fixture, lake.path()).await;
    // One noon for all rounds, however long they take.
    let noon = Timestamp::from_second((Timestamp::now().as_second() / 86_400 - 60) * 86_400 + 43_200).unwrap();
    let row = |i: i64| {
        let time = (noon - SignedDuration::from_secs(i)).to_string();
        json!({ "model": "m", "label": "x", "request_id": i.to_string(), "occurred_at": time })
    };
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    let mut stored = 0;
    service.store(&[json!({ "model": "m", "label": "x" })]).await;
    for round in 0..4_i64 {
        // In between the rows of the rounds before.
        service.store(&(0..50).map(|i| row(i * 4 + round)).collect::<Vec<_>>()).await;
        // The newest row of all stays, so the next one follows it.
        service.store(&[json!({ "model": "m", "label": "x" })]).await;
        stored += 50;
        // While they are written and deleted, each row is exported once and in its place.
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < Duration::from_secs(60), "the rows of round {round} stay");
            let export = service.get("/export").await.text;
            let ids: Vec<String> = export
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .filter(|row| row["occurred_at"].as_str().unwrap() < days_ago(30, 0).as_str())
                .map(|row| row["request_id"].as_str().unwrap().to_owned())
                .collect();
            let expected: Vec<String> = (0..200).filter(|i| i % 4 <= round).map(|i: i64| i.to_string()).collect();
            assert_eq!(ids, expected, "round {round}");
            if service.metrics().await.get(deleted) == f64::from(stored) {
                break;
            }
        }
    }
    assert_eq!(rows_by_manifests(lake.path()), 200);
    assert_eq!(files(&lake.path().join("predictions")).len(), 4);
}

async fn nothing_is_deleted_while_the_lake_cannot_be_written(fixture: Fixture) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let service = start(&fixture, &lake).await;
    // A file in the place of a folder: whatever is written fails.
    std::fs::write(lake.join("predictions"), "").unwrap();
    let old = (0..100)
        .map(|i| json!({ "event_id": old_id(60, i), "model": "m", "label": "x", "occurred_at": days_ago(60, -i) }));
    service.store(&old.collect::<Vec<_>>()).await;
    service.store(&[json!({ "model": "m", "label": "x" })]).await;
    let failures = "logging_lake_failures_total{reason=\"store\"}";
    service.metrics_until("writing fails", |m| m.get(failures) >= 3.0).await;
    assert_eq!(service.count().await, 101);
    std::fs::remove_file(lake.join("predictions")).unwrap();
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("the lake is back", |m| m.get(deleted) == 100.0).await;
    service.metrics_until("nothing waits", |m| m.get("logging_lake_backlog") == 0.0).await;
    assert_eq!(service.get("/export").await.text.lines().count(), 101);
    assert_eq!(rows_by_manifests(&lake), 100);
}

async fn labels_go_to_the_lake_before_they_leave_the_database(fixture: Fixture) {
    let lake = tempfile::tempdir().unwrap();
    let service = fresh(&fixture, &[]).await;
    let label = |i: i64| json!({ "request_id": i.to_string(), "label": "cat" });
    assert_eq!(service.post("/feedback", &json!((0..100).map(label).collect::<Vec<_>>())).await.status, 200);
    service.stop().await;
    fixture.execute("UPDATE labels SET recorded_at = recorded_at - 60 * 86400000000");

    // A file in the place of a folder: whatever is written fails, and no label goes.
    std::fs::write(lake.path().join("labels"), "").unwrap();
    let service = start(&fixture, lake.path()).await;
    let failures = "logging_lake_failures_total{reason=\"store\"}";
    service.metrics_until("writing fails", |m| m.get(failures) >= 3.0).await;
    assert_eq!(fixture.number("SELECT count(*) FROM labels"), 100);
    std::fs::remove_file(lake.path().join("labels")).unwrap();
    let written = "logging_lake_rows_written_total";
    service.metrics_until("the labels are written", |m| m.get(written) == 100.0).await;
    // Feedback about a prediction that is not there is kept as well, also once its day is written.
    assert_eq!(service.post("/feedback", &json!([label(1000)])).await.status, 200);
    service.metrics_until("retention goes on", |_| fixture.number("SELECT count(*) FROM labels") == 1).await;
    assert_eq!(files(&lake.path().join("labels")).len(), 1);
}
