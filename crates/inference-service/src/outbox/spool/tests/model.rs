//! The spool against a model of what it promises, with crashes at any moment.
//!
//! What was acknowledged is delivered; nothing is delivered twice unless a crash came between the delivery and
//! its being noted; nothing is delivered that was not recorded.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

#[derive(Clone, Debug)]
enum SpoolStep {
    Record(usize),
    Deliver(usize),
    /// The logging service has stored them, but its answer is lost.
    DeliverUnnoticed(usize),
    /// Stopped and started in order.
    Restart,
    /// Killed between two commits, or within one: so many bytes of its first frame are written.
    Crash(usize),
    /// The disk takes nothing, or takes records again.
    Full(bool),
}

fn step() -> impl Strategy<Value = SpoolStep> {
    prop_oneof![
        4 => (1_usize..30).prop_map(SpoolStep::Record),
        3 => (1_usize..40).prop_map(SpoolStep::Deliver),
        1 => (1_usize..40).prop_map(SpoolStep::DeliverUnnoticed),
        1 => Just(SpoolStep::Restart),
        2 => (0_usize..4120).prop_map(SpoolStep::Crash),
        1 => any::<bool>().prop_map(SpoolStep::Full),
    ]
}

struct SpoolModel {
    folder: TempDir,
    kept: Option<Kept>,
    durability: Durability,
    next: usize,
    /// Recorded while the disk took records, or known to have moved there.
    safe: BTreeSet<usize>,
    /// Acknowledged while they waited in memory, which a crash may lose.
    in_memory: BTreeSet<usize>,
    stored: BTreeSet<usize>,
    may_come_again: BTreeSet<usize>,
}

impl SpoolModel {
    fn new(durability: Durability) -> Self {
        let folder = TempDir::new().unwrap();
        let kept = Some(Kept::open_as(folder.path(), durability, WhenFull::DropNewest));
        let [safe, in_memory, stored, may_come_again] = Default::default();
        Self { folder, kept, durability, next: 0, safe, in_memory, stored, may_come_again }
    }

    fn kept(&mut self) -> &mut Kept {
        self.kept.as_mut().unwrap()
    }

    fn step(&mut self, step: &SpoolStep) {
        match *step {
            SpoolStep::Record(count) => {
                let numbers = self.next..self.next + count;
                self.next = numbers.end;
                assert!(self.kept().record(numbers.clone()));
                let memory = self.kept().keeper.memory.amount().records;
                if memory == 0 { self.safe.extend(numbers) } else { self.in_memory.extend(numbers) }
            }
            SpoolStep::Deliver(count) => {
                let delivered = self.kept().deliver(count);
                // On a full disk, what was delivered may not get deleted before the next crash.
                if !self.kept().books.waiting().available {
                    self.may_come_again.extend(&delivered);
                }
                self.store(delivered);
            }
            SpoolStep::DeliverUnnoticed(count) => {
                let lent = self.kept().lend(count);
                self.may_come_again.extend(&lent);
                self.store(lent);
            }
            SpoolStep::Restart => {
                self.full(false);
                self.kept.take().unwrap().close();
                self.open();
            }
            SpoolStep::Crash(bytes) => self.crash(bytes),
            SpoolStep::Full(full) => self.full(full),
        }
    }

    fn store(&mut self, numbers: Vec<usize>) {
        for number in numbers {
            assert!(number < self.next, "{number} was never recorded");
            let new = self.stored.insert(number);
            assert!(new || self.may_come_again.contains(&number), "{number} came twice");
        }
    }

    fn full(&mut self, full: bool) {
        let kept = self.kept();
        if let Some(disk) = &kept.keeper.disk {
            disk.database.limit_pages(full.then_some(1));
        }
        if !full {
            // What is being delivered from memory stays there until it is asked for again.
            kept.keeper.memory.take_back();
            kept.retry();
            assert_eq!(kept.keeper.memory.amount().records, 0);
            self.safe.append(&mut self.in_memory);
        }
    }

    fn crash(&mut self, bytes: usize) {
        let left = TempDir::new().unwrap();
        for file in ["spool.db", "spool.db-wal"] {
            fs::copy(self.folder.path().join(file), left.path().join(file)).unwrap();
        }
        let wal = left.path().join("spool.db-wal");
        let header = fs::read(&wal).unwrap();
        if header.len() >= 32 && bytes > 0 {
            // The frame that was being written: its salts are there, its checksum is not of what follows.
            let mut frame = [[0, 0, 0, 2, 0, 0, 0, 9].as_slice(), &header[16..24], &[7; 8]].concat();
            frame.resize(bytes.max(24), 0x55);
            OpenOptions::new().append(true).open(&wal).unwrap().write_all(&frame[..bytes]).unwrap();
        }
        // The killed one writes into files that are of no interest any more.
        self.kept = None;
        self.folder = left;
        self.in_memory.clear();
        self.open();
        assert_eq!(self.kept().books.read().quarantined, 0);
    }

    fn open(&mut self) {
        self.kept = Some(Kept::open_as(self.folder.path(), self.durability, WhenFull::DropNewest));
    }

    fn end(&mut self) {
        self.full(false);
        let delivered = self.kept().deliver_all();
        self.store(delivered);
        let missing: Vec<_> = self.safe.difference(&self.stored).collect();
        assert!(missing.is_empty(), "acknowledged and never delivered: {missing:?}");
        assert!(set_aside(self.folder.path()).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_was_acknowledged_is_delivered(power: bool, steps in prop::collection::vec(step(), 1..40)) {
        let mut model = SpoolModel::new(if power { Durability::Power } else { Durability::Process });
        for step in &steps {
            model.step(step);
        }
        model.end();
    }
}
