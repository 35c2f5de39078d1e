//! A primary that dies, and the standby that takes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::{ask, execute, server_url};
use crate::store_support::{
    Server, StartedStore, apart, assert_server_holds, id, records, start, submit_until_accepted,
};

const REPLICATING: &[&str] = &["wal_level=replica", "max_wal_senders=4"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_synchronous_standby_a_failover_loses_nothing_and_stores_nothing_twice() {
    let Some(mut primary) = apart(|| Server::listening(REPLICATING)) else { return };
    let standby = apart(|| primary.standby());
    let replicated = "ALTER SYSTEM SET synchronous_standby_names = 'standby'; SELECT pg_reload_conf()";
    for statement in replicated.split(';') {
        execute(&primary.url("postgres"), statement);
    }
    let (first, second) = (primary.port(), standby.port());
    let url =
        format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/postgres?target_session_attrs=read-write");
    let StartedStore { store, witness } = start(server_url(&url));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for caller in 1..=4usize {
        let (store, stop, witness) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&witness));
        callers.push(tokio::spawn(async move {
            let mut acknowledged: Vec<Uuid> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let rows = records(caller * 5);
                submit_until_accepted(&store, &witness, &rows).await;
                acknowledged.extend(rows.iter().map(id));
            }
            acknowledged
        }));
    }
    witness.until(|told| told.commits.len() > 20).await;
    apart(|| primary.stop());
    witness.until_availability_told(2).await;
    apart(|| standby.promote());
    witness.until_availability_told(3).await;
    let commits = witness.told().commits.len();
    witness.until(|told| told.commits.len() > commits + 20).await;
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for caller in callers {
        acknowledged.extend(caller.await.unwrap());
    }
    let now = standby.url("postgres");
    assert_server_holds(&now, &acknowledged);
    assert_eq!(ask(&now, "SELECT count(*) FROM predictions"), [acknowledged.len().to_string()]);
    store.close().await;
    apart(move || drop((primary, standby)));
}
