//! Filters that few rows match: a page that has found nothing in time says how far it has looked, and goes on from there.

use std::time::Duration;

use jiff::Timestamp;
use logging_service::store::{PredictionFilter, PredictionPage, Store, StoreOptions};
use prediction_record::{PredictionRecord, Status};
use uuid::Uuid;

use crate::store_support::{Fixture, StartedStore, id, on_each_engine, record, start_with};

/// More than two pieces of a list.
const ROWS: usize = 9_000;

on_each_engine! {
    pages_without_time_hold_every_row_once_and_say_how_far_they_have_looked,
    rows_of_one_time_are_a_list_like_any_other,
}

async fn pages_without_time_hold_every_row_once_and_say_how_far_they_have_looked(fixture: Fixture) {
    let store = without_patience(&fixture);
    // In no order, and many at one time.
    let time = |_| Timestamp::from_microsecond(fastrand::i64(0..3_000) * 1_000).unwrap();
    let rows = stored(&store, time).await;
    let (mut early, mut empty) = (0, 0);
    for filter in filters() {
        for limit in [1, 7, 1000] {
            let found = all_pages(&store, &filter, limit, |page| {
                early += usize::from(page.looked_until.is_some());
                empty += usize::from(page.predictions.is_empty());
            });
            assert_eq!(found.await, naive(&rows, &filter), "{filter:?} by {limit}");
        }
    }
    assert!(early > 20 && empty > 10, "{early} pages ended early, {empty} of them empty");
}

async fn rows_of_one_time_are_a_list_like_any_other(fixture: Fixture) {
    let store = without_patience(&fixture);
    let rows = stored(&store, |number| Timestamp::from_second(i64::from(number > 8_000)).unwrap()).await;
    for filter in filters() {
        let found = all_pages(&store, &filter, 500, |_| {}).await;
        assert_eq!(found, naive(&rows, &filter), "{filter:?}");
    }
}

fn without_patience(fixture: &Fixture) -> std::sync::Arc<Store> {
    let options = StoreOptions { page_patience: Duration::ZERO, ..StoreOptions::new(fixture.url()) };
    let StartedStore { store, .. } = start_with(options);
    store
}

async fn stored(store: &Store, time: impl Fn(usize) -> Timestamp) -> Vec<PredictionRecord> {
    let row = |number: usize| PredictionRecord {
        occurred_at: Some(time(number)),
        version: Some(if number % 1_000 == 3 { "rare" } else { "usual" }.to_owned()),
        confidence: Some(if number == 4_321 { 0.1 } else { 0.9 }),
        label: Some(if number.is_multiple_of(3) { "dog" } else { "cat" }.to_owned()),
        status: if number % 50 == 1 { Status::Error } else { Status::Success },
        defect: number % 40 == 1,
        ..record(if number.is_multiple_of(2) { "a" } else { "b" })
    };
    let rows: Vec<PredictionRecord> = (0..ROWS).map(row).collect();
    for part in rows.chunks(3_000) {
        store.submit(part.to_vec()).await.unwrap();
    }
    rows
}

fn filters() -> Vec<PredictionFilter> {
    let since = Some(Timestamp::from_microsecond(700_500).unwrap());
    let until = Some(Timestamp::from_microsecond(2_400_000).unwrap());
    let text = |text: &str| Some(text.to_owned());
    let all = PredictionFilter::default();
    vec![
        all.clone(),
        PredictionFilter { version: text("rare"), ..all.clone() },
        PredictionFilter { version: text("none"), ..all.clone() },
        PredictionFilter { max_confidence: Some(0.5), ..all.clone() },
        PredictionFilter { version: text("rare"), since, until, ..all.clone() },
        PredictionFilter { model: text("b"), version: text("rare"), ..all.clone() },
        PredictionFilter { model: text("a"), label: text("dog"), until, ..all.clone() },
        PredictionFilter { label: text("cat"), version: text("rare"), since, ..all.clone() },
        PredictionFilter { status: Some(Status::Error), defect: Some(true), ..all.clone() },
        PredictionFilter { defect: Some(true), model: text("a"), ..all },
    ]
}

async fn all_pages(
    store: &Store,
    filter: &PredictionFilter,
    limit: usize,
    mut each: impl FnMut(&PredictionPage),
) -> Vec<Uuid> {
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = store.list(filter, limit, cursor.as_deref()).await.unwrap();
        each(&page);
        assert!(page.predictions.len() <= limit);
        if let Some(looked_until) = page.looked_until {
            assert!(page.next_cursor.is_some());
            assert!(page.predictions.iter().all(|row| row.record.occurred_at.unwrap() >= looked_until));
        }
        found.extend(page.predictions.iter().map(|row| id(&row.record)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

/// Newest first; later inserts are newer where times are equal.
fn naive(rows: &[PredictionRecord], filter: &PredictionFilter) -> Vec<Uuid> {
    let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    let matches = |row: &&PredictionRecord| {
        let time = row.occurred_at.unwrap();
        same(&filter.model, &Some(row.model.clone()))
            && same(&filter.version, &row.version)
            && same(&filter.label, &row.label)
            && filter.status.is_none_or(|status| status == row.status)
            && filter.defect.is_none_or(|defect| defect == row.defect)
            && filter.since.is_none_or(|since| time >= since)
            && filter.until.is_none_or(|until| time < until)
            && filter.max_confidence.is_none_or(|max| row.confidence.unwrap() <= max)
    };
    let mut found: Vec<&PredictionRecord> = rows.iter().rev().filter(matches).collect();
    found.sort_by_key(|row| std::cmp::Reverse(row.occurred_at));
    found.into_iter().map(id).collect()
}
