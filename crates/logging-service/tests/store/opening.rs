//! Opening a database file: new, old, foreign, newer, and where none can be.

use std::fs;

use logging_service::store::StoreError;
use rusqlite::Connection;
use uuid::Uuid;

use crate::store_support::{StartedStore, assert_holds, id, ids, is_unavailable, records, start_file};

#[tokio::test]
async fn a_new_database_has_its_settings_and_an_old_one_keeps_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/p.db");
    let rows = records(3);
    let store = start_file(&path).store;
    store.submit(rows.clone()).await.unwrap();
    store.close().await;
    let store = start_file(&path).store;
    assert_eq!(store.submit(rows.clone()).await.unwrap().duplicates, 3);
    store.close().await;

    let pragma = |name: &str| -> String {
        let connection = Connection::open(&path).unwrap();
        connection.query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("user_version"), "16");
    assert_eq!(pragma("auto_vacuum"), "2", "incremental");
    assert_eq!(pragma("journal_mode"), "wal");
    assert_holds(&path, ids(&rows));
}

#[tokio::test]
async fn an_empty_file_becomes_a_database_and_a_foreign_one_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let store = start_file(&empty).store;
    store.submit(records(1)).await.unwrap();
    store.close().await;

    let foreign = directory.path().join("foreign.db");
    let text = "this is no database ".repeat(1000);
    fs::write(&foreign, &text).unwrap();
    let StartedStore { store, witness } = start_file(&foreign);
    assert!(is_unavailable(&store.submit(records(1)).await));
    assert_eq!(witness.told().availability, [false]);
    store.close().await;
    assert_eq!(fs::read_to_string(&foreign).unwrap(), text);
}

#[tokio::test]
async fn a_newer_database_is_refused_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let StartedStore { store, witness } = start_file(&path);
    let error = store.submit(records(1)).await.unwrap_err();
    assert_eq!(error, StoreError::NewerSchema { found: 99, known: 16 });
    assert!(error.to_string().contains("99"), "{error}");
    assert_eq!(witness.told().availability, [false]);
    assert!(!store.is_available());
}

#[tokio::test]
async fn a_store_without_a_place_starts_refuses_and_recovers_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    // Root may write anywhere, so the obstacle is a file where a directory should be, and the reverse.
    let (file, folder) = (directory.path().join("file"), directory.path().join("folder.db"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&folder).unwrap();
    for (obstacle, path) in [(&file, file.join("deep/p.db")), (&folder, folder.clone())] {
        let StartedStore { store, witness } = start_file(&path);
        assert!(!store.is_available());
        assert!(is_unavailable(&store.submit(records(1)).await));
        assert!(is_unavailable(&store.get(Uuid::nil()).await));
        assert!(is_unavailable(&store.stats(None, None).await));
        if obstacle.is_dir() {
            fs::remove_dir(obstacle).unwrap();
        } else {
            fs::remove_file(obstacle).unwrap();
        }
        witness.until_availability_told(2).await;
        assert_eq!(witness.told().availability, [false, true]);
        let rows = records(2);
        store.submit(rows.clone()).await.unwrap();
        assert!(store.get(id(&rows[1])).await.unwrap().is_some());
        store.close().await;
        assert_holds(&path, ids(&rows));
    }
}

#[tokio::test]
async fn a_store_that_cannot_open_closes_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = start_file(directory.path()).store;
    store.close().await;
    assert!(is_unavailable(&store.submit(records(1)).await));
}
