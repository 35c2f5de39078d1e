//! A server that crashes, is not there yet, or turns read-only.

use uuid::Uuid;

use super::{assert_counted, database, execute, server_url};
use crate::store_support::{
    Callers, Server, StartedStore, apart, assert_server_holds, id, is_unavailable, records, start,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_under_load_loses_nothing_that_was_acknowledged() {
    let Some(mut server) = apart(Server::own) else { return };
    let name = apart(|| server.database());
    let url = server.url(&name);
    let started = start(server_url(&url));
    let (callers, StartedStore { store, witness }) = (Callers::start(&started), started);
    for round in 1..=3 {
        witness.until_commits(20).await;
        apart(|| server.stop());
        witness.until(|told| told.availability.len() == 2 * round).await;
        assert!(!store.is_available());
        assert!(is_unavailable(&store.submit(records(1)).await));
        assert!(is_unavailable(&store.count().await));
        apart(|| server.run());
        witness.until(|told| told.availability.len() == 2 * round + 1).await;
    }
    let acknowledged = callers.stop().await;
    assert_eq!(witness.told().availability, [true, false, true, false, true, false, true]);
    assert_server_holds(&url, &acknowledged);
    // Whatever was open when the server went.
    assert_counted(&url);
    store.close().await;
    apart(move || drop(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_waits_for_a_server_that_is_not_there_yet() {
    let Some(mut server) = apart(Server::own) else { return };
    let name = apart(|| server.database());
    let url = server.url(&name);
    apart(|| server.stop());
    let StartedStore { store, witness } = start(server_url(&url));
    assert_eq!(witness.told().availability, [false]);
    assert!(is_unavailable(&store.submit(records(1)).await));
    assert!(is_unavailable(&store.get(Uuid::nil()).await));
    apart(|| server.run());
    witness.until_availability_told(2).await;
    let rows = records(3);
    store.submit(rows.clone()).await.unwrap();
    assert_server_holds(&url, &rows.iter().map(id).collect::<Vec<_>>());
    store.close().await;
    apart(move || drop(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_turns_read_only_is_noticed_without_traffic() {
    let Some(url) = database() else { return };
    let name = url.rsplit_once('/').unwrap().1;
    let StartedStore { store, witness } = start(server_url(&url));
    let end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // As after a failover: the old address leads to a server that only answers.
    execute(&url, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on; {end_sessions}"));
    witness.until_availability_told(2).await;
    assert!(is_unavailable(&store.submit(records(1)).await));
    let elsewhere = url.replace(name, "postgres");
    execute(&elsewhere, &format!("ALTER DATABASE {name} RESET ALL"));
    witness.until_availability_told(3).await;
    assert_eq!(witness.told().availability, [true, false, true]);
    store.submit(records(1)).await.unwrap();
}
