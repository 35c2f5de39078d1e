//! A primary that dies, and the standby that takes over.

use super::{ask, assert_counted, server_url};
use crate::store_support::{
    Callers, Server, StartedStore, apart, assert_server_holds, ids, records, start, submit_until_accepted,
};

pub(super) const REPLICATING: &[&str] = &["wal_level=replica", "max_wal_senders=8"];

fn url_of(first: &Server, second: &Server) -> String {
    let (first, second) = (first.port(), second.port());
    format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/postgres?target_session_attrs=read-write")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_synchronous_standby_a_failover_loses_nothing_and_stores_nothing_twice() {
    let Some(mut primary) = apart(|| Server::listening(REPLICATING)) else { return };
    let standby = apart(|| primary.standby());
    apart(|| primary.wait_for_a_standby());
    let started = start(server_url(&url_of(&primary, &standby)));
    let (callers, StartedStore { store, witness }) = (Callers::start(&started), started);
    witness.until_commits(20).await;
    apart(|| primary.stop());
    witness.until_availability_told(2).await;
    apart(|| standby.promote());
    witness.until_availability_told(3).await;
    witness.until_commits(20).await;
    let acknowledged = callers.stop().await;
    let now = standby.url("postgres");
    assert_server_holds(&now, &acknowledged);
    assert_eq!(ask(&now, "SELECT count(*) FROM predictions"), [acknowledged.len().to_string()]);
    assert_counted(&now);
    store.close().await;
    apart(move || drop((primary, standby)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_asynchronous_standby_a_failover_loses_rows_as_was_told_and_counts_what_is_there() {
    let Some(mut primary) = apart(|| Server::listening(REPLICATING)) else { return };
    let mut standby = apart(|| primary.standby());
    let StartedStore { store, witness } = start(server_url(&url_of(&primary, &standby)));
    let kept = records(50);
    store.submit(kept.clone()).await.unwrap();
    apart(|| standby.until("it has the rows", || standby.number("SELECT count(*) FROM predictions") == 50));
    assert_eq!(witness.told().cautions, ["asynchronous_standby"]);
    apart(|| standby.stop());
    let lost = records(30);
    assert_eq!(store.submit(lost.clone()).await.unwrap().accepted, 30, "nobody waits for a standby");
    apart(|| {
        primary.stop();
        standby.run();
        standby.promote();
    });
    witness.until(|told| told.availability == [true, false, true]).await;
    let later = records(40);
    submit_until_accepted(&store, &witness, &later).await;
    let now = standby.url("postgres");
    assert_server_holds(&now, &[ids(&kept), ids(&later)].concat());
    assert_eq!(ask(&now, "SELECT count(*) FROM predictions"), ["90"], "30 acknowledged rows are gone");
    assert_counted(&now);
    assert_eq!(witness.told().cautions, ["asynchronous_standby"], "the next failover would lose some as well");
    // Who has them still may send them again.
    assert_eq!(store.submit(lost).await.unwrap().accepted, 30);
    assert_eq!(store.submit(kept).await.unwrap().duplicates, 50);
    assert_eq!(store.stats(None, None).await.unwrap().total.predictions, 120);
    assert_counted(&now);
    store.close().await;
    apart(move || drop((primary, standby)));
}
