//! HAProxy, as shipped, before a primary and two standbys.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use testkit::{Haproxy, free_address};

use super::failover::REPLICATING;
use super::{ask, assert_counted, execute, server_url};
use crate::store_support::{Callers, Server, StartedStore, apart, assert_server_holds, start};

/// What the store promises, and time for a machine that is busy with other tests.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

fn balance(servers: [&Server; 3], entrance: SocketAddr) -> Option<Haproxy> {
    let [first, second, third] = servers.map(|server| SocketAddr::from((Ipv4Addr::LOCALHOST, server.port())));
    let addresses = [("POSTGRES_BIND", entrance), ("POSTGRES_1", first), ("POSTGRES_2", second), ("POSTGRES_3", third)];
    Haproxy::start("postgresql", &addresses, entrance, "HAProxy in front of PostgreSQL")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_haproxy_a_failover_among_three_servers_loses_nothing_and_stores_nothing_twice() {
    let Some(mut primary) = apart(|| Server::listening(REPLICATING)) else { return };
    execute(&primary.url("postgres"), "CREATE ROLE haproxy_check LOGIN");
    let (one, two) = apart(|| (primary.standby(), primary.standby()));
    apart(|| [&primary, &one, &two].map(Server::wait_for_a_standby));
    let entrance = free_address();
    // The standbys come first, so a connection to the first server would be one that cannot be written.
    let Some(haproxy) = balance([&one, &two, &primary], entrance) else { return };
    let url = format!("postgres://postgres@{entrance}/postgres");
    let started = start(server_url(&url));
    started.witness.until(|told| told.availability.last() == Some(&true)).await;
    let (callers, StartedStore { store, witness }) = (Callers::start(&started), started);
    witness.until_commits(20).await;
    let told = witness.told().availability.len();

    let died = Instant::now();
    apart(|| primary.stop());
    witness.until_availability_told(told + 1).await;
    assert!(died.elapsed() < NOTICED_WITHIN, "{:?}", died.elapsed());
    let (next, last) = apart(|| Server::by_advance(one, two));
    apart(|| next.promote());
    apart(|| last.follow(&next));
    witness.until(|told| told.availability.last() == Some(&true)).await;
    witness.until_commits(20).await;
    eprintln!("{:?} from the end of the primary until rows were stored in the next", died.elapsed());

    // One that hangs costs no more than one that is gone, and its connections are closed.
    let told = witness.told().availability.len();
    let (frozen, hung) = (apart(|| next.freeze()), Instant::now());
    witness.until_availability_told(told + 1).await;
    assert!(hung.elapsed() < NOTICED_WITHIN, "{:?}", hung.elapsed());
    drop(frozen);
    witness.until(|told| told.availability.last() == Some(&true)).await;
    witness.until_commits(20).await;

    let acknowledged = callers.stop().await;
    let now = next.url("postgres");
    assert_server_holds(&now, &acknowledged);
    assert_eq!(ask(&now, "SELECT count(*) FROM predictions"), [acknowledged.len().to_string()]);
    assert_counted(&now);
    assert_eq!(store.count().await.unwrap(), acknowledged.len() as u64, "questions go through it as well");
    store.close().await;
    apart(move || drop((haproxy, primary, next, last)));
}
