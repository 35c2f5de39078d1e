//! The spool with everything that can happen to it, without its thread.

mod damage;
mod flips;
mod full_disk;
mod model;
mod policies;

use std::path::Path;
use std::time::Instant;

use monitoring::MetricsRegistry;

use super::super::books::{Books, DropReason};
use super::super::line::{Amount, RecordLine};
use super::super::record_options::{Durability, WhenFull};
use super::folder::FolderError;
use super::keeper::{Settlement, SpoolKeeper};

/// More than any test records.
const ROOM: u64 = 1 << 30;

/// A keeper and its books.
struct Kept {
    keeper: SpoolKeeper,
    books: Books,
}

impl Kept {
    fn open(folder: &Path) -> Self {
        Self::open_as(folder, Durability::Process, WhenFull::DropNewest)
    }

    fn open_as(folder: &Path, durability: Durability, when_full: WhenFull) -> Self {
        Self::try_open(folder, durability, when_full, ROOM).unwrap()
    }

    /// At most so many bytes of records may wait.
    fn try_open(folder: &Path, durability: Durability, when_full: WhenFull, bytes: u64) -> Result<Self, FolderError> {
        let books = Books::new(Amount::bound(1_000_000, bytes), when_full);
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let write_seconds = registry.histogram("seconds", "Seconds.", &[1.0]).unwrap();
        let mut keeper = SpoolKeeper::new(Some(folder.to_owned()), durability, books.clone(), write_seconds);
        keeper.open_first()?;
        Ok(Self { keeper, books })
    }

    /// Records numbers as an outbox does. False if they must not be answered.
    fn record(&mut self, numbers: impl IntoIterator<Item = usize>) -> bool {
        let mut lines: Vec<RecordLine> = numbers.into_iter().map(line).collect();
        let predictions = lines.len() as u64;
        let room = self.books.take_in(&mut lines, predictions);
        let kept = self.keeper.keep(lines);
        self.balances();
        room && kept
    }

    /// Delivers up to `records` numbers.
    fn deliver(&mut self, records: usize) -> Vec<usize> {
        let lent = self.lend(records);
        self.keeper.settle(Settlement::Delivered);
        self.keeper.keep(Vec::new());
        self.balances();
        lent
    }

    fn lend(&mut self, records: usize) -> Vec<usize> {
        let lent = self.keeper.lend(records, u64::MAX).iter().map(number).collect();
        self.balances();
        lent
    }

    fn deliver_all(&mut self) -> Vec<usize> {
        let mut all = Vec::new();
        loop {
            let some = self.deliver(50);
            if some.is_empty() {
                assert_eq!((self.books.waiting().records, self.books.waiting().bytes), (0, 0));
                return all;
            }
            all.extend(some);
        }
    }

    /// Lets the keeper try the disk again at once.
    fn retry(&mut self) {
        self.keeper.retry_at = self.keeper.retry_at.map(|_| Instant::now());
        self.keeper.keep(Vec::new());
        self.balances();
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        use monitoring::LabelEnum as _;
        self.books.read().dropped[reason.index()]
    }

    fn close(self) -> Books {
        self.keeper.close();
        self.books
    }

    fn balances(&self) {
        let ledger = self.books.read();
        let told = ledger.delivered + ledger.spooled.records as u64 + ledger.dropped.iter().sum::<u64>();
        assert_eq!(ledger.recorded, told, "{ledger:?}");
    }
}

/// A record that is its number, and as long as a real one.
fn line(number: usize) -> RecordLine {
    RecordLine::new(format!("{number:<500}").into())
}

fn number(line: &RecordLine) -> usize {
    std::str::from_utf8(&line.text).unwrap().trim().parse().unwrap()
}

/// The files that were set aside.
fn set_aside(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains(".corrupt-")).collect();
    names.sort();
    names
}
