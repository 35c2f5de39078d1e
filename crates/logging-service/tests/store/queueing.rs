//! The queue in front of the writer: its bound, its callers, and its end.

use std::sync::Arc;
use std::time::Duration;

use logging_service::store::{CommitSummary, Store, StoreError, StoreObserver, StoreOptions};

use crate::background::{acknowledged, submit_in_background};
use crate::store_support::{
    Fixture, StartedStore, Witness, is_unavailable, on_each_engine, records, start, start_with,
};

on_each_engine! {
    the_queue_is_bounded_by_records_and_says_when_to_come_back,
    a_caller_that_is_gone_does_not_stop_the_storing,
    many_callers_share_few_transactions,
    closing_stores_what_is_queued_and_empties_the_log,
    a_store_that_is_dropped_stores_what_is_queued,
    a_panic_of_the_writer_leaves_nobody_waiting,
}

async fn the_queue_is_bounded_by_records_and_says_when_to_come_back(fixture: Fixture) {
    let store = start_with(StoreOptions { queue_limit: 10, ..StoreOptions::new(fixture.url()) }).store;
    assert_eq!(store.submit(records(11)).await, Err(StoreError::BatchTooLarge { records: 11, limit: 10 }));
    let lock = fixture.lock();
    let taken = submit_in_background(&store, records(10)).await;
    while store.queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = submit_in_background(&store, records(10)).await;
    assert_eq!((store.queue_depth(), store.queue_limit()), (10, 10));
    let refused = store.submit(records(2)).await;
    assert!(matches!(refused, Err(StoreError::Overloaded { retry_after_seconds }) if retry_after_seconds > 0.0));
    let small = submit_in_background(&store, records(1)).await;
    drop(lock);
    assert_eq!(taken.await.unwrap(), Ok(acknowledged(10, 0)));
    assert_eq!(waiting.await.unwrap(), Ok(acknowledged(10, 0)));
    assert_eq!(small.await.unwrap(), Ok(acknowledged(1, 0)), "a part of the room is for those who send little");
    assert_eq!(store.submit(records(1)).await, Ok(acknowledged(1, 0)));
    assert_eq!(store.count().await.unwrap(), 22);
}

async fn a_caller_that_is_gone_does_not_stop_the_storing(fixture: Fixture) {
    let StartedStore { store, witness } = start(fixture.url());
    let lock = fixture.lock();
    let task = submit_in_background(&store, records(3)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    drop(lock);
    witness.until(|told| told.commits.len() == 1).await;
    assert_eq!(store.count().await.unwrap(), 3);
}

async fn many_callers_share_few_transactions(fixture: Fixture) {
    let StartedStore { store, witness } = start(fixture.url());
    let lock = fixture.lock();
    let mut tasks = Vec::new();
    for _ in 0..500 {
        tasks.push(submit_in_background(&store, records(3)).await);
    }
    drop(lock);
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(acknowledged(3, 0)));
    }
    assert_eq!(store.count().await.unwrap(), 1500);
    assert!(witness.told().commits.len() <= 3, "{} transactions", witness.told().commits.len());
}

async fn closing_stores_what_is_queued_and_empties_the_log(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let lock = fixture.lock();
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(submit_in_background(&store, records(7)).await);
    }
    let closing = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.close().await }
    });
    while store.is_available() {
        tokio::task::yield_now().await;
    }
    assert!(is_unavailable(&store.submit(records(1)).await));
    drop(lock);
    closing.await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Ok(acknowledged(7, 0)));
    }
    store.close().await;
    if let Fixture::Sqlite(_) = fixture {
        let path = fixture.file();
        assert!(!path.with_extension("db-wal").exists(), "the write-ahead log is still there");
        assert_eq!(store.size_bytes(), std::fs::metadata(&path).unwrap().len());
    }
    assert_eq!(store.count().await.unwrap(), 140, "reading goes on");
}

async fn a_store_that_is_dropped_stores_what_is_queued(fixture: Fixture) {
    let StartedStore { store, witness } = start(fixture.url());
    let lock = fixture.lock();
    let task = submit_in_background(&store, records(3)).await;
    task.abort();
    let _ = task.await;
    drop(store);
    drop(lock);
    witness.until(|told| told.commits.len() == 1).await;
}

struct PanickingObserver(Witness);

impl StoreObserver for PanickingObserver {
    fn committed(&self, summary: &CommitSummary) {
        assert!(summary.rows < 3, "on purpose");
        self.0.committed(summary);
    }
    fn availability_changed(&self, available: bool) {
        self.0.availability_changed(available);
    }
    fn commit_failed(&self, error: &StoreError) {
        self.0.commit_failed(error);
    }
}

async fn a_panic_of_the_writer_leaves_nobody_waiting(fixture: Fixture) {
    let observer = Arc::new(PanickingObserver(Witness::default()));
    let store = Arc::new(Store::start(StoreOptions::new(fixture.url()), observer).unwrap());
    store.submit(records(2)).await.unwrap();
    let lock = fixture.lock();
    let fatal = submit_in_background(&store, records(3)).await;
    while store.queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = submit_in_background(&store, records(1)).await;
    drop(lock);
    let answers = tokio::time::timeout(Duration::from_secs(30), async {
        assert!(is_unavailable(&fatal.await.unwrap()));
        assert!(is_unavailable(&waiting.await.unwrap()));
        assert!(is_unavailable(&store.submit(records(1)).await));
        assert!(!store.is_available());
        store.close().await;
    });
    answers.await.expect("somebody still waits");
}
