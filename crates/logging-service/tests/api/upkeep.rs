//! Retention and backups, beside a service that goes on.

use clap::Parser as _;
use jiff::{SignedDuration, Timestamp};
use logging_service::command;
use logging_service::config::{Config, DatabaseCommand};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    what_is_too_old_goes_and_the_counts_of_windows_stay,
    a_database_beyond_its_bytes_loses_its_oldest_and_no_more,
    the_program_checks_a_database_in_use,
}

/// Older than a month, and not so old that its counts would go too.
fn old(count: usize) -> Vec<Value> {
    let occurred_at = (Timestamp::now() - SignedDuration::from_hours(24 * 60)).to_string();
    (0..count)
        .map(|i| json!({ "model": "m", "label": "x", "confidence": 0.5, "request_id": format!("old-{i}"), "occurred_at": occurred_at }))
        .collect()
}

async fn what_is_too_old_goes_and_the_counts_of_windows_stay(fixture: Fixture) {
    let service = fresh(&fixture, &["--retention-days", "30", "--evaluate-seconds", "0.05"]).await;
    service.store(&old(5000)).await;
    service.store(&[smallest()]).await;
    service
        .metrics_until("the old ones are gone", |m| m.get("logging_retention_deleted_total{reason=\"age\"}") == 5000.0)
        .await;
    assert_eq!(service.count().await, 1);
    let stats = service.get("/stats").await.json();
    assert_eq!(stats["total"]["predictions"], json!(5001), "sums stay");
    let quality = service.get("/quality?model=m&since=2020-01-01T00:00:00Z").await.json();
    assert_eq!(quality["models"][0]["quality"]["predictions"], json!(5000));
    let oldest = service.metrics().await.get("logging_oldest_prediction_timestamp_seconds");
    assert!(oldest == 0.0 || oldest > 1.7e9, "{oldest}");
    // Rows that come after a deletion are found by their request.
    service.store(&[json!({ "model": "m", "label": "x", "confidence": 0.5, "request_id": "new" })]).await;
    assert_eq!(service.predictions("?request_id=new").await.len(), 1);
    assert!(service.predictions("?request_id=old-7").await.is_empty());
}

async fn a_database_beyond_its_bytes_loses_its_oldest_and_no_more(fixture: Fixture) {
    let service = fresh(&fixture, &["--retention-bytes", "4000000", "--evaluate-seconds", "2"]).await;
    let record = |i: usize| {
        let padding = "p".repeat(900);
        json!({ "model": "m", "label": "x", "confidence": 0.5, "request_id": format!("r-{i}"), "padding": padding })
    };
    for batch in 0..10 {
        service.store(&(0..1000).map(|i| record(1000 * batch + i)).collect::<Vec<_>>()).await;
    }
    let deleted = "logging_retention_deleted_total{reason=\"size\"}";
    service.metrics_until("the excess is deleted", |m| m.get(deleted) > 5000.0).await;
    // It comes to rest: turns go by in which nothing is deleted.
    let (mut last, mut since) = (0.0, 0.0);
    service
        .metrics_until("it comes to rest", |m| {
            let turns = m.get("logging_evaluation_seconds_count");
            if m.get(deleted) != last {
                (last, since) = (m.get(deleted), turns);
            }
            turns >= since + 3.0
        })
        .await;
    // Each takes about 1.2 kB with its indexes. PostgreSQL's statistics are a second old, hence the long turns.
    let left = service.count().await;
    assert!((2000..4500).contains(&left), "{left} of 10,000 are left");
    assert_eq!(service.predictions("?request_id=r-9999").await.len(), 1, "the newest stays");
    assert!(service.predictions("?request_id=r-0").await.is_empty(), "the oldest goes");
}

async fn the_program_checks_a_database_in_use(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&old(1)).await;
    service.store(&[smallest(), smallest()]).await;
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_logging-service"));
    let output = program.args(["--database", &fixture.flag(), "check"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert!(printed.ends_with(": 3 predictions, 1 windows compared with their rows, 0 problems\n"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_backups_are_verified_and_the_old_ones_go() {
    let fixture = Fixture::sqlite();
    let backups = tempfile::tempdir().unwrap();
    let folder = backups.path().to_str().unwrap();
    let flags = ["--backup-dir", folder, "--backup-hours", "0.0003", "--backup-keep", "2"];
    let service = fresh(&fixture, &flags).await;
    service.store(&old(10)).await;
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(backups.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "db"));
        files
    };
    service
        .metrics_until("two backups, the newest with the rows", |m| {
            m.get("logging_backup_last_verified_timestamp_seconds") > 0.0
                && files().len() == 2
                && files().last().is_some_and(|file| rows(file) == Some(10))
        })
        .await;
    let metrics = service.metrics().await;
    assert_eq!((metrics.get("logging_backup_enabled"), metrics.get("logging_backup_failures_total")), (1.0, 0.0));
    assert!(metrics.get("logging_backup_bytes") > 0.0);
}

fn rows(file: &std::path::Path) -> Option<i64> {
    let connection = rusqlite::Connection::open(file).ok()?;
    connection.query_row("SELECT count(*) FROM predictions", [], |row| row.get(0)).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_made_is_counted_and_stops_nothing() {
    let fixture = Fixture::sqlite();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("no-folder");
    std::fs::write(&file, "").unwrap();
    let service = fresh(&fixture, &["--backup-dir", file.to_str().unwrap()]).await;
    service.metrics_until("the failure is counted", |m| m.get("logging_backup_failures_total") == 1.0).await;
    service.store(&[smallest()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_copy_and_check_a_database_in_use() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    service.store(&[smallest(), smallest()]).await;
    let database = Config::try_parse_from(["logging-service", "--database", &fixture.flag()]).unwrap();
    let to = fixture.folder().path().join("copy.db");
    let run = |command: DatabaseCommand, database: Config| {
        tokio::task::spawn_blocking(move || format!("{:?}", command::run(&command, &database)))
    };
    let sound = format!("{:?}", anyhow::Ok(std::process::ExitCode::SUCCESS));
    assert_eq!(run(DatabaseCommand::Backup { to: to.clone() }, database.clone()).await.unwrap(), sound);
    assert_eq!(rows(&to), Some(2));
    assert!(
        run(DatabaseCommand::Backup { to: to.clone() }, database.clone()).await.unwrap().contains("exists already")
    );
    assert_eq!(run(DatabaseCommand::Check, database.clone()).await.unwrap(), sound);

    // A count that does not equal its rows is found. The bucket of the oldest row is not compared, hence the old one.
    service.store(&old(1)).await;
    assert_eq!(run(DatabaseCommand::Check, database.clone()).await.unwrap(), sound);
    service.stop().await;
    let connection = rusqlite::Connection::open(fixture.file()).unwrap();
    assert_eq!(
        connection
            .execute("DELETE FROM predictions WHERE model = 'cifar10' AND id = (SELECT min(id) FROM predictions)", [])
            .unwrap(),
        1
    );
    drop(connection);
    assert_ne!(run(DatabaseCommand::Check, database).await.unwrap(), sound);
    let service = RunningService::start(&fixture, &[]).await;
    assert_eq!(service.count().await, 2);
}
