//! The program is killed at every step of writing a day, of writing late rows and of settling what a kill has left.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use super::faulty_store::{Fault, FaultyStore};
use super::stored_labels::{assert_labels_complete, expected_labels, known_labels, store_labels};
use super::{assert_complete, delete_cold, exported, ids, lake, late_rows, open, plain, rows, turn};

const FOLDER: &str = "GLASSHOUSE_LAKE_TEST_FOLDER";
const STEP: &str = "GLASSHOUSE_LAKE_TEST_STEP";

/// Writes everything into the lake and deletes it from the database, twice, unless it is killed.
#[tokio::test]
#[ignore = "the child process of the test below"]
async fn child_that_is_killed() {
    let folder = std::env::var(FOLDER).expect("run by the test below only");
    let step: i64 = std::env::var(STEP).unwrap().parse().unwrap();
    let fault = Arc::new(Fault::Kill(AtomicI64::new(step)));
    let store = open(Path::new(&folder));
    let lake = lake(Arc::new(FaultyStore { inner: plain(Path::new(&folder)), fault }));
    turn(&lake, &store).await.unwrap();
    delete_cold(&store).await;
    // A record that is sent again after its row has left the database is stored again, so it is sent once.
    if exported(Path::new(&folder), &store).await.is_disjoint(&ids(&late_rows())) {
        store_labels(&store, 1).await;
        store.submit(late_rows()).await.unwrap();
    }
    turn(&lake, &store).await.unwrap();
    delete_cold(&store).await;
    store.close().await;
}

/// Runs the child; says whether it came to its end.
fn run(folder: &Path, step: i64) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "lake::tests::kills::child_that_is_killed", "--ignored"]);
    let output = child.env(FOLDER, folder).env(STEP, step.to_string()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!printed.contains("panicked"), "{printed}");
    output.status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_read_once_after_a_kill_at_any_step() {
    let prepared = tempfile::tempdir().unwrap();
    let store = open(prepared.path());
    store.submit(rows()).await.unwrap();
    store_labels(&store, 0).await;
    store.close().await;
    let (early, late) = (ids(&rows()), ids(&late_rows()));
    let all = early.union(&late).copied().collect();
    let mut step = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(prepared.path().join("p.db"), folder.path().join("p.db")).unwrap();
        if run(folder.path(), step) {
            break;
        }
        let store = open(folder.path());
        let found = exported(folder.path(), &store).await;
        assert!(found == early || found == all, "after a kill at step {step}: {} rows", found.len());
        let labels = known_labels(folder.path(), &store).await.len();
        let is_whole = [1, 2].map(expected_labels).contains(&labels);
        assert!(is_whole, "after a kill at step {step}: {labels} labels");
        store.close().await;
        // The next program is killed as well, while it settles what the first one has left.
        let is_done = run(folder.path(), 1);
        assert!(is_done || run(folder.path(), i64::MAX), "step {step}");
        let store = open(folder.path());
        assert_eq!(exported(folder.path(), &store).await, all, "after a kill at step {step} and another start");
        assert_eq!(known_labels(folder.path(), &store).await.len(), expected_labels(2), "step {step}");
        assert_complete(folder.path());
        assert_labels_complete(folder.path(), 2);
        store.close().await;
        step += 1;
    }
    assert!(step > 25, "there were only {step} steps");
}
