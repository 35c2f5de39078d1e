//! A bit that flips anywhere in the files of a spool: what was acknowledged is delivered, or counted as lost.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const FILES: [&str; 3] = ["spool.db", "spool.db-wal", "spool.marks"];

/// The files of a spool as a killed process leaves them, and the numbers that wait in it.
struct LeftSpool {
    files: Vec<(&'static str, Vec<u8>)>,
    waiting: BTreeSet<usize>,
}

impl LeftSpool {
    /// So many commits, of which the first half is in the database itself, and so many records delivered.
    fn new(commits: usize, delivered: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let mut kept = Kept::open(folder.path());
        let mut next = 0;
        for commit in 0..commits {
            let more = 1 + commit % 7;
            kept.record(next..next + more);
            next += more;
            if commit == commits / 2 {
                kept.keeper.disk.as_ref().unwrap().database.prove_writable().unwrap();
            }
        }
        let gone: BTreeSet<usize> = kept.deliver(delivered).into_iter().collect();
        let read = |file: &&'static str| Some((*file, fs::read(folder.path().join(file)).ok()?));
        let files = FILES.iter().filter_map(read).collect();
        Self { files, waiting: (0..next).filter(|number| !gone.contains(number)).collect() }
    }

    /// Everything that waits is delivered or counted after this bit of this file has flipped.
    fn accounts_for(&self, file: usize, bit: usize) {
        let folder = TempDir::new().unwrap();
        for (at, (name, bytes)) in self.files.iter().enumerate() {
            let mut bytes = bytes.clone();
            if at == file {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mut kept = Kept::open(folder.path());
        let where_ = format!("bit {bit} of {}", self.files[file].0);
        assert!(kept.books.waiting().available, "{where_}");
        let delivered = kept.deliver_all();
        let distinct: BTreeSet<usize> = delivered.iter().copied().collect();
        assert_eq!(distinct.len(), delivered.len(), "{where_}: delivered twice");
        assert!(distinct.is_subset(&self.waiting), "{where_}: delivered before, or never recorded");
        let told = distinct.len() as u64 + kept.dropped(DropReason::Corrupt);
        assert_eq!(told, self.waiting.len() as u64, "{where_}: {} delivered", distinct.len());
        assert!(kept.record(1_000_000..1_000_003));
        assert_eq!(kept.deliver_all(), [1_000_000, 1_000_001, 1_000_002], "{where_}");
        // What is lost is told of once.
        kept.close();
        assert_eq!(Kept::open(folder.path()).dropped(DropReason::Corrupt), 0, "{where_}");
    }
}

#[test]
fn any_bit_of_the_headers_may_flip() {
    let left = LeftSpool::new(30, 11);
    for file in 0..FILES.len() {
        for bit in (0..100 * 8).step_by(5) {
            if bit / 8 < left.files[file].1.len() {
                left.accounts_for(file, bit);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]
    #[test]
    fn any_bit_may_flip(file in 0..FILES.len(), place in 0.0..1.0, commits in 1_usize..60, delivered in 0_usize..40) {
        let left = LeftSpool::new(commits, delivered);
        let bits = left.files[file].1.len() * 8;
        if bits > 0 {
            left.accounts_for(file, (place * bits as f64) as usize);
        }
    }
}
