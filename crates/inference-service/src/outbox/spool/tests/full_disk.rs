//! A disk that is full, by SQLite's own limit and by a small file system.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A database that may not grow.
fn full(folder: &Path, when_full: WhenFull) -> Kept {
    let mut kept = Kept::open_as(folder, Durability::Process, when_full);
    assert!(kept.record(0..5));
    limit(&kept, Some(1));
    kept
}

fn limit(kept: &Kept, pages: Option<u32>) {
    kept.keeper.disk.as_ref().unwrap().database.limit_pages(pages);
}

#[test]
fn records_wait_in_memory_and_move_when_there_is_room() {
    let folder = TempDir::new().unwrap();
    let mut kept = full(folder.path(), WhenFull::DropNewest);
    assert!(kept.record(5..40));
    assert!(!kept.books.waiting().available);
    assert_eq!(kept.keeper.memory.amount().records, 35);
    assert!(kept.record(40..45));
    kept.retry();
    assert!(!kept.books.waiting().available && kept.books.read().spool_errors >= 2);
    // What is on the disk is delivered all the while.
    assert_eq!(kept.deliver(3), [0, 1, 2]);
    limit(&kept, None);
    kept.retry();
    assert!(kept.books.waiting().available);
    assert_eq!(kept.keeper.memory.amount().records, 0);
    kept.close();
    assert_eq!(Kept::open(folder.path()).deliver_all(), (3..45).collect::<Vec<_>>());
}

#[test]
fn what_was_delivered_before_the_files_were_removed_is_not_counted_as_lost() {
    let folder = TempDir::new().unwrap();
    let mut kept = full(folder.path(), WhenFull::DropNewest);
    assert!(kept.record(5..40));
    // The full disk cannot be told of it, and the files go with the next attempt.
    assert_eq!(kept.deliver(5), [0, 1, 2, 3, 4]);
    kept.retry();
    assert!(kept.books.waiting().available);
    assert_eq!((kept.books.read().recorded, kept.dropped(DropReason::Corrupt)), (40, 0));
    kept.close();
    let mut kept = Kept::open(folder.path());
    assert_eq!(kept.deliver_all(), (5..40).collect::<Vec<_>>());
    assert_eq!(kept.books.read().recorded, 35);
    kept.close();
}

#[test]
fn predictions_are_refused_if_asked_to() {
    let folder = TempDir::new().unwrap();
    let mut kept = full(folder.path(), WhenFull::Refuse);
    assert!(!kept.record(5..40));
    assert!(!kept.books.has_room(line(1).amount()));
    assert_eq!(kept.dropped(DropReason::Full), 35);
    limit(&kept, None);
    kept.retry();
    assert!(kept.books.has_room(line(1).amount()) && kept.record(40..45));
    assert_eq!(kept.deliver_all(), [0, 1, 2, 3, 4, 40, 41, 42, 43, 44]);
}

/// A file system of its own, gone when this is dropped.
struct Mount(PathBuf);

impl Mount {
    /// `None`, with a loud line, where only root may mount.
    fn new(folder: &Path, options: &str) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        // Straight to stderr: the test harness swallows what passing tests print.
        let _ = std::io::stderr().write_all(b"SKIPPED: a small file system; it takes root to mount one\n");
        None
    }

    fn remount(&self, options: &str) {
        let remount = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap();
        assert!(remount.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // It fails while a file is open, which only happens after a failed assertion.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_file_system_loses_nothing_and_drains() {
    let folder = TempDir::new().unwrap();
    let Some(_mount) = Mount::new(folder.path(), "size=2m") else { return };
    let mut kept = Kept::open_as(folder.path(), Durability::Power, WhenFull::DropNewest);
    let filler = folder.path().join("filler");
    let mut recorded = 0;
    while recorded < 500 || kept.books.waiting().available {
        assert!(kept.record(recorded..recorded + 50));
        recorded += 50;
    }
    assert!(kept.record(recorded..recorded + 500));
    recorded += 500;
    assert_eq!(fs::write(&filler, vec![0; 2 << 20]).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    let mut delivered = kept.deliver(300);
    fs::remove_file(&filler).unwrap();
    // Each delivery makes room, in the end all of it.
    for _ in 0..100 {
        delivered.extend(kept.deliver(50));
        kept.retry();
    }
    assert!(kept.books.waiting().available);
    delivered.extend(kept.deliver_all());
    delivered.sort_unstable();
    assert_eq!(delivered, (0..recorded).collect::<Vec<_>>());
    assert!(set_aside(folder.path()).is_empty());
    kept.close();
}

#[test]
fn a_file_system_may_be_read_only_for_a_while() {
    let folder = TempDir::new().unwrap();
    let Some(mount) = Mount::new(folder.path(), "size=8m,ro") else { return };
    let mut kept = Kept::open(folder.path());
    assert!(!kept.books.waiting().available && kept.record(0..3));
    kept.retry();
    assert!(!kept.books.waiting().available);
    mount.remount("rw");
    kept.retry();
    assert!(kept.books.waiting().available);
    assert_eq!(kept.keeper.memory.amount().records, 0);
    assert_eq!(kept.deliver_all(), [0, 1, 2]);
    kept.close();
}
