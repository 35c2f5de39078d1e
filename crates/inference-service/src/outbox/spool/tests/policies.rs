//! Bounds, restarts, and the one process that may have a spool.

use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn what_is_in_the_spool_is_delivered_after_a_restart() {
    let folder = TempDir::new().unwrap();
    for durability in [Durability::Process, Durability::Power] {
        let mut kept = Kept::open_as(folder.path(), durability, WhenFull::DropNewest);
        assert!(kept.record(0..10));
        assert_eq!(kept.deliver(4), [0, 1, 2, 3]);
        let books = kept.close();
        assert_eq!((books.waiting().records, books.read().dropped), (6, [0; 6]));

        let mut kept = Kept::open_as(folder.path(), durability, WhenFull::DropNewest);
        let ledger = kept.books.read();
        assert_eq!((ledger.recorded, ledger.recovered, ledger.spooled.records), (6, 6, 6));
        assert!(kept.books.waiting().oldest_seconds > 0.0);
        assert_eq!(kept.deliver_all(), [4, 5, 6, 7, 8, 9]);
        assert_eq!(kept.books.waiting().oldest_seconds, 0.0);
    }
}

#[test]
fn a_refused_record_leaves_alone() {
    let folder = TempDir::new().unwrap();
    let mut kept = Kept::open(folder.path());
    kept.record(0..3);
    assert_eq!(kept.lend(1), [0]);
    kept.keeper.settle(Settlement::Rejected);
    assert_eq!(kept.dropped(DropReason::Rejected), 1);
    assert_eq!(kept.deliver_all(), [1, 2]);
}

#[test]
fn the_oldest_make_room_if_asked_to() {
    let folder = TempDir::new().unwrap();
    let mut kept = Kept::try_open(folder.path(), Durability::Process, WhenFull::DropOldest, 10 * 500).unwrap();
    assert!(kept.record(0..8));
    assert_eq!(kept.lend(2), [0, 1]);
    assert!(kept.record(8..13));
    assert_eq!(kept.dropped(DropReason::Evicted), 3);
    // The two that were evicted meanwhile are not counted again.
    kept.keeper.settle(Settlement::Delivered);
    assert_eq!(kept.books.read().delivered, 0);
    // More at once than there is room for.
    assert!(kept.record(13..30));
    assert_eq!(kept.deliver_all(), (20..30).collect::<Vec<_>>());
    assert_eq!(kept.dropped(DropReason::Evicted), 20);
}

#[test]
fn without_room_the_newest_are_dropped_or_refused() {
    for (when_full, recorded) in [(WhenFull::DropNewest, 4), (WhenFull::Refuse, 3)] {
        let folder = TempDir::new().unwrap();
        let mut kept = Kept::try_open(folder.path(), Durability::Process, when_full, 2000).unwrap();
        assert!(kept.record(0..3));
        assert!(!kept.record(3..5));
        assert_eq!(kept.dropped(DropReason::Full), 5 - recorded);
        assert_eq!(kept.deliver_all(), (0..recorded as usize).collect::<Vec<_>>());
        assert!(kept.record(5..6));
    }
}

#[test]
fn a_spool_belongs_to_one_process() {
    let folder = TempDir::new().unwrap();
    let kept = Kept::open(folder.path());
    let second = Kept::try_open(folder.path(), Durability::Process, WhenFull::DropNewest, ROOM);
    assert!(matches!(second, Err(FolderError::Taken(_))));
    kept.close();
    Kept::open(folder.path());
}

#[test]
fn a_folder_that_cannot_be_had_is_tried_again() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("spool");
    fs::write(&folder, "in the way").unwrap();
    let mut kept = Kept::open(&folder);
    assert!(!kept.books.waiting().available && kept.record(0..3));
    kept.retry();
    assert!(kept.books.read().spool_errors > 1 && !kept.books.waiting().available);
    fs::remove_file(&folder).unwrap();
    assert_eq!(kept.lend(1), [0]);
    kept.retry();
    // The one under way to the logging service stays where it is until that is known.
    assert!(kept.books.waiting().available);
    assert_eq!(kept.keeper.memory.amount().records, 1);
    assert!(kept.record(3..5));
    assert_eq!(kept.close().read().dropped, [0; 6]);
    let mut numbers = Kept::open(&folder).deliver_all();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

#[test]
fn a_folder_that_cannot_be_had_refuses_if_asked_to() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("spool");
    fs::write(&folder, "in the way").unwrap();
    let mut kept = Kept::open_as(&folder, Durability::Power, WhenFull::Refuse);
    assert!(!kept.books.has_room(line(1).amount()));
    assert!(!kept.record(0..1));
    assert_eq!(kept.dropped(DropReason::Full), 1);
    fs::remove_file(&folder).unwrap();
    kept.retry();
    assert!(kept.books.has_room(line(1).amount()) && kept.record(1..2));
    assert_eq!(kept.deliver_all(), [1]);
}

#[test]
fn without_a_disk_records_are_lost_at_the_end() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("spool");
    fs::write(&folder, "in the way").unwrap();
    let mut kept = Kept::open(&folder);
    kept.record(0..3);
    let ledger = kept.close().read();
    assert_eq!((ledger.spooled.records, ledger.dropped.iter().sum::<u64>()), (0, 3));
}

#[test]
fn a_file_that_has_grown_shrinks_when_it_is_empty() {
    let folder = TempDir::new().unwrap();
    let mut kept = Kept::open(folder.path());
    for start in (0..100_000).step_by(5000) {
        kept.record(start..start + 5000);
    }
    let size = || fs::metadata(folder.path().join("spool.db")).unwrap().len();
    let grown = size();
    while !kept.deliver(5000).is_empty() {}
    assert!(grown > 32 << 20 && size() < 1 << 20, "{grown} {}", size());
    assert!(kept.record(0..1));
    assert_eq!(kept.deliver_all(), [0]);
}
