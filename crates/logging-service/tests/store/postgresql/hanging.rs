//! A server that says nothing: it hangs and its kernel takes connections, or no packet comes through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::FarMachine;

use super::{ask, server_url};
use crate::store_support::{
    Server, StartedStore, apart, assert_server_holds, id, is_unavailable, records, start, submit_until_accepted,
};

/// What the store promises, and time for a machine that is busy with other tests.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_noticed_and_nothing_is_lost_or_stored_twice() {
    let Some(server) = apart(Server::own) else { return };
    silence_is_noticed(&server.url("postgres"), || server.freeze()).await;
    apart(move || drop(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_drops_every_packet_is_noticed_and_nothing_is_lost_or_stored_twice() {
    let Some(machine) = FarMachine::new("a network that drops packets") else { return };
    let Some(server) = apart(|| Server::at(&machine)) else { return };
    silence_is_noticed(&url_at(&machine, &server), || machine.cut()).await;
    apart(move || drop(server));
}

async fn silence_is_noticed<S>(url: &str, silence: impl Fn() -> S) {
    let StartedStore { store, witness } = start(server_url(url));
    let mut sent = records(50);
    store.submit(sent.clone()).await.unwrap();
    for traffic in [false, true] {
        let changes = witness.told().availability.len();
        let silent = silence();
        let (stopped, late) = (Instant::now(), records(30));
        let waiting = traffic.then(|| {
            tokio::spawn({
                let (store, late) = (Arc::clone(&store), late.clone());
                async move { store.submit(late).await }
            })
        });
        witness.until_availability_told(changes + 1).await;
        assert!(stopped.elapsed() < NOTICED_WITHIN, "{:?}", stopped.elapsed());
        assert!(!store.is_available());
        if let Some(waiting) = waiting {
            assert!(is_unavailable(&waiting.await.unwrap()), "the caller is told, and not kept");
        }
        let asked = Instant::now();
        assert!(store.count().await.is_err());
        assert!(is_unavailable(&store.submit(late.clone()).await));
        assert!(asked.elapsed() < NOTICED_WITHIN, "{:?}", asked.elapsed());
        drop(silent);
        witness.until_availability_told(changes + 2).await;
        submit_until_accepted(&store, &witness, &late).await;
        sent.extend(late);
    }
    assert_server_holds(url, &sent.iter().map(id).collect::<Vec<_>>());
    assert_eq!(ask(url, "SELECT count(*) FROM predictions"), [sent.len().to_string()]);
    assert_eq!(store.count().await.unwrap(), sent.len() as u64);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_server_that_hangs_the_next_host_is_tried() {
    let Some(first) = apart(|| Server::listening(&[])) else { return };
    let first_host = format!("127.0.0.1:{}", first.port());
    the_next_host_is_tried(&first_host, || first.freeze()).await;
    apart(move || drop(first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_network_that_drops_every_packet_the_next_host_is_tried() {
    let Some(machine) = FarMachine::new("a network that drops packets") else { return };
    let Some(first) = apart(|| Server::at(&machine)) else { return };
    let first_host = format!("{}:{}", machine.address(), first.port());
    the_next_host_is_tried(&first_host, || machine.cut()).await;
    apart(move || drop(first));
}

async fn the_next_host_is_tried<S>(first: &str, silence: impl Fn() -> S) {
    let Some(second) = apart(|| Server::listening(&[])) else { return };
    let url = format!("postgres://postgres@{first},127.0.0.1:{}/postgres", second.port());
    let StartedStore { store, witness } = start(server_url(&url));
    store.submit(records(1)).await.unwrap();
    let silent = silence();
    witness.until_availability_told(3).await;
    let elsewhere = records(2);
    submit_until_accepted(&store, &witness, &elsewhere).await;
    assert_server_holds(&second.url("postgres"), &elsewhere.iter().map(id).collect::<Vec<_>>());
    // The host that says nothing costs the questions nothing, because the one that answered comes first.
    let asked = Instant::now();
    assert_eq!(store.count().await.unwrap(), 2);
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    store.close().await;
    drop(silent);
    apart(move || drop(second));
}

fn url_at(machine: &FarMachine, server: &Server) -> String {
    format!("postgres://postgres@{}:{}/postgres", machine.address(), server.port())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_is_waited_for_while_the_server_answers_others() {
    let Some(server) = apart(Server::own) else { return };
    let name = apart(|| server.database());
    let url = server.url(&name);
    let StartedStore { store, witness } = start(server_url(&url));
    // As a disk that takes seconds for a commit.
    let slow =
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(6); RETURN NULL; END $$;
                CREATE TRIGGER slow AFTER INSERT ON predictions FOR EACH STATEMENT EXECUTE FUNCTION slow()";
    super::execute(&url, slow);
    store.submit(records(3)).await.unwrap();
    assert_eq!(witness.told().availability, [true]);
    store.close().await;
    apart(move || drop(server));
}
