//! A database file that is deleted or replaced under the store loses no row that was acknowledged.

use std::fs;

use rusqlite::Connection;

use crate::store_support::{
    StartedStore, assert_holds, id, ids, is_unavailable, records, start_file, submit_until_accepted,
};

#[tokio::test]
async fn a_deleted_database_swallows_no_acknowledged_row() {
    for suffixes in [&[""][..], &["", "-wal", "-shm"], &["-wal"], &["-shm"], &["-wal", "-shm"]] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let StartedStore { store, witness } = start_file(&path);
        let early = records(10);
        store.submit(early.clone()).await.unwrap();
        for suffix in suffixes {
            fs::remove_file(directory.path().join(format!("p.db{suffix}"))).unwrap();
        }
        let late = records(10);
        assert!(is_unavailable(&store.submit(late.clone()).await), "{suffixes:?}");
        submit_until_accepted(&store, &witness, &late).await;
        assert!(store.get(id(&late[0])).await.unwrap().is_some(), "readers see the new file");
        store.close().await;
        assert_holds(&path, ids(&late));
        if !suffixes.contains(&"") {
            assert_holds(&path, ids(&early));
        }
    }
}

#[tokio::test]
async fn a_database_that_vanishes_without_traffic_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/p.db");
    let StartedStore { store, witness } = start_file(&path);
    fs::remove_dir_all(directory.path().join("data")).unwrap();
    witness.until_availability_told(3).await;
    assert_eq!(witness.told().availability, [true, false, true]);
    let rows = records(5);
    store.submit(rows.clone()).await.unwrap();
    store.close().await;
    assert_holds(&path, ids(&rows));
}

#[tokio::test]
async fn a_replaced_database_is_not_mixed_up_with_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let (path, aside) = (directory.path().join("p.db"), directory.path().join("aside.db"));
    let replacement = directory.path().join("replacement.db");
    let restored = records(500);
    let other = start_file(&replacement).store;
    other.submit(restored.clone()).await.unwrap();
    other.close().await;

    let StartedStore { store, witness } = start_file(&path);
    let early = records(500);
    store.submit(early.clone()).await.unwrap();
    // As somebody would do who restores a backup and forgets to stop the service.
    fs::rename(&path, &aside).unwrap();
    fs::rename(&replacement, &path).unwrap();
    let late = records(20);
    submit_until_accepted(&store, &witness, &late).await;
    assert!(witness.told().availability.contains(&false), "the replacement went unnoticed");
    assert_eq!(store.count().await.unwrap(), 520);
    store.close().await;
    assert_holds(&path, ids(&restored).into_iter().chain(ids(&late)));
    assert_holds(&aside, ids(&early));
}

/// The same while a shell reads: the log cannot be emptied into the old database, and must not be replayed into the new one.
#[tokio::test]
async fn a_replaced_database_is_safe_from_a_log_that_a_reader_holds() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let restored = records(500);
    let other = start_file(&file("replacement.db")).store;
    other.submit(restored.clone()).await.unwrap();
    other.close().await;

    let StartedStore { store, witness } = start_file(&file("p.db"));
    let shell = Connection::open(file("p.db")).unwrap();
    shell.execute_batch("BEGIN; SELECT count(*) FROM predictions").unwrap();
    let early = records(500);
    store.submit(early.clone()).await.unwrap();
    fs::rename(file("p.db"), file("aside.db")).unwrap();
    fs::rename(file("replacement.db"), file("p.db")).unwrap();
    let late = records(20);
    submit_until_accepted(&store, &witness, &late).await;
    store.close().await;
    drop(shell);
    assert_holds(&file("p.db"), ids(&restored).into_iter().chain(ids(&late)));
    assert_eq!(
        Connection::open(file("p.db")).unwrap().query_row("SELECT count(*) FROM predictions", [], |row| row.get(0)),
        Ok(520)
    );
    fs::rename(file("p.db-wal-orphaned"), file("aside.db-wal")).unwrap();
    assert_holds(&file("aside.db"), ids(&early));
}
