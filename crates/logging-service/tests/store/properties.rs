//! Filters, pages and statistics against a naive model.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use logging_service::store::{PredictionFilter, PredictionSummary, Store};
use prediction_record::{PredictionRecord, Status};
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::store_support::{Fixture, id, start};

/// Times that differ by less than a microsecond, by one, and not at all, around 1970 too.
fn time() -> impl Strategy<Value = Timestamp> {
    select(vec![-2_000, -1_500, -1, 0, 999, 1_000, 1_001, 2_000, 5_000, 1_000_000_000])
        .prop_map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap())
}

/// Times on both sides of five minutes and of days.
fn far_time() -> impl Strategy<Value = Timestamp> {
    let minute = 60_000_000_i64;
    let near = select(vec![-2_000_000, -1, 0, 1, minute]);
    let at = select(vec![
        -1440 * minute,
        -5 * minute,
        0,
        5 * minute,
        15 * minute,
        1440 * minute,
        2880 * minute,
        7200 * minute,
    ]);
    (at, near).prop_map(|(at, near)| Timestamp::from_microsecond(at + near).unwrap())
}

fn confidence() -> impl Strategy<Value = f64> {
    select(vec![0.0, 0.25, 0.5, 0.5 + f64::EPSILON, 1.0])
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

prop_compose! {
    fn any_record()(
        model in word(&["a", "b", "B", "a.b"]),
        version in proptest::option::of(word(&["1", "2"])),
        label in proptest::option::of(word(&["cat", "dog", "Cat", "'"])),
        failed in any::<bool>(),
        error_type in proptest::option::of(word(&["internal", "overloaded"])),
        defect in any::<bool>(),
        occurred_at in time(),
        confidence in proptest::option::of(confidence()),
        latency in proptest::option::of(0.0..2.0f64),
        request_id in word(&["r1", "r2"]),
    ) -> PredictionRecord {
        PredictionRecord {
            event_id: Some(Uuid::now_v7()),
            request_id: Some(request_id),
            occurred_at: Some(occurred_at),
            model,
            version,
            status: if failed { Status::Error } else { Status::Success },
            error_type: error_type.filter(|_| failed),
            label,
            confidence,
            defect,
            latency_seconds: latency,
            ..PredictionRecord::default()
        }
    }
}

prop_compose! {
    fn any_filter()(
        model in proptest::option::weighted(0.3, word(&["a", "b", "A"])),
        version in proptest::option::weighted(0.2, word(&["1", "3"])),
        label in proptest::option::weighted(0.2, word(&["cat", "'", "' OR 1=1 --"])),
        status in proptest::option::weighted(0.3, select(vec![Status::Success, Status::Error])),
        defect in proptest::option::weighted(0.3, any::<bool>()),
        since in proptest::option::weighted(0.3, time()),
        until in proptest::option::weighted(0.3, time()),
        min_confidence in proptest::option::weighted(0.2, confidence()),
        max_confidence in proptest::option::weighted(0.2, confidence()),
        request_id in proptest::option::weighted(0.2, word(&["r1", "r3"])),
    ) -> PredictionFilter {
        PredictionFilter { model, version, label, status, defect, since, until, min_confidence, max_confidence, request_id, ..PredictionFilter::default() }
    }
}

/// The microsecond that a time falls into, as the store keeps it.
fn kept(record: &PredictionRecord) -> Timestamp {
    let nanoseconds = record.occurred_at.unwrap().as_nanosecond();
    Timestamp::from_nanosecond(nanoseconds.div_euclid(1000) * 1000).unwrap()
}

fn lets_through(filter: &PredictionFilter, record: &PredictionRecord) -> bool {
    let same = |wanted: &Option<String>, found: Option<&String>| wanted.is_none() || wanted.as_ref() == found;
    same(&filter.model, Some(&record.model))
        && same(&filter.version, record.version.as_ref())
        && same(&filter.label, record.label.as_ref())
        && same(&filter.request_id, record.request_id.as_ref())
        && filter.status.is_none_or(|status| status == record.status)
        && filter.defect.is_none_or(|defect| defect == record.defect)
        && filter.since.is_none_or(|since| kept(record) >= since)
        && filter.until.is_none_or(|until| kept(record) < until)
        && filter.min_confidence.is_none_or(|min| record.confidence.is_some_and(|c| c >= min))
        && filter.max_confidence.is_none_or(|max| record.confidence.is_some_and(|c| c <= max))
}

/// Ids of what the filter lets through, newest first; later inserts are newer where times are equal.
fn naive(rows: &[PredictionRecord], filter: &PredictionFilter) -> Vec<Uuid> {
    let mut found: Vec<&PredictionRecord> = rows.iter().rev().filter(|row| lets_through(filter, row)).collect();
    found.sort_by_key(|row| std::cmp::Reverse(kept(row)));
    found.into_iter().map(id).collect()
}

/// Reads all pages; after each, inserts the next of `late`.
async fn all_pages(store: &Store, filter: &PredictionFilter, limit: usize, late: &[PredictionRecord]) -> Vec<Uuid> {
    let (mut found, mut cursor, mut late) = (Vec::new(), None::<String>, late.iter());
    loop {
        let page = store.list(filter, limit, cursor.as_deref()).await.unwrap();
        assert!(page.predictions.len() <= limit);
        assert!(page.next_cursor.is_none() || page.predictions.len() == limit, "a page before the last is short");
        found.extend(page.predictions.iter().map(|prediction| id(&prediction.record)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return found;
        }
        if let Some(row) = late.next() {
            store.submit(vec![row.clone()]).await.unwrap();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The properties below, for one engine.
macro_rules! properties {
    ($engine:ident, $cases:literal, $fixture:expr) => {
        mod $engine {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig { cases: $cases, ..ProptestConfig::default() })]

                #[test]
                fn pages_hold_every_row_exactly_once_even_while_rows_arrive(
                    rows in proptest::collection::vec(any_record(), 0..60),
                    late in proptest::collection::vec(any_record(), 10),
                    filters in proptest::collection::vec((any_filter(), 1..8usize), 6),
                ) {
                    if let Some(fixture) = $fixture {
                        runtime().block_on(assert_pages(&fixture, rows, late, filters))?;
                    }
                }

                #[test]
                fn statistics_equal_a_naive_count(
                    rows in proptest::collection::vec(any_record(), 0..60),
                    since in proptest::option::of(time()),
                    until in proptest::option::of(time()),
                ) {
                    if let Some(fixture) = $fixture {
                        runtime().block_on(assert_statistics(&fixture, rows, since, until))?;
                    }
                }

                #[test]
                fn statistics_of_days_equal_a_naive_count(
                    rows in proptest::collection::vec((any_record(), far_time()), 0..60),
                    since in proptest::option::of(far_time()),
                    until in proptest::option::of(far_time()),
                ) {
                    if let Some(fixture) = $fixture {
                        let at = |(row, time)| PredictionRecord { occurred_at: Some(time), ..row };
                        let rows = rows.into_iter().map(at).collect();
                        runtime().block_on(assert_statistics(&fixture, rows, since, until))?;
                    }
                }
            }
        }
    };
}

properties!(sqlite_properties, 48, Some(Fixture::sqlite()));

// A new database on a server takes longer than a new file.
properties!(postgres_properties, 16, Fixture::postgres());

async fn assert_pages(
    fixture: &Fixture,
    rows: Vec<PredictionRecord>,
    late: Vec<PredictionRecord>,
    filters: Vec<(PredictionFilter, usize)>,
) -> Result<(), TestCaseError> {
    let store = start(fixture.url()).store;
    store.submit(rows.clone()).await.unwrap();
    for (filter, limit) in &filters {
        prop_assert_eq!(all_pages(&store, filter, *limit, &[]).await, naive(&rows, filter));
    }
    let (filter, limit) = &filters[0];
    let found = all_pages(&store, filter, *limit, &late).await;
    let distinct: BTreeSet<&Uuid> = found.iter().collect();
    prop_assert_eq!(distinct.len(), found.len(), "a row came twice");
    let allowed: BTreeSet<Uuid> = late.iter().filter(|row| lets_through(filter, row)).map(id).collect();
    let (arrived, original): (Vec<Uuid>, Vec<Uuid>) =
        found.into_iter().partition(|id| late.iter().any(|row| row.event_id == Some(*id)));
    prop_assert_eq!(original, naive(&rows, filter));
    prop_assert!(arrived.iter().all(|id| allowed.contains(id)));
    Ok(())
}

async fn assert_statistics(
    fixture: &Fixture,
    rows: Vec<PredictionRecord>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<(), TestCaseError> {
    let store = start(fixture.url()).store;
    // In two parts, which add up.
    let (first, second) = rows.split_at(rows.len() / 2);
    store.submit(first.to_vec()).await.unwrap();
    store.submit(second.to_vec()).await.unwrap();
    let stats = store.stats(since, until).await.unwrap();
    let window = PredictionFilter { since, until, ..PredictionFilter::default() };
    let rows: Vec<&PredictionRecord> = rows.iter().filter(|row| lets_through(&window, row)).collect();
    assert_summary(&stats.total, &rows)?;
    let models: BTreeSet<&String> = rows.iter().map(|row| &row.model).collect();
    prop_assert_eq!(stats.models.keys().collect::<BTreeSet<_>>(), models);
    for (model, summary) in &stats.models {
        let rows: Vec<&PredictionRecord> = rows.iter().copied().filter(|row| row.model == *model).collect();
        assert_summary(summary, &rows)?;
    }
    Ok(())
}

fn assert_summary(summary: &PredictionSummary, rows: &[&PredictionRecord]) -> Result<(), TestCaseError> {
    let close = |found: Option<f64>, values: Vec<f64>| {
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        found.is_some() == mean.is_some() && (found.unwrap_or(0.0) - mean.unwrap_or(0.0)).abs() < 1e-9
    };
    let failed = || rows.iter().filter(|row| row.status == Status::Error);
    let latencies: Vec<f64> = rows.iter().filter_map(|row| row.latency_seconds).collect();
    prop_assert_eq!(summary.predictions, rows.len() as u64);
    prop_assert_eq!(summary.errors, failed().count() as u64);
    prop_assert_eq!(summary.defects, rows.iter().filter(|row| row.defect).count() as u64);
    prop_assert!(close(summary.mean_confidence, rows.iter().filter_map(|row| row.confidence).collect()));
    prop_assert_eq!(summary.max_latency_seconds, latencies.iter().copied().reduce(f64::max));
    prop_assert!(close(summary.mean_latency_seconds, latencies));
    prop_assert_eq!(summary.first_occurred_at, rows.iter().map(|row| kept(row)).min());
    prop_assert_eq!(summary.last_occurred_at, rows.iter().map(|row| kept(row)).max());
    prop_assert_eq!(&summary.labels, &counts(rows.iter().filter_map(|row| row.label.clone())));
    let error_type = |row: &&PredictionRecord| row.error_type.clone().unwrap_or("unspecified".to_owned());
    prop_assert_eq!(&summary.error_types, &counts(failed().map(error_type)));
    Ok(())
}

fn counts(names: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    names.fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}
