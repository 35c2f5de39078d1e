//! A database that has grown for 800 days, with a partition for each of them as earlier versions made it, on a server with
//! the settings that PostgreSQL has by itself.

use std::time::{Duration, Instant};

use logging_service::store::{PredictionFilter, Store};

use super::{execute, server_url};
use crate::store_support::{Server, apart, assert_server_holds, ids, records, start};

/// Locks for 6,400 tables and indexes, of which these partitions have 7,200.
const SETTINGS: &[&str] = &["max_connections=100", "max_locks_per_transaction=64"];
const DAYS: i64 = 800;
/// So many rows a day.
const ROWS: i64 = 20;
/// Far more than a page takes, and far less than one that asks all partitions. What it takes is printed.
const QUICK: Duration = Duration::from_millis(300);

/// A partition for each day up to today, made as earlier versions did, and rows in each; as many at once as the locks allow.
fn grow(url: &str) {
    for first in (0..DAYS).step_by(100) {
        let last = first + 99;
        let sql = format!(
            r"
DO $$
DECLARE
    today BIGINT := CAST(floor(extract(epoch FROM now()) / 86400) AS BIGINT);
    day BIGINT;
BEGIN
    FOR number IN {first}..{last} LOOP
        day := (today - number) * 86400;
        EXECUTE format('CREATE TABLE %I PARTITION OF predictions FOR VALUES FROM (%L) TO (%L)',
            'predictions_p' || to_char(to_timestamp(day) AT TIME ZONE 'UTC', 'YYYYMMDD'),
            lpad(to_hex(day * 1000), 12, '0') || repeat('0', 20),
            lpad(to_hex((day + 86400) * 1000), 12, '0') || repeat('0', 20));
    END LOOP;
    INSERT INTO predictions
        (event_id, request_id, row_index, occurred_at, recorded_at, model, status, label, confidence, defect)
    SELECT CAST(lpad(to_hex(made * 1000), 12, '0') || '7' || lpad(to_hex(item), 3, '0') || '8' || repeat('0', 15) AS UUID),
        'r-' || made, 0, made * 1000000, 1, 'grown-' || item % 2, 'success', 'cat', 0.9, 0
    FROM (SELECT item, (today - number) * 86400 + item * 60 AS made
          FROM generate_series(CAST({first} AS BIGINT), {last}) AS days (number),
               generate_series(CAST(1 AS BIGINT), {ROWS}) AS items (item)) AS times;
END $$"
        );
        execute(url, &sql);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_hundred_partitions_of_days_are_upgraded_and_asked_within_the_locks_that_a_server_has() {
    let Some(server) = apart(|| Server::listening(SETTINGS)) else { return };
    let url = server.url("postgres");
    execute(&url, include_str!("../../databases/postgres_0_2_0.sql"));
    execute(&url, "DELETE FROM predictions; DELETE FROM window_counts; DELETE FROM labels");
    grow(&url);
    let upgrading = Instant::now();
    let store = start(server_url(&url)).store;
    assert!(store.is_available());
    eprintln!("{DAYS} partitions upgraded in {:?}", upgrading.elapsed());
    assert_eq!(store.stats(None, None).await.unwrap().total.predictions, (DAYS * ROWS).unsigned_abs());

    let newest = PredictionFilter::default();
    let of_model = PredictionFilter { model: Some("grown-1".into()), ..PredictionFilter::default() };
    let deep = store.list(&newest, 100, None).await.unwrap().next_cursor;
    for (what, filter, cursor) in
        [("the newest page", &newest, None), ("a model's", &of_model, None), ("the next", &newest, deep.as_deref())]
    {
        let best = best_of_20(&store, filter, cursor).await;
        eprintln!("{what}: {best:?}");
        assert!(best < QUICK, "{what}: {best:?}");
    }
    // All readers at once, which would need the locks eight times.
    let asking = (0..8).map(|_| {
        let (store, filter) = (store.clone(), newest.clone());
        tokio::spawn(async move {
            let mut cursor = None;
            for _ in 0..20 {
                let page = store.list(&filter, 100, cursor.as_deref()).await.unwrap();
                assert_eq!(page.predictions.len(), 100);
                cursor = page.next_cursor;
            }
        })
    });
    for one in asking.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    let rows = records(100);
    store.submit(rows.clone()).await.unwrap();
    assert_server_holds(&url, &ids(&rows));
    store.close().await;
    apart(move || drop(server));
}

/// The quickest of 20 answers: the others tell of the machine.
async fn best_of_20(store: &Store, filter: &PredictionFilter, cursor: Option<&str>) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let asked = Instant::now();
        assert_eq!(store.list(filter, 50, cursor).await.unwrap().predictions.len(), 50);
        best = best.min(asked.elapsed());
    }
    best
}
