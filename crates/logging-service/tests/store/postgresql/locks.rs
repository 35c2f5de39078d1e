//! Long questions of others beside the making of partitions.

use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use super::{ask, assert_counted, database, execute, server_url};
use crate::store_support::{
    StartedStore, apart, assert_server_holds, ids, is_unavailable, records, start, submit_until_accepted,
};

/// Far more than a wait for a lock takes, and far less than a question that runs for hours.
const SOON: Duration = Duration::from_secs(4);
/// The wait for a lock, and time for a machine that is busy with other tests.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
/// The partition that is made furthest ahead.
const LAST: &str = "SELECT name FROM prediction_partitions WHERE from_ms < 3298534883328 ORDER BY from_ms DESC LIMIT 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_runs_for_hours_keeps_no_insert_waiting() {
    let Some(url) = database() else { return };
    start(server_url(&url)).store.close().await;
    let last = ask(&url, LAST).concat();
    execute(&url, &format!("DROP TABLE {last}; DELETE FROM prediction_partitions WHERE name = '{last}'"));
    let long = apart(|| {
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute("BEGIN; SELECT count(*) FROM predictions").unwrap();
        client
    });
    // The next week's partition is to be made at the start, and the default one, which has to be looked at, is in use.
    let StartedStore { store, witness } = start(server_url(&url));
    for _ in 0..5 {
        let began = Instant::now();
        store.submit(records(10)).await.unwrap();
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(store.list(&Default::default(), 10, None).await.unwrap().predictions.len(), 10);
    }
    assert_eq!(witness.told().availability, [true]);
    store.close().await;
    apart(move || drop(long));
    let store = start(server_url(&url)).store;
    assert_eq!(ask(&url, LAST).concat(), last);
    assert_eq!(store.count().await.unwrap(), 50);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn predictions_that_somebody_locks_for_minutes_keep_no_caller_that_long() {
    let Some(url) = database() else { return };
    let StartedStore { store, witness } = start(server_url(&url));
    let kept = records(5);
    store.submit(kept.clone()).await.unwrap();
    let lock = apart(|| {
        let mut client = Client::connect(&url, NoTls).unwrap();
        client.batch_execute("BEGIN; LOCK TABLE predictions IN ACCESS EXCLUSIVE MODE").unwrap();
        client
    });
    let (asked, late) = (Instant::now(), records(5));
    assert!(is_unavailable(&store.submit(late.clone()).await), "the caller is told to come again");
    assert!(asked.elapsed() < TOLD_WITHIN, "{:?}", asked.elapsed());
    let asked = Instant::now();
    assert!(store.count().await.is_err());
    assert!(asked.elapsed() < TOLD_WITHIN, "{:?}", asked.elapsed());
    apart(move || drop(lock));
    submit_until_accepted(&store, &witness, &late).await;
    assert_server_holds(&url, &[ids(&kept), ids(&late)].concat());
    assert_counted(&url);
    assert_eq!(store.count().await.unwrap(), 10);
    store.close().await;
}
