//! An erasure that is killed at every step, and one while the store fails by chance: what was asked to go goes, from
//! wherever it is, and nothing else does.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use prediction_record::{PredictionRecord, Tags};
use serde_json::json;
use uuid::Uuid;

use super::faulty_store::{Fault, FaultyStore};
use super::stored_labels::known_labels;
use super::{delete_cold, exported, files, ids, lake, named, open, plain, rows, turn};
use crate::erasure;
use crate::store::labels::{self, TrueLabel};
use crate::store::time::floor_microseconds;
use crate::store::{Store, erasures};

const FOLDER: &str = "GLASSHOUSE_ERASURE_TEST_FOLDER";
const STEP: &str = "GLASSHOUSE_ERASURE_TEST_STEP";
/// What is erased: every fourth row.
const CUSTOMER: &str = "4711";

fn is_erased(row: &PredictionRecord) -> bool {
    row.event_id.unwrap().as_u128() % 4 == 1
}

/// Rows of two old days and of now, some of which belong to the customer, the newest among them.
fn tagged_rows() -> Vec<PredictionRecord> {
    rows()
        .into_iter()
        .map(|row| PredictionRecord {
            request_id: Some(format!("r-{}", row.event_id.unwrap().as_u128() % 1_000)),
            tags: Tags::from([("customer".to_owned(), if is_erased(&row) { CUSTOMER } else { "1" }.to_owned())]),
            ..row
        })
        .collect()
}

fn kept_ids() -> BTreeSet<Uuid> {
    ids(&tagged_rows().into_iter().filter(|row| !is_erased(row)).collect::<Vec<_>>())
}

/// A database whose old rows are in the lake alone, with labels of all of them, old ones and one of now.
async fn prepare(folder: &Path) {
    let store = open(folder);
    store.submit(tagged_rows()).await.unwrap();
    let now = floor_microseconds(Timestamp::now());
    for (days_ago, rows) in [(60, tagged_rows()), (0, tagged_rows()[..2].to_vec())] {
        let of_event = |row: &PredictionRecord| json!({ "event_id": row.event_id, "label": days_ago.to_string() });
        let of_request =
            |row: &PredictionRecord| json!({ "request_id": row.request_id, "label": days_ago.to_string() });
        let given = rows.iter().flat_map(|row| [of_event(row), of_request(row)]);
        let given: Vec<TrueLabel> = given.map(|label| serde_json::from_value(label).unwrap()).collect();
        let at = now - days_ago * 86_400_000_000;
        store.write(0, move |transaction| labels::add(transaction, &given, at)).await.unwrap();
    }
    turn(&lake(plain(folder)), &store).await.unwrap();
    delete_cold(&store).await;
    store.close().await;
}

async fn ask(store: &Store) {
    let tags = Tags::from([("customer".to_owned(), CUSTOMER.to_owned())]);
    store.write(0, move |transaction| erasures::enter(transaction, "", &tags, 1)).await.unwrap();
}

/// Whether nothing of the customer is left, everything else is there, and the books say how much went.
async fn assert_erased(folder: &Path, store: &Arc<Store>, what: &str) {
    let mut found = exported(folder, store).await;
    // The newest row of all is emptied, and has another id.
    let strange: Vec<Uuid> = found.difference(&kept_ids()).copied().collect();
    assert_eq!(strange.len(), 1, "{what}: {strange:?}");
    found.remove(&strange[0]);
    assert_eq!(found, kept_ids(), "{what}");
    let emptied = store.get(strange[0]).await.unwrap().unwrap().record;
    assert_eq!((emptied.request_id.as_deref(), emptied.tags.len(), emptied.label), (Some("erased"), 0, None), "{what}");
    // Those of old, the two of now, and the newest of all, which is emptied.
    let of_kept = kept_ids().len() * 2 + 2 + 1;
    assert_eq!(known_labels(folder, store).await.len(), of_kept, "{what}: labels");
    for (kind, place) in [("files", "predictions"), ("label_files", "labels")] {
        let there = files(&folder.join("lake").join(place));
        assert_eq!(there.len(), named(folder, kind).len(), "{what}: other files than those that count");
    }
    let erasure = store.read(|session| erasures::erasure(session, 1)).await.unwrap().unwrap();
    let erased = tagged_rows().len() - kept_ids().len();
    assert_eq!(erasure.in_database[0] + erasure.in_lake[0], erased as u64, "{what}: {erasure:?}");
    assert_eq!(erasure.filter, crate::store::PredictionFilter::default(), "of whom it was is forgotten");
    assert_eq!(store.read(erasures::count_unfinished).await.unwrap(), 0);
}

/// Goes on with what was asked, unless it is killed.
#[tokio::test]
#[ignore = "the child process of the test below"]
async fn child_that_erases() {
    let folder = std::env::var(FOLDER).expect("run by the test below only");
    let step: i64 = std::env::var(STEP).unwrap().parse().unwrap();
    let fault = Arc::new(Fault::Kill(AtomicI64::new(step)));
    let store = open(Path::new(&folder));
    let lake = lake(Arc::new(FaultyStore { inner: plain(Path::new(&folder)), fault }));
    erasure::go_on(&store, Some(&lake)).await.unwrap();
    store.close().await;
}

fn run(folder: &Path, step: i64) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "lake::tests::erasures::child_that_erases", "--ignored"]);
    let output = child.env(FOLDER, folder).env(STEP, step.to_string()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!printed.contains("panicked"), "{printed}");
    output.status.success()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() { copy(&path, &target) } else { std::fs::copy(&path, &target).map(|_| ()).unwrap() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_killed_at_any_step_is_finished_and_loses_no_other_row() {
    let prepared = tempfile::tempdir().unwrap();
    prepare(prepared.path()).await;
    let store = open(prepared.path());
    ask(&store).await;
    store.close().await;
    let mut step = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        copy(prepared.path(), folder.path());
        let is_done = run(folder.path(), step);
        let store = open(folder.path());
        let found = exported(folder.path(), &store).await;
        assert!(found.is_superset(&kept_ids()), "after a kill at step {step}: {} rows", found.len());
        store.close().await;
        if !is_done {
            let is_done = run(folder.path(), 1);
            assert!(is_done || run(folder.path(), i64::MAX), "step {step}");
        }
        let store = open(folder.path());
        assert_erased(folder.path(), &store, &format!("after a kill at step {step}")).await;
        store.close().await;
        if is_done {
            break;
        }
        step += 1;
    }
    assert!(step > 25, "there were only {step} steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_finished_while_the_store_fails_by_chance() {
    for seed in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path()).await;
        let store = open(folder.path());
        ask(&store).await;
        let fault = Fault::Random { one_of: 8, chance: Mutex::new(fastrand::Rng::with_seed(seed)) };
        let faulty = lake(Arc::new(FaultyStore { inner: plain(folder.path()), fault: Arc::new(fault) }));
        while erasure::go_on(&store, Some(&faulty)).await.is_err() {
            assert!(exported(folder.path(), &store).await.is_superset(&kept_ids()), "seed {seed}");
        }
        // What the last deletions left is settled by the next turn.
        turn(&lake(plain(folder.path())), &store).await.unwrap();
        assert_erased(folder.path(), &store, &format!("seed {seed}")).await;
        store.close().await;
    }
}
