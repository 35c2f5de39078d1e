//! A filter selects the same rows of the lake and of the database.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use prediction_record::{PredictionRecord, Status, Tags};

use super::{LakeError, LogPages, delete_cold, hold_in, lake, open, plain, record, turn};
use crate::store::{PredictionFilter, StoredPrediction};

fn rows() -> Vec<PredictionRecord> {
    (0..120_u32)
        .map(|i| PredictionRecord {
            label: [Some("1"), Some("1.0"), Some("\"1\""), Some("cat"), None][i as usize % 5].map(str::to_owned),
            confidence: (!i.is_multiple_of(3)).then(|| f64::from(i % 10) / 10.0),
            version: i.is_multiple_of(2).then(|| (i % 4).to_string()),
            status: if i.is_multiple_of(7) { Status::Error } else { Status::Success },
            defect: i.is_multiple_of(4),
            request_id: Some(format!("r-{}", i % 30)),
            tags: Tags::from([("region".to_owned(), ["eu", "us"][i as usize % 2].to_owned())]),
            ..record(60 + i64::from(i % 2), (1 << 64) + u128::from(i))
        })
        .collect()
}

fn filters() -> Vec<PredictionFilter> {
    let all = PredictionFilter::default;
    let hours_ago = |hours: i64| Some(Timestamp::now() - SignedDuration::from_hours(hours));
    vec![
        all(),
        PredictionFilter { model: Some("even".to_owned()), ..all() },
        PredictionFilter { version: Some("2".to_owned()), ..all() },
        PredictionFilter { label: Some("1".to_owned()), ..all() },
        PredictionFilter { label: Some("cat".to_owned()), ..all() },
        PredictionFilter { status: Some(Status::Error), ..all() },
        PredictionFilter { status: Some(Status::Success), defect: Some(true), ..all() },
        PredictionFilter { defect: Some(false), ..all() },
        PredictionFilter { min_confidence: Some(0.3), ..all() },
        PredictionFilter { max_confidence: Some(0.3), min_confidence: Some(0.1), ..all() },
        PredictionFilter { request_id: Some("r-7".to_owned()), ..all() },
        PredictionFilter { tags: Tags::from([("region".to_owned(), "eu".to_owned())]), ..all() },
        PredictionFilter { since: hours_ago(60 * 24 + 1), ..all() },
        PredictionFilter { until: hours_ago(60 * 24 + 1), ..all() },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_selects_the_same_rows_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.submit(rows()).await.unwrap();
    store.submit(vec![record(0, 9)]).await.unwrap();
    let filters = filters();
    let read = async || {
        let mut found: Vec<Vec<StoredPrediction>> = Vec::new();
        for filter in &filters {
            let mut pages = LogPages::new(Arc::clone(&store), Some(lake(plain(folder.path()))), filter.clone());
            let (mut rows, mut hold) = (Vec::new(), hold_in(64 << 20));
            while let Some(page) = pages.next(&mut hold).await.unwrap() {
                rows.extend(page);
            }
            found.push(rows);
        }
        found
    };
    let hot = read().await;
    turn(&lake(plain(folder.path())), &store).await.unwrap();
    delete_cold(&store).await;
    assert_eq!(store.count().await.unwrap(), 1);
    for ((hot, cold), filter) in hot.iter().zip(read().await).zip(&filters) {
        assert!(!hot.is_empty(), "{filter:?}");
        assert_eq!(*hot, cold, "{filter:?}");
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_day_is_held_in_the_room_before_it_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.submit(rows()).await.unwrap();
    turn(&lake(plain(folder.path())), &store).await.unwrap();
    delete_cold(&store).await;
    let pages = || LogPages::new(Arc::clone(&store), Some(lake(plain(folder.path()))), PredictionFilter::default());
    let (mut pages_with_room, mut hold, mut most) = (pages(), hold_in(64 << 20), 0);
    while pages_with_room.next(&mut hold).await.unwrap().is_some() {
        most = most.max(pages_with_room.held_bytes());
        assert!(hold.bytes() >= pages_with_room.held_bytes());
    }
    assert!(most > 1_000, "{most} bytes of row groups");
    assert_eq!(pages_with_room.held_bytes(), 0, "at the end nothing is held");
    let (mut pages_without, mut hold) = (pages(), hold_in(1024));
    let refusal = loop {
        match pages_without.next(&mut hold).await {
            Ok(rows) => assert!(rows.is_some(), "cold rows were read without room for them"),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, LakeError::Full(_)), "{refusal}");
    store.close().await;
}
