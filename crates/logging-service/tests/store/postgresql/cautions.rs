//! What about a server is told before it costs something.

use testkit::FarMachine;

use super::{ask, database, execute, server_url};
use crate::store_support::{Server, StartedStore, apart, records, start};

/// The cautions about the server at a URL.
async fn cautions(url: &str) -> Vec<&'static str> {
    let StartedStore { store, witness } = start(server_url(url));
    store.submit(records(3)).await.unwrap();
    let told = witness.told().cautions;
    store.close().await;
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standbys_that_nobody_waits_for_and_a_role_that_makes_no_partitions_are_told() {
    let Some(primary) = apart(|| Server::listening(super::failover::REPLICATING)) else { return };
    let admin = primary.url("postgres");
    assert!(cautions(&admin).await.is_empty());
    let standby = apart(|| primary.standby());
    assert_eq!(cautions(&admin).await, ["asynchronous_standby"], "the standby is seen");
    apart(|| primary.wait_for_a_standby());
    while ask(&admin, "SHOW synchronous_standby_names") != ["ANY 1 (*)"] {}
    assert!(cautions(&admin).await.is_empty());
    // A role that may write, and may not make tables.
    execute(
        &admin,
        "CREATE ROLE writer LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO writer;
         GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO writer",
    );
    assert_eq!(cautions(&admin.replace("postgres:the-secret@", "writer@")).await, ["no_partition"]);
    apart(move || drop((standby, primary)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_wait_for_its_disk_is_told() {
    // The server that tests share is fast instead of durable.
    let Some(url) = database() else { return };
    assert_eq!(cautions(&url).await, ["not_durable"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clear_text_to_another_machine_is_told() {
    let Some(machine) = FarMachine::new("clear text to another machine") else { return };
    let Some(server) = apart(|| Server::at(&machine)) else { return };
    let far = format!("postgres://postgres@{}:{}/postgres", machine.address(), server.port());
    for mode in ["", "?sslmode=prefer", "?sslmode=disable"] {
        assert_eq!(cautions(&format!("{far}{mode}")).await, ["unencrypted"], "{mode}");
    }
    assert!(cautions(&server.url("postgres")).await.is_empty(), "its socket leads to no other machine");
    apart(move || drop(server));
}
