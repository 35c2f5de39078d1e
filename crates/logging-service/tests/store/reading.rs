//! Reading: the bounds of a query, and reading beside the writer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use logging_service::store::{MAX_NAMES, MAX_PAGE, PredictionFilter, StoreError, StoreOptions};
use prediction_record::{PredictionRecord, Status};

use crate::store_support::{Fixture, on_each_engine, record, records, start, start_with};

on_each_engine! {
    an_empty_database_has_answers,
    limits_and_cursors_out_of_bounds_are_named,
    names_without_bound_are_counted_together,
    a_refused_request_is_one_row_and_counts_with_its_items,
    a_query_beyond_its_deadline_is_ended,
    readers_see_whole_batches_and_never_wait_for_the_writer,
}

async fn an_empty_database_has_answers(fixture: Fixture) {
    let store = start(fixture.url()).store;
    assert_eq!(store.count().await.unwrap(), 0);
    assert_eq!(store.models().await.unwrap(), Vec::<String>::new());
    assert_eq!(store.stats(None, None).await.unwrap(), Default::default());
    let page = store.list(&PredictionFilter::default(), 10, None).await.unwrap();
    assert!(page.predictions.is_empty() && page.next_cursor.is_none());
    assert!(store.size_bytes() > 0);
}

async fn limits_and_cursors_out_of_bounds_are_named(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let list = async |limit: usize, cursor: Option<&str>| store.list(&PredictionFilter::default(), limit, cursor).await;
    for (limit, cursor, word) in [
        (0, None, "limit"),
        (MAX_PAGE + 1, None, "limit"),
        (usize::MAX, None, "limit"),
        (1, Some("x"), "cursor"),
        (1, Some(""), "cursor"),
    ] {
        let outcome = list(limit, cursor).await;
        assert!(matches!(&outcome, Err(StoreError::InvalidQuery(text)) if text.contains(word)), "{outcome:?}");
    }
    for extreme in ["0".repeat(32), "f".repeat(32), "7".repeat(32)] {
        list(MAX_PAGE, Some(&extreme)).await.unwrap();
    }
}

async fn a_refused_request_is_one_row_and_counts_with_its_items(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let refused = |items| PredictionRecord {
        status: Status::Error,
        error_type: Some("overloaded".to_owned()),
        label: None,
        confidence: None,
        items,
        ..record("m")
    };
    let rows = vec![record("m"), refused(Some(64)), refused(Some(1)), refused(None)];
    store.submit(rows).await.unwrap();
    let stats = store.stats(None, None).await.unwrap().total;
    assert_eq!((stats.predictions, stats.errors), (67, 66));
    assert_eq!(stats.error_types, BTreeMap::from([("overloaded".to_owned(), 66)]));
    assert_eq!(store.count().await.unwrap(), 4);
    let page = store.list(&PredictionFilter::default(), 10, None).await.unwrap().predictions;
    let items: Vec<_> = page.iter().rev().map(|row| row.record.items).collect();
    assert_eq!(items, [None, Some(64), None, None], "one item is what a record stands for anyway");
}

async fn names_without_bound_are_counted_together(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let surplus = 7;
    let mut rows = vec![record("common"), record("common"), record("common")];
    for i in 0..MAX_NAMES + surplus {
        let unique = Some(format!("{i:05}"));
        rows.push(PredictionRecord { model: format!("m{i:05}"), label: unique.clone(), ..record("") });
        rows.push(PredictionRecord { status: Status::Error, error_type: unique, label: None, ..record("common") });
    }
    store.submit(rows.clone()).await.unwrap();
    let stats = store.stats(None, None).await.unwrap();
    assert_eq!(stats.total.predictions, rows.len() as u64);
    assert_eq!((stats.models.len(), stats.total.labels.len()), (MAX_NAMES, MAX_NAMES));
    assert_eq!(stats.total.labels.values().sum::<u64>() + stats.total.other_labels, (MAX_NAMES + surplus + 3) as u64);
    let common = &stats.models["common"];
    assert_eq!(common.labels, BTreeMap::from([("cat".to_owned(), 3)]), "the frequent ones are kept");
    assert_eq!((common.error_types.len(), common.other_error_types), (MAX_NAMES, surplus as u64));
    let kept: u64 = stats.models.values().map(|summary| summary.predictions).sum();
    assert_eq!(kept + stats.other_models, stats.total.predictions);
    let models = store.models().await.unwrap();
    assert_eq!(models.len(), MAX_NAMES);
    assert!(models.is_sorted());
}

async fn a_query_beyond_its_deadline_is_ended(fixture: Fixture) {
    let store = start_with(StoreOptions { query_deadline: Duration::ZERO, ..StoreOptions::new(fixture.url()) }).store;
    store.submit(records(2000)).await.unwrap();
    // Of a tag there are no sums, so all rows are read.
    let tags = [("region".to_owned(), "eu".to_owned())].into();
    let of_tag = PredictionFilter { tags, ..PredictionFilter::default() };
    assert_eq!(store.stats_of(of_tag).await, Err(StoreError::Timeout { seconds: 0.0 }));
    // The store is none the worse for it.
    assert_eq!(store.submit(records(1)).await.unwrap().accepted, 1);
}

/// Reading goes on while rows are written, and a page is a view of one moment.
async fn readers_see_whole_batches_and_never_wait_for_the_writer(fixture: Fixture) {
    let store = start(fixture.url()).store;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..100 {
                store.submit(records(13)).await.unwrap();
            }
        }
    });
    let started = Instant::now();
    while !writer.is_finished() {
        let stats = store.stats(None, None).await.unwrap();
        assert_eq!(stats.total.predictions % 13, 0, "half a batch is visible");
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    writer.await.unwrap();
    assert_eq!(store.count().await.unwrap(), 1300);
}

#[tokio::test]
async fn models_are_found_without_reading_their_rows() {
    let fixture = Fixture::sqlite();
    // With no time at all a scan of the rows would be ended, as the test above shows.
    let store = start_with(StoreOptions { query_deadline: Duration::ZERO, ..StoreOptions::new(fixture.url()) }).store;
    for model in ["b", "a", "c"] {
        store.submit((0..2000).map(|_| record(model)).collect()).await.unwrap();
    }
    assert_eq!(store.models().await.unwrap(), ["a", "b", "c"]);
}
