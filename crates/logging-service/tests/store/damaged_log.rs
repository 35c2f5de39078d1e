//! Damage of the write-ahead log of a killed program: what was acknowledged is there, or it is told as lost.

use std::fs;
use std::path::Path;

use logging_service::store::StoreDamage;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use crate::kills::acknowledged_until_killed;
use crate::store_support::{Fixture, id, ids, records, start_file};

const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// The files that a killed program has left, and what it had acknowledged.
struct KilledProgram {
    fixture: Fixture,
    acknowledged: Vec<Uuid>,
}

/// What a store finds of them.
struct FoundRows {
    damage: StoreDamage,
    missing: u64,
    surplus: i64,
}

impl KilledProgram {
    fn new(acknowledgements: u64) -> Self {
        let fixture = Fixture::sqlite();
        let acknowledged = acknowledged_until_killed(&fixture, acknowledgements);
        Self { fixture, acknowledged }
    }

    fn log_length(&self) -> usize {
        fs::metadata(wal(&self.fixture.file())).unwrap().len() as usize
    }

    /// Lets a store open a copy of the files whose log was changed.
    async fn opened(&self, with_index: bool, change: impl FnOnce(&mut Vec<u8>)) -> FoundRows {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("p.db");
        for suffix in ["", "-wal", "-shm"] {
            let beside = |path: &Path| format!("{}{suffix}", path.display());
            if with_index || suffix != "-shm" {
                fs::copy(beside(&self.fixture.file()), beside(&path)).unwrap();
            }
        }
        let mut log = fs::read(wal(&path)).unwrap();
        change(&mut log);
        fs::write(wal(&path), log).unwrap();
        let store = start_file(&path).store;
        let damage = store.damage();
        let late = records(3);
        store.submit(late.clone()).await.unwrap();
        assert!(store.get(id(&late[0])).await.unwrap().is_some());
        store.close().await;
        let connection = Connection::open(&path).unwrap();
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap(), "ok");
        let mut find = connection.prepare("SELECT count(*) FROM predictions WHERE event_id = ?1").unwrap();
        let mut is_there = |id: &Uuid| find.query_row([id.as_bytes()], |row| row.get::<_, i64>(0)).unwrap() == 1;
        assert!(ids(&late).iter().all(&mut is_there));
        let missing = self.acknowledged.iter().filter(|id| !is_there(id)).count() as u64;
        let counted = "SELECT sum(counts ->> 'n') FROM (SELECT counts FROM window_counts UNION ALL SELECT counts FROM window_parts)";
        let surplus = number(counted) - number("SELECT count(*) FROM predictions");
        for length in [300_000_000_i64, 86_400_000_000] {
            let summed = number(&format!("SELECT sum(predictions) FROM window_stats WHERE length = {length}"));
            assert_eq!(summed, number("SELECT count(*) FROM predictions"), "sums of {length} µs are those of the rows");
        }
        for file in fs::read_dir(folder.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(!name.contains("salvage"), "{name} was left behind");
        }
        FoundRows { damage, missing, surplus }
    }
}

fn wal(path: &Path) -> String {
    format!("{}-wal", path.display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_loses_nothing_in_silence() {
    let program = KilledProgram::new(120);
    let length = program.log_length();
    let mut found_by_kind = [0; 3];
    for round in 0..60 {
        let frame = HEADER + fastrand::usize(0..(length - HEADER) / FRAME) * FRAME;
        let bit = match round % 3 {
            0 => fastrand::usize(0..HEADER * 8),
            1 => frame * 8 + fastrand::usize(0..24 * 8),
            _ => (frame + 24) * 8 + fastrand::usize(0..4096 * 8),
        };
        let found = program.opened(round % 2 == 0, |log| log[bit / 8] ^= 1 << (bit % 8)).await;
        assert!(
            found.missing <= found.damage.lost_predictions,
            "bit {bit}: {} missing, {:?}",
            found.missing,
            found.damage
        );
        assert_eq!(found.surplus, 0, "bit {bit}: counts are not those of the rows");
        // Behind the last commit, nothing counts.
        found_by_kind[round % 3] += found.damage.files;
    }
    assert!(found_by_kind.iter().all(|found| *found > 10), "{found_by_kind:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn larger_damage_loses_nothing_in_silence() {
    let program = KilledProgram::new(120);
    let length = program.log_length();
    let mut brought_back = 0;
    for round in 0..24 {
        let size = [16, 600, 5000][round % 3];
        let at = fastrand::usize(HEADER..length - size);
        let found = program.opened(true, |log| log[at..at + size].fill(0xa5)).await;
        assert!(
            found.missing == 0 || found.damage.files == 1,
            "{size} bytes at {at}: {} missing in silence",
            found.missing
        );
        assert_eq!(found.surplus, 0, "{size} bytes at {at}: counts are not those of the rows");
        brought_back += u64::from(found.missing < 20);
    }
    assert!(brought_back > 12, "rows behind the damage are salvaged: {brought_back} of 24");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_end_is_no_damage() {
    let program = KilledProgram::new(50);
    let length = program.log_length();
    for cut in [1, 24, 4000, FRAME + 5, 3 * FRAME] {
        // Power failed before the rest was flushed, so the index is gone as well.
        let found = program.opened(false, |log| log.truncate(length - cut)).await;
        assert_eq!(found.damage, StoreDamage::default());
        assert_eq!(found.surplus, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_is_cut_off_is_damage_where_the_index_knows_of_it() {
    let program = KilledProgram::new(50);
    let found = program.opened(true, |log| log.truncate(HEADER + FRAME * 4)).await;
    assert!(found.missing > 0);
    assert_eq!(found.damage.files, 1);
}
