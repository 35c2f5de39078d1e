//! What was acknowledged is there, whatever happens to the files, the disk or the process; and the
//! store comes back by itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod store_support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use logging_service::store::{Store, StoreError};
use prediction_record::PredictionRecord;
use rusqlite::Connection;
use store_support::{Witness, assert_holds, id, is_unavailable, record, records, start_file};
use uuid::Uuid;

fn ids(records: &[PredictionRecord]) -> Vec<Uuid> {
    records.iter().map(id).collect()
}

/// Submits until the store accepts, as a client that retries does.
async fn submit_until_accepted(store: &Store, witness: &Witness, records: &[PredictionRecord]) {
    for _ in 0..100 {
        if store.submit(records.to_vec()).await.is_ok() {
            return;
        }
        let changes = witness.told().availability.len();
        witness.until(|told| told.availability.last() == Some(&true) || told.availability.len() > changes).await;
    }
    panic!("never accepted again: {:?}", witness.told());
}

#[tokio::test]
async fn a_new_database_has_its_settings_and_an_old_one_keeps_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/p.db");
    let rows = records(3);
    let (store, _) = start_file(&path);
    store.submit(rows.clone()).await.unwrap();
    store.close().await;
    let (store, _) = start_file(&path);
    assert_eq!(store.submit(rows.clone()).await.unwrap().duplicates, 3);
    store.close().await;

    let pragma = |name: &str| -> String {
        let connection = Connection::open(&path).unwrap();
        connection.query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("user_version"), "3");
    assert_eq!(pragma("auto_vacuum"), "2", "incremental");
    assert_eq!(pragma("journal_mode"), "wal");
    assert_holds(&path, ids(&rows));
}

#[tokio::test]
async fn an_empty_file_becomes_a_database_and_a_foreign_one_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.db");
    fs::write(&empty, "").unwrap();
    let (store, _) = start_file(&empty);
    store.submit(records(1)).await.unwrap();
    store.close().await;

    let foreign = directory.path().join("foreign.db");
    let text = "this is no database ".repeat(1000);
    fs::write(&foreign, &text).unwrap();
    let (store, witness) = start_file(&foreign);
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
    let (store, witness) = start_file(&path);
    let error = store.submit(records(1)).await.unwrap_err();
    assert_eq!(error, StoreError::NewerSchema { found: 99, known: 3 });
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
        let (store, witness) = start_file(&path);
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
    let (store, _) = start_file(directory.path());
    store.close().await;
    assert!(is_unavailable(&store.submit(records(1)).await));
}

#[tokio::test]
async fn a_deleted_database_swallows_no_acknowledged_row() {
    for suffixes in [&[""][..], &["", "-wal", "-shm"], &["-wal"], &["-shm"], &["-wal", "-shm"]] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.db");
        let (store, witness) = start_file(&path);
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
    let (store, witness) = start_file(&path);
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
    let (other, _) = start_file(&replacement);
    other.submit(restored.clone()).await.unwrap();
    other.close().await;

    let (store, witness) = start_file(&path);
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
    let (other, _) = start_file(&file("replacement.db"));
    other.submit(restored.clone()).await.unwrap();
    other.close().await;

    let (store, witness) = start_file(&file("p.db"));
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

#[tokio::test]
async fn a_full_disk_loses_nothing_and_is_survived() {
    let directory = tempfile::tempdir().unwrap();
    let disk = directory.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let Some(mount) = Mount::new(&disk) else {
        eprintln!("SKIPPED: the full disk is not tested, because no tmpfs can be mounted here (needs root)");
        return;
    };
    let path = disk.join("p.db");
    let (store, witness) = start_file(&path);
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let rows = bulky(20);
        submit_until_accepted(&store, &witness, &rows).await;
        acknowledged.extend(ids(&rows));
        fill(&disk.join("filler"));
        let mut refused = bulky(200);
        // What space the files still have inside is used up first.
        while store.submit(refused.clone()).await.is_ok() {
            acknowledged.extend(ids(&refused));
            refused = bulky(200);
            fill(&disk.join("filler"));
        }
        assert!(witness.told().availability.contains(&false));
        assert!(is_unavailable(&store.submit(refused.clone()).await));
        fs::remove_file(disk.join("filler")).unwrap();
        submit_until_accepted(&store, &witness, &refused).await;
        acknowledged.extend(ids(&refused));
        assert_eq!(store.count().await.unwrap(), acknowledged.len() as u64, "round {round}");
    }
    store.close().await;
    assert_holds(&path, acknowledged);
    drop(mount);
}

/// Records of some 4 kB.
fn bulky(count: usize) -> Vec<PredictionRecord> {
    let extra = serde_json::Map::from_iter([("note".to_owned(), "x".repeat(4000).into())]);
    (0..count).map(|_| PredictionRecord { extra: extra.clone(), ..record("cifar10") }).collect()
}

/// Writes into the file until the disk is full.
fn fill(path: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    for size in [65_536, 4096, 1] {
        let block = vec![0u8; size];
        while file.write_all(&block).is_ok() {}
    }
}

/// A small disk in memory, gone when dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(path: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

const CRASH_DATABASE: &str = "GLASSHOUSE_CRASH_TEST_DATABASE";

/// Writes until it is killed, and prints each id when it is acknowledged.
#[test]
#[ignore = "the child process of the test below"]
fn child_that_writes_until_it_is_killed() {
    let path = std::env::var_os(CRASH_DATABASE).expect("run by the test below only");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, _) = start_file(Path::new(&path));
        let callers = (1..=8).map(|caller| tokio::spawn(submit_and_print(Arc::clone(&store), caller * 3)));
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
    });
}

async fn submit_and_print(store: Arc<Store>, batch_size: usize) {
    loop {
        let rows = records(batch_size);
        store.submit(rows.clone()).await.unwrap();
        let lines: String = rows.iter().map(|row| format!("ack {}\n", id(row))).collect();
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).unwrap();
    }
}

#[test]
fn every_acknowledged_row_survives_twenty_kills() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.db");
    let mut acknowledged: Vec<Uuid> = Vec::new();
    for round in 0..20 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(CRASH_DATABASE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after so many acknowledgements, 1 to 5000; where in a transaction that falls is up to chance.
        let random = Uuid::now_v7().as_u128() as u64;
        let mut left = random % [10, 500, 5000][round % 3] + 1;
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let before = acknowledged.len();
        // After the kill, what is still in the pipe was acknowledged too. A line cut short was not printed whole.
        while stdout.read_line(&mut line).unwrap() > 0 {
            if let Some(id) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("ack ")) {
                acknowledged.push(id.parse().unwrap());
                left = left.saturating_sub(1);
                if left == 0 {
                    child.kill().unwrap();
                }
            }
            line.clear();
        }
        child.wait().unwrap();
        assert_eq!(left, 0, "the child ended by itself in round {round}");
        assert!(acknowledged.len() > before);
        assert_holds(&path, acknowledged.iter().copied());
    }
}
