//! Brings what is readable of a damaged database into a new one.
//!
//! Rule of thumb: the damaged files are only read, and kept. The new database gets its name when it is complete, so a
//! salvage that was interrupted begins again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::database::{self, SpoolRow};
use super::folder::SpoolFolder;

/// How a salvage ended.
#[derive(Debug)]
pub(super) struct SalvageReport {
    /// Records that are missing between others.
    pub(super) missing: u64,
    /// Records that are there, and damaged.
    pub(super) damaged: u64,
    /// Where the damaged database is now.
    pub(super) kept_at: PathBuf,
}

/// Why a salvage could not be done. It can be tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum SalvageError {
    #[error("the new database cannot be written: {0}")]
    Write(#[from] rusqlite::Error),
    #[error("the files cannot be moved: {0}")]
    Files(#[from] io::Error),
}

/// Replaces the damaged database by a new one with all records that can be read.
///
/// # Errors
/// [`SalvageError`].
pub(super) fn salvage(folder: &SpoolFolder) -> Result<SalvageReport, SalvageError> {
    let part = folder.salvage_under_way();
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let GatheredRecords { missing, damaged } = gather(&folder.database(), &part)?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, folder.salvaged())?;
    let kept_at = folder.swap_in_salvaged()?;
    Ok(SalvageReport { missing, damaged, kept_at })
}

/// What is in the new database, and what is not.
#[derive(Default)]
struct GatheredRecords {
    missing: u64,
    damaged: u64,
}

fn gather(from: &Path, to: &Path) -> Result<GatheredRecords, SalvageError> {
    let mut new = Connection::open(to)?;
    // One file, which is complete when the connection is closed.
    new.pragma_update(None, "journal_mode", "MEMORY")?;
    database::create_tables(&new)?;
    let transaction = new.transaction()?;
    let mut gathered = GatheredRecords::default();
    if let Ok(old) = open_damaged(from) {
        set_aside_before(&old).iter().try_for_each(|row| insert(&transaction, "quarantine", row))?;
        let mut expected = None;
        for row in ReadableRows::of(&old) {
            let is_whole = row.line.is_whole();
            insert(&transaction, if is_whole { "records" } else { "quarantine" }, &row)?;
            // Ids have no gaps, because records leave at the old end only.
            gathered.missing += expected.map_or(0, |expected| u64::try_from(row.id - expected).unwrap_or(0));
            gathered.damaged += u64::from(!is_whole);
            expected = Some(row.id + 1);
        }
    }
    transaction.commit()?;
    Ok(gathered)
}

fn insert(new: &Connection, table: &str, row: &SpoolRow) -> rusqlite::Result<()> {
    let SpoolRow { id, line } = row;
    let insert =
        format!("INSERT OR REPLACE INTO {table} (id, recorded_at, checksum, line, refusal) VALUES (?, ?, ?, ?, ?)");
    new.prepare_cached(&insert)?
        .execute(params![id, line.recorded_at, line.checksum, &line.text[..], line.is_refusal])
        .map(|_| ())
}

/// The records that were set aside earlier, as far as they can be read.
fn set_aside_before(old: &Connection) -> Vec<SpoolRow> {
    let Ok(mut statement) = old.prepare("SELECT * FROM quarantine ORDER BY id") else { return Vec::new() };
    let rows = statement.query_map([], database::read_row);
    rows.map_or_else(|_| Vec::new(), |rows| rows.map_while(Result::ok).collect())
}

/// Opens a damaged database with its write-ahead log, so that closing it changes neither.
fn open_damaged(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// The records that can be read, in the order of their ids.
///
/// Where reading fails, it goes on behind the damage, to which it jumps with steps that double each time; a page
/// holds some records, so a few jumps are enough. The records between the damage and the end of the jump are then
/// read backwards.
struct ReadableRows<'c> {
    connection: &'c Connection,
    /// Read and not yet handed out, the next one last.
    ready: Vec<SpoolRow>,
    /// All records up to this id were read or are lost.
    read_through: i64,
    ended: bool,
}

/// Records read at a time.
const CHUNK: usize = 200;

/// Some rows of a damaged table.
struct ReadChunk {
    rows: Vec<SpoolRow>,
    /// An error ended the reading.
    failed: bool,
}

impl<'c> ReadableRows<'c> {
    fn of(connection: &'c Connection) -> Self {
        Self { connection, ready: Vec::new(), read_through: i64::MIN, ended: false }
    }

    fn read_on(&mut self) {
        let ReadChunk { rows, failed } = self.rows_where("id > ? ORDER BY id", self.read_through);
        let last = rows.last().map_or(self.read_through, |row| row.id);
        self.ended = !failed && rows.len() < CHUNK;
        if failed && rows.is_empty() {
            return self.jump();
        }
        self.read_through = last;
        self.ready = rows.into_iter().rev().collect();
    }

    fn jump(&mut self) {
        // Ids begin at 1, or where the oldest record is; that is unknown here.
        let from = self.read_through.max(0);
        let mut step = 1_i64;
        loop {
            let target = from.saturating_add(step);
            let ReadChunk { rows: found, failed } = self.rows_where("id >= ? ORDER BY id LIMIT 1", target);
            if !failed || target == i64::MAX {
                self.ended = found.is_empty();
                return self.read_back(found);
            }
            step = step.saturating_mul(2);
        }
    }

    /// Reads from what was found, or from the end, back to the damage.
    fn read_back(&mut self, found: Vec<SpoolRow>) {
        let behind = self.read_through;
        let mut rows = found;
        loop {
            let before = rows.last().map_or(i64::MAX, |row| row.id);
            let ReadChunk { rows: more, failed } = self.rows_where("id < ? ORDER BY id DESC", before);
            let done = failed || more.len() < CHUNK;
            rows.extend(more.into_iter().take_while(|row| row.id > behind));
            if done || rows.last().is_some_and(|row| row.id <= behind + 1) {
                break;
            }
        }
        self.read_through = rows.first().map_or(behind, |row| row.id);
        self.ready = rows;
    }

    /// Reads up to [`CHUNK`] rows in the order asked for.
    fn rows_where(&self, condition: &str, id: i64) -> ReadChunk {
        // The first version has one column less.
        let query = format!("SELECT * FROM records WHERE {condition}");
        let descending = condition.ends_with("DESC");
        let mut rows: Vec<SpoolRow> = Vec::new();
        let reading = self.connection.prepare_cached(&query).and_then(|mut statement| {
            let mut found = statement.query([id])?;
            while rows.len() < CHUNK
                && let Some(row) = found.next()?
            {
                let row = database::read_row(row)?;
                // In a damaged tree, ids may be out of order; which of the two is wrong cannot be known.
                let onwards = rows.last().is_none_or(|last| (last.id > row.id) == descending && last.id != row.id);
                if !onwards {
                    rows.pop();
                    return Ok(true);
                }
                rows.push(row);
            }
            Ok(false)
        });
        ReadChunk { rows, failed: reading.unwrap_or(true) }
    }
}

impl Iterator for ReadableRows<'_> {
    type Item = SpoolRow;

    fn next(&mut self) -> Option<SpoolRow> {
        while self.ready.is_empty() && !self.ended {
            self.read_on();
        }
        self.ready.pop()
    }
}
