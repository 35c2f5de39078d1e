//! PgBouncer between the store and its server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postgres::{Client, NoTls};

use super::{ask, server_url};
use crate::store_support::{Pooler, PoolingMode, Server, StartedStore, apart, assert_server_holds, id, records, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_in_session_mode_all_works() {
    all_works(PoolingMode::Session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_in_transaction_mode_all_works_and_no_setting_reaches_others() {
    all_works(PoolingMode::Transaction).await;
}

async fn all_works(mode: PoolingMode) {
    let Some(server) = apart(|| Server::listening(&[])) else { return };
    let Some(pooler) = apart(|| Pooler::start(&server, mode)) else { return };
    let name = apart(|| server.database());
    let (url, behind) = (pooler.url(&name), server.url(&name));
    let StartedStore { store, witness } = start(server_url(&url));
    assert_eq!(witness.told().availability, [true], "{:?}", witness.told());
    // Another program at the same pooler, whose transactions get the connections that ours have used.
    let done = Arc::new(AtomicBool::new(false));
    let other = tokio::task::spawn_blocking({
        let (url, done) = (url.clone(), Arc::clone(&done));
        move || write_until(&url, &done)
    });
    let mut tasks = Vec::new();
    for lane in 0..4 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let mut sent = Vec::new();
            for _ in 0..30 {
                let batch = records(lane + 1);
                store.submit(batch.clone()).await.unwrap();
                let found = store.get(id(&batch[0])).await.unwrap();
                assert!(found.is_some());
                assert!(store.count().await.unwrap() > 0);
                sent.extend(batch.iter().map(id));
            }
            sent
        }));
    }
    let mut sent = Vec::new();
    for task in tasks {
        sent.extend(task.await.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    assert!(other.await.unwrap() > 0);
    assert_server_holds(&behind, &sent);
    assert_eq!(store.stats(None, None).await.unwrap().total.predictions, sent.len() as u64);
    assert_eq!(witness.told().availability, [true]);
    assert_eq!(ask(&behind, "SELECT count(*) FROM predictions"), [sent.len().to_string()]);
    store.close().await;
    apart(move || drop((pooler, server)));
}

/// Writes as other programs do, and looks for settings that are not its own.
fn write_until(url: &str, done: &AtomicBool) -> u64 {
    let mut client = Client::connect(url, NoTls).unwrap();
    client.batch_execute("CREATE TABLE others (n BIGINT)").unwrap();
    let mut written = 0;
    while !done.load(Ordering::Relaxed) {
        client.batch_execute("INSERT INTO others VALUES (1)").expect("nobody's transactions became read-only");
        let settings = "SELECT current_setting('statement_timeout') || current_setting('lock_timeout')
            || current_setting('default_transaction_read_only')";
        let found = client.simple_query(settings).unwrap();
        let postgres::SimpleQueryMessage::Row(row) = &found[1] else { panic!("{found:?}") };
        assert_eq!(row.get(0), Some("00off"));
        written += 1;
    }
    written
}
