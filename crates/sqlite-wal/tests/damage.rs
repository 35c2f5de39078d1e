//! Logs that SQLite has written, damaged in every way, and read by SQLite afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rusqlite::Connection;
use sqlite_wal::{FrameChoice, LogState, LogSurvey};
use tempfile::TempDir;

const FRAME: usize = 24 + 4096;
const HEADER: usize = 32;
const FILES: [&str; 3] = ["a.db", "a.db-wal", "a.db-shm"];

/// The files of a database, as a killed process leaves them.
struct KilledDatabase {
    files: Vec<(&'static str, Vec<u8>)>,
    rows: usize,
}

impl KilledDatabase {
    fn with_rows(rows: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let connection = Connection::open(folder.path().join("a.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.execute_batch("CREATE TABLE t (x); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        for number in 0..rows {
            connection.execute("INSERT INTO t VALUES (?)", [format!("{number:900}")]).unwrap();
        }
        let files = FILES.map(|file| (file, fs::read(folder.path().join(file)).unwrap()));
        Self { files: files.into(), rows }
    }

    /// Writes the files with another log; without the index where it is not wanted.
    fn lay(&self, log: &[u8], with_index: bool) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        for (file, bytes) in &self.files {
            let bytes = if *file == "a.db-wal" { log } else { bytes };
            if with_index || *file != "a.db-shm" {
                fs::write(folder.path().join(file), bytes).unwrap();
            }
        }
        let log = folder.path().join("a.db-wal");
        (folder, log)
    }

    fn log(&self) -> Vec<u8> {
        self.files[1].1.clone()
    }
}

fn rows(folder: &TempDir) -> usize {
    let connection = Connection::open(folder.path().join("a.db")).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let rows: i64 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    usize::try_from(rows).unwrap()
}

fn state(log: &Path) -> Option<LogState> {
    LogSurvey::of(log).unwrap().map(|survey| survey.state())
}

#[test]
fn what_sqlite_wrote_is_whole_wherever_it_is_cut() {
    let database = KilledDatabase::with_rows(20);
    let whole = database.log();
    let (_folder, log) = database.lay(&whole, true);
    assert_eq!(state(&log), Some(LogState::Whole));
    for length in (0..whole.len()).step_by(997) {
        // Power failed before the rest was flushed, and the index is older or gone.
        let (_folder, log) = database.lay(&whole[..length], false);
        assert!(matches!(state(&log), None | Some(LogState::Whole)), "{length}");
    }
}

#[test]
fn an_index_tells_of_commits_that_are_cut_off() {
    let database = KilledDatabase::with_rows(20);
    let whole = database.log();
    let (_folder, log) = database.lay(&whole[..whole.len() - FRAME], true);
    assert_eq!(state(&log), Some(LogState::Damaged));
    assert_eq!(LogSurvey::of(&log).unwrap().unwrap().lost_frames(), 1);
}

#[test]
fn frames_from_before_the_log_began_anew_are_no_damage() {
    let folder = TempDir::new().unwrap();
    let connection = Connection::open(folder.path().join("a.db")).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    for round in 0..3 {
        for number in 0..40 - 15 * round {
            connection.execute("INSERT INTO t VALUES (?)", [format!("{number:900}")]).unwrap();
        }
        let log = folder.path().join("a.db-wal");
        assert_eq!(state(&log), Some(LogState::Whole));
        // Without the index as well.
        let copy = folder.path().join("copy-wal");
        fs::copy(&log, &copy).unwrap();
        assert_eq!(state(&copy), Some(LogState::Whole));
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_bit_that_flips_is_restored_or_told(place in any::<prop::sample::Index>(), kind in 0..4, with_index in any::<bool>()) {
        let database = KilledDatabase::with_rows(12);
        let mut log = database.log();
        let frames = (log.len() - HEADER) / FRAME;
        let bit = match kind {
            0 => place.index(HEADER * 8),
            1 => (HEADER + place.index(frames) * FRAME) * 8 + place.index(24 * 8),
            2 => (log.len() - FRAME) * 8 + place.index(FRAME * 8),
            _ => place.index(log.len() * 8),
        };
        log[bit / 8] ^= 1 << (bit % 8);
        let (folder, path) = database.lay(&log, with_index);
        let survey = LogSurvey::of(&path).unwrap().unwrap();
        let is_restored = survey.state() == LogState::Restorable;
        // The checksum leaves open which of the high bits of a page has flipped.
        prop_assert!(is_restored || survey.lost_frames() == 1, "bit {}", bit);
        survey.replace(FrameChoice::UntilLoss).unwrap();
        let rows = rows(&folder);
        prop_assert!(if is_restored { rows == database.rows } else { rows < database.rows }, "{}", rows);
    }

    #[test]
    fn a_high_bit_of_the_last_page_is_not_taken_for_one_of_the_checksum(word in 0_usize..1024, with_index in any::<bool>()) {
        let database = KilledDatabase::with_rows(12);
        let mut log = database.log();
        // SQLite sums words in the order of the machine, so its highest bit lies in the last byte of a word, or in the first.
        let byte = if cfg!(target_endian = "little") { 3 } else { 0 };
        let at = log.len() - 4096 + word * 4 + byte;
        log[at] ^= 0x80;
        let (folder, path) = database.lay(&log, with_index);
        let survey = LogSurvey::of(&path).unwrap().unwrap();
        let is_restored = survey.state() == LogState::Restorable;
        prop_assert!(is_restored || survey.lost_frames() == 1);
        survey.replace(FrameChoice::UntilLoss).unwrap();
        let rows = rows(&folder);
        prop_assert!(if is_restored { rows == database.rows } else { rows < database.rows }, "{}", rows);
        let connection = Connection::open(folder.path().join("a.db")).unwrap();
        let wrong: i64 = connection.query_row("SELECT count(*) FROM t WHERE trim(x) <> CAST(rowid - 1 AS TEXT)", [], |row| row.get(0)).unwrap();
        prop_assert_eq!(wrong, 0);
    }

    #[test]
    fn larger_damage_is_told_and_leaves_a_sound_database(place in any::<prop::sample::Index>(), length in 2_usize..9000) {
        let database = KilledDatabase::with_rows(12);
        let mut log = database.log();
        let at = place.index(log.len() - length);
        for byte in &mut log[at..at + length] {
            *byte = !*byte ^ 0x5a;
        }
        let (folder, path) = database.lay(&log, true);
        let survey = LogSurvey::of(&path).unwrap().unwrap();
        prop_assert!(survey.state() != LogState::Whole);
        let is_lost = survey.state() == LogState::Damaged;
        prop_assert_eq!(is_lost, survey.lost_frames() > 0);
        let kept = survey.keep_copy(7).unwrap();
        prop_assert_eq!(fs::read(kept).unwrap(), log);
        survey.replace(FrameChoice::UntilLoss).unwrap();
        let rows = rows(&folder);
        prop_assert!(if is_lost { rows < database.rows } else { rows == database.rows }, "{}", rows);
    }
}
