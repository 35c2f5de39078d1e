//! Long questions of others beside the making of partitions.

use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use super::{ask, database, execute, server_url};
use crate::store_support::{Server, StartedStore, apart, records, start};

/// Far more than a wait for a lock takes, and far less than a question that runs for hours.
const SOON: Duration = Duration::from_secs(4);
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
async fn what_may_cost_rows_one_day_is_told() {
    let Some(primary) = apart(|| Server::listening(&["wal_level=replica", "max_wal_senders=4"])) else { return };
    let standby = apart(|| primary.standby());
    let admin = primary.url("postgres");
    let StartedStore { store, witness } = start(server_url(&admin));
    assert_eq!(witness.told().cautions, ["asynchronous_standby"], "the standby is seen");
    store.close().await;
    execute(&admin, "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'");
    execute(&admin, "SELECT pg_reload_conf()");
    while ask(&admin, "SHOW synchronous_standby_names") != ["ANY 1 (*)"] {}
    let StartedStore { store, witness } = start(server_url(&admin));
    assert!(witness.told().cautions.is_empty(), "{:?}", witness.told().cautions);
    store.close().await;
    // A role that may write, and may not make tables.
    execute(
        &admin,
        "CREATE ROLE writer LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO writer",
    );
    let StartedStore { store, witness } = start(server_url(&admin.replace("postgres:the-secret@", "writer@")));
    assert_eq!(witness.told().cautions, ["no_partition"]);
    store.submit(records(3)).await.unwrap();
    store.close().await;
    apart(move || drop((standby, primary)));
}
