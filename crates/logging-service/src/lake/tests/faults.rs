//! The object store fails by chance: nothing is lost, nothing is there twice, and in the end all is in the lake.

use std::sync::{Arc, Mutex};

use super::faulty_store::{Fault, FaultyStore};
use super::stored_labels::{assert_labels_complete, expected_labels, known_labels, store_labels};
use super::{assert_complete, delete_cold, exported, ids, lake, late_rows, open, plain, rows, turn};

#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_read_once_while_the_store_fails_by_chance() {
    let mut failures = 0;
    for seed in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.submit(rows()).await.unwrap();
        store_labels(&store, 0).await;
        let fault = Fault::Random { one_of: 6, chance: Mutex::new(fastrand::Rng::with_seed(seed)) };
        let lake = lake(Arc::new(FaultyStore { inner: plain(folder.path()), fault: Arc::new(fault) }));
        let mut expected = ids(&rows());
        for part in 0..2 {
            loop {
                let outcome = turn(&lake, &store).await;
                delete_cold(&store).await;
                assert_eq!(exported(folder.path(), &store).await, expected, "seed {seed}");
                let labels = known_labels(folder.path(), &store).await;
                assert_eq!(labels.len(), expected_labels(part + 1), "seed {seed}");
                match outcome {
                    Ok(turn) if turn.waiting == 0 && turn.disagreements == 0 => break,
                    _ => failures += 1,
                }
            }
            if part == 0 {
                store.submit(late_rows()).await.unwrap();
                store_labels(&store, 1).await;
                expected.extend(ids(&late_rows()));
            }
        }
        assert_complete(folder.path());
        assert_labels_complete(folder.path(), 2);
        store.close().await;
    }
    assert!(failures > 12, "the store failed only {failures} times");
}

/// Two programs on one lake: the second stands back while the first is at it, and neither disturbs the other's files.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_stands_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (open(folder.path()), open(folder.path()));
    first.submit(rows()).await.unwrap();
    let theirs = lake(plain(folder.path()));
    assert!(!turn(&theirs, &first).await.unwrap().is_elsewhere);
    let options = super::LakeOptions::new(1, std::time::Duration::ZERO, "another");
    let ours = super::Lake::new(plain(folder.path()), options);
    assert!(turn(&ours, &second).await.unwrap().is_elsewhere);
    second.close().await;
    first.close().await;
}

/// A database that was restored from before a day was written: the lake is not written over, and nothing is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_lake_that_knows_more_than_the_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.submit(rows()).await.unwrap();
    store.close().await;
    std::fs::copy(folder.path().join("p.db"), folder.path().join("backup")).unwrap();
    let store = open(folder.path());
    turn(&lake(plain(folder.path())), &store).await.unwrap();
    store.close().await;
    let before = super::named(folder.path(), "files");
    for leftover in ["p.db", "p.db-wal", "p.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(leftover));
    }
    std::fs::copy(folder.path().join("backup"), folder.path().join("p.db")).unwrap();
    let store = open(folder.path());
    for _ in 0..3 {
        let turn = turn(&lake(plain(folder.path())), &store).await.unwrap();
        assert!(turn.disagreements > 0 && turn.waiting == 2, "{turn:?}");
        delete_cold(&store).await;
    }
    assert_eq!(super::named(folder.path(), "files"), before);
    assert_eq!(exported(folder.path(), &store).await, ids(&rows()));
    store.close().await;
}

/// Many rows of one model make several files, and come back in order.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_many_rows_has_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let many: Vec<_> = (0..25_000).map(|i| super::record(60, (1 << 64) + i * 2)).collect();
    for part in many.chunks(5_000) {
        store.submit(part.to_vec()).await.unwrap();
    }
    store.submit(vec![super::record(0, 9)]).await.unwrap();
    let options = super::LakeOptions { file_bytes: 1, ..super::LakeOptions::new(1, std::time::Duration::ZERO, "test") };
    turn(&super::Lake::new(plain(folder.path()), options), &store).await.unwrap();
    delete_cold(&store).await;
    assert_eq!(super::named(folder.path(), "files").values().collect::<Vec<_>>(), [&10_000, &10_000, &5_000]);
    assert_eq!(exported(folder.path(), &store).await.len(), 25_001);
    store.close().await;
}
