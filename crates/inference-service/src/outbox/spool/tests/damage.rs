//! Damaged files: what can be read goes on, and the rest is counted.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

const PAGE: u64 = 4096;

fn spool_of(numbers: std::ops::Range<usize>) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.record(numbers);
    kept.close();
    folder
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, at).unwrap();
}

/// Every number was either delivered or counted as dropped, and nothing was delivered twice.
fn accounted_for(delivered: &[usize], corrupt: u64, recorded: usize) {
    assert!(delivered.is_sorted_by(|a, b| a < b), "{delivered:?}");
    assert_eq!(delivered.len() + corrupt as usize, recorded);
}

#[test]
fn a_damaged_record_is_set_aside_alone() {
    let folder = spool_of(0..10);
    let changed = Connection::open(folder.path().join("spool.db")).unwrap();
    changed.execute("UPDATE records SET line = zeroblob(500) WHERE id IN (3, 7, 8)", []).unwrap();
    drop(changed);
    let mut kept = Kept::open(folder.path());
    assert_eq!(kept.lend(2), [0, 1]);
    assert_eq!(kept.deliver(4), [0, 1, 3]);
    assert_eq!(kept.deliver_all(), [4, 5, 8, 9]);
    assert_eq!(kept.dropped(DropReason::Corrupt), 3);
    kept.close();
    let left = Connection::open(folder.path().join("spool.db")).unwrap();
    let count =
        |table| left.query_one(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((count("quarantine"), count("records")), (3, 0));
}

#[test]
fn pages_in_the_middle_are_lost_alone() {
    for pages in [1_usize, 3, 20] {
        let folder = spool_of(0..1000);
        overwrite(&folder.path().join("spool.db"), 40 * PAGE, &vec![0xA5; pages * PAGE as usize]);
        let mut kept = Kept::open(folder.path());
        let delivered = kept.deliver_all();
        let lost = kept.dropped(DropReason::Corrupt);
        accounted_for(&delivered, lost, 1000);
        assert!(lost > 0 && lost < 20 * pages as u64, "{lost} of {pages} pages");
        assert_eq!(kept.books.read().quarantined, 1);
        assert!(set_aside(folder.path())[0].starts_with("spool.db.corrupt-"));
    }
}

#[test]
fn any_page_may_be_damaged() {
    let whole = spool_of(0..300);
    let database = fs::read(whole.path().join("spool.db")).unwrap();
    for at in (0..database.len()).step_by(PAGE as usize) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("spool.db"), &database).unwrap();
        overwrite(&folder.path().join("spool.db"), at as u64, &[0; PAGE as usize]);
        let mut kept = Kept::open(folder.path());
        assert!(kept.books.waiting().available);
        assert!(kept.record(300..301));
        let delivered = kept.deliver_all();
        assert!(delivered.is_sorted_by(|a, b| a < b) && delivered.last() == Some(&300), "page at {at}: {delivered:?}");
    }
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("spool.db"), "something else".repeat(1000)).unwrap();
    let mut kept = Kept::open(folder.path());
    assert!(kept.record(0..3));
    assert_eq!(kept.deliver_all(), [0, 1, 2]);
    assert_eq!(kept.books.read().quarantined, 1);
    assert!(set_aside(folder.path())[0].starts_with("spool.db.corrupt-"));
}

#[test]
fn damage_while_it_is_used_is_met_when_it_is_read() {
    let folder = TempDir::new().unwrap();
    let mut kept = Kept::open(folder.path());
    // More than SQLite keeps in its own memory, all of it out of the write-ahead log.
    for start in (0..40_000).step_by(1000) {
        kept.record(start..start + 1000);
    }
    kept.keeper.disk.as_ref().unwrap().database.prove_writable().unwrap();
    let mut delivered = kept.deliver(100);
    overwrite(&folder.path().join("spool.db"), 1000 * PAGE, &[0; 4 * PAGE as usize]);
    delivered.extend(kept.deliver_all());
    let lost = kept.dropped(DropReason::Corrupt);
    accounted_for(&delivered, lost, 40_000);
    assert!((1..100).contains(&lost), "{lost}");
    assert_eq!(kept.books.read().recorded, 40_000);
    assert!(kept.record(40_000..40_001));
}

/// The files of a spool that is in use, as a killed process leaves them.
fn killed(commits: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut kept = Kept::open(folder.path());
    for number in 0..commits {
        kept.record([number]);
    }
    let left = TempDir::new().unwrap();
    for file in ["spool.db", "spool.db-wal"] {
        fs::copy(folder.path().join(file), left.path().join(file)).unwrap();
    }
    left
}

#[test]
fn a_log_damaged_in_the_middle_is_kept_and_reported() {
    let left = killed(40);
    let wal = left.path().join("spool.db-wal");
    let middle = fs::metadata(&wal).unwrap().len() / 2;
    overwrite(&wal, middle, b"damage");
    let mut kept = Kept::open(left.path());
    let delivered = kept.deliver_all();
    assert_eq!(delivered, (0..delivered.len()).collect::<Vec<_>>());
    assert!((1..40).contains(&delivered.len()));
    assert_eq!(kept.books.read().quarantined, 1);
    assert!(set_aside(left.path())[0].starts_with("spool.db-wal.corrupt-"));
    kept.close();
    assert_eq!(Kept::open(left.path()).books.read().quarantined, 0);
}

#[test]
fn a_torn_tail_is_no_damage() {
    let left = killed(40);
    let wal = left.path().join("spool.db-wal");
    let length = fs::metadata(&wal).unwrap().len();
    for cut in [1, 100, 4000, 4119] {
        let torn = TempDir::new().unwrap();
        for file in ["spool.db", "spool.db-wal"] {
            fs::copy(left.path().join(file), torn.path().join(file)).unwrap();
        }
        OpenOptions::new().write(true).open(torn.path().join("spool.db-wal")).unwrap().set_len(length - cut).unwrap();
        let mut kept = Kept::open(torn.path());
        assert_eq!(kept.deliver_all(), (0..39).collect::<Vec<_>>());
        assert_eq!(kept.books.read().quarantined, 0);
    }
}

#[test]
fn an_interrupted_salvage_is_finished() {
    let folder = spool_of(0..300);
    // As if all was salvaged and the damaged files are about to be moved.
    fs::rename(folder.path().join("spool.db"), folder.path().join("spool.db.salvaged")).unwrap();
    fs::write(folder.path().join("spool.db"), "damaged").unwrap();
    fs::write(folder.path().join("spool.db-wal"), "damaged").unwrap();
    let mut kept = Kept::open(folder.path());
    assert_eq!(kept.deliver_all(), (0..300).collect::<Vec<_>>());
    assert_eq!(set_aside(folder.path()).len(), 2);
}
