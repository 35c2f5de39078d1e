//! The spool's database: one table of records, one connection.
//!
//! Rule of thumb: what a commit has returned from is kept as asked. A record that changed on the disk is set
//! aside, never delivered.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::super::line::{Amount, RecordLine};
use super::super::record_options::Durability;
use super::marks::SpoolMarks;

/// The schema that this program writes, as `user_version`.
pub(super) const SCHEMA: i32 = 2;
/// Pages of a file that is worth shrinking once it is empty: 32 MiB.
const LARGE: u32 = 8192;
const INSERT_RECORD: &str = "INSERT INTO records (id, recorded_at, checksum, line, refusal) VALUES (?, ?, ?, ?, ?)";

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpoolRow {
    pub(super) id: i64,
    pub(super) line: RecordLine,
}

/// What is in a database.
pub(super) struct SpoolContent {
    pub(super) amount: Amount,
    /// When the oldest record was taken in.
    pub(super) oldest_at: Option<i64>,
}

/// Some of the oldest records.
pub(super) struct OldestRecords {
    pub(super) amount: Amount,
    /// The id of the last of them.
    pub(super) through: i64,
}

/// An open database.
pub(super) struct SpoolDatabase {
    connection: Connection,
    /// The id of the newest record, also of one that is gone.
    pub(super) newest: i64,
}

/// Whether the error means that the file's content is damaged; any other error may be gone next time.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(code) = error.sqlite_error_code() else { return true };
    // These are the machine's. Everything else, such as a column that is not there, is not as this program has written it.
    !matches!(
        code,
        ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::OperationInterrupted
    )
}

impl SpoolDatabase {
    /// Opens the database, creates it where it is absent, and proves that it is sound and can be written. `known_schema` is
    /// the version of its schema, where that is known from elsewhere.
    ///
    /// # Errors
    /// SQLite's; see [`is_damage`].
    pub(super) fn open(path: &Path, durability: Durability, known_schema: Option<i32>) -> rusqlite::Result<Self> {
        if has_bad_header(path) {
            return Err(damaged("its header is not one that SQLite writes".to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // Before anything else: with it the log's index is in this process's memory, and no call locks a file.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            return Err(unusable(format!("the file system allows no write-ahead log (journal mode {mode})")));
        }
        // OFF: the operating system has what is committed, which outlives this process. FULL: the disk has it.
        let synchronous = if durability == Durability::Power { "FULL" } else { "OFF" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "cache_size", -8192)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        // A transaction that spills would leave frames in the log that look like damage after a crash.
        connection.pragma_update(None, "cache_spill", false)?;
        let newest = prepare(&connection, known_schema)?;
        Ok(Self { connection, newest })
    }

    /// What is in it.
    ///
    /// # Errors
    /// SQLite's, as for all that follow.
    pub(super) fn content(&self) -> rusqlite::Result<SpoolContent> {
        let query = "SELECT count(*), coalesce(sum(length(line)), 0), min(recorded_at),
                         coalesce(sum(CASE WHEN refusal THEN length(line) END), 0) FROM records";
        self.connection.query_one(query, [], |row| {
            let count = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
            let records = usize::try_from(count(0)?).unwrap_or(usize::MAX);
            let amount = Amount { records, bytes: count(1)?, refusal_bytes: count(3)? };
            Ok(SpoolContent { amount, oldest_at: row.get(2)? })
        })
    }

    /// How many of the records are there that the marks are about, those that were set aside included.
    pub(super) fn count_between(&self, marks: SpoolMarks) -> rusqlite::Result<u64> {
        // An id beyond what was intended was never given: it was another one before it changed.
        let query = "SELECT (SELECT count(*) FROM records WHERE id > ?1 AND (id <= ?2 OR id > ?3))
                          + (SELECT count(*) FROM quarantine WHERE id > ?1 AND id <= ?2)";
        let ids = [marks.gone_through, marks.acknowledged, marks.intended];
        self.connection.query_one(query, ids, |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
    }

    /// Deletes the records up to the id `gone_through`, if there is one, and writes these lines after all others: both or
    /// neither. They are kept as asked when this returns.
    pub(super) fn commit(&mut self, gone_through: Option<i64>, lines: &[&RecordLine]) -> rusqlite::Result<()> {
        // Dropped without a commit, it rolls back what SQLite has not rolled back by itself.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(gone_through) = gone_through {
            transaction.prepare_cached("DELETE FROM records WHERE id <= ?")?.execute([gone_through])?;
        }
        let mut id = self.newest;
        let mut insert = transaction.prepare_cached(INSERT_RECORD)?;
        for line in lines {
            id += 1;
            insert.execute(params![id, line.recorded_at, line.checksum, &line.text[..], line.is_refusal])?;
        }
        drop(insert);
        transaction.commit()?;
        self.newest = id;
        Ok(())
    }

    /// The oldest records after this id, at most `records` of them and about `bytes`.
    pub(super) fn oldest(&self, after: i64, records: usize, bytes: u64) -> rusqlite::Result<Vec<SpoolRow>> {
        let query = "SELECT id, recorded_at, checksum, line, refusal FROM records WHERE id > ? ORDER BY id";
        let mut statement = self.connection.prepare_cached(query)?;
        let mut found = statement.query([after])?;
        let (mut rows, mut size) = (Vec::new(), 0);
        while rows.len() < records
            && let Some(row) = found.next()?
        {
            let row = read_row(row)?;
            size += row.line.size();
            if size > bytes && !rows.is_empty() {
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The oldest records after this id that are `enough` together, or all of them.
    pub(super) fn measure(&self, after: i64, enough: Amount) -> rusqlite::Result<OldestRecords> {
        let query = "SELECT id, length(line), refusal FROM records WHERE id > ? ORDER BY id";
        let mut statement = self.connection.prepare_cached(query)?;
        let mut found = statement.query([after])?;
        let mut oldest = OldestRecords { amount: Amount::default(), through: after };
        while !oldest.amount.covers(enough)
            && let Some(row) = found.next()?
        {
            let bytes = row.get::<_, i64>(1)?.cast_unsigned();
            let refusal_bytes = if row.get(2)? { bytes } else { 0 };
            oldest.amount = oldest.amount.plus(Amount { records: 1, bytes, refusal_bytes });
            oldest.through = row.get(0)?;
        }
        Ok(oldest)
    }

    /// When the oldest record after this id was taken in.
    pub(super) fn oldest_at(&self, after: i64) -> rusqlite::Result<Option<i64>> {
        let query = "SELECT recorded_at FROM records WHERE id > ? ORDER BY id LIMIT 1";
        let mut statement = self.connection.prepare_cached(query)?;
        statement.query([after])?.next()?.map(|row| row.get(0)).transpose()
    }

    /// Moves a damaged record to the table quarantine, where people can look at it.
    pub(super) fn set_aside(&self, id: i64) -> rusqlite::Result<()> {
        let copy = "INSERT OR REPLACE INTO quarantine SELECT * FROM records WHERE id = ?";
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute(copy, [id])?;
        transaction.execute("DELETE FROM records WHERE id = ?", [id])?;
        transaction.commit()
    }

    /// How many damaged records are set aside.
    pub(super) fn quarantined(&self) -> rusqlite::Result<i64> {
        self.connection.query_one("SELECT count(*) FROM quarantine", [], |row| row.get(0))
    }

    /// Begins the write-ahead log anew, so that nothing of a failed write stays in it, and proves with a write
    /// that there is room for some. The log keeps its space, which is what a full disk has left for deleting.
    pub(super) fn prove_writable(&self) -> rusqlite::Result<()> {
        self.connection.query_one("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0))?;
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute("INSERT OR REPLACE INTO quarantine VALUES (-1, 0, 0, zeroblob(8192), 0)", [])?;
        transaction.execute("DELETE FROM quarantine WHERE id = -1", [])?;
        transaction.commit()
    }

    /// Gives the space of a large file back; quick only while there are few records.
    pub(super) fn shrink(&self) -> rusqlite::Result<()> {
        let pages: u32 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        if pages < LARGE {
            return Ok(());
        }
        self.connection.execute_batch("VACUUM")?;
        self.connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map(|_| ())
    }

    /// Limits the file's size, as a full disk would.
    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    pub(super) fn limit_pages(&self, pages: Option<u32>) {
        let pages = pages.unwrap_or(1_000_000);
        self.connection.query_one(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0)).unwrap();
    }
}

/// The columns id, recorded_at, checksum, line, refusal.
pub(super) fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SpoolRow> {
    // Damage may have changed the type; the checksum shows that.
    let text = match row.get_ref(3)? {
        rusqlite::types::ValueRef::Blob(bytes) | rusqlite::types::ValueRef::Text(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let checksum = row.get(2).unwrap_or_default();
    let recorded_at = row.get(1).unwrap_or_default();
    let is_refusal = row.get(4).unwrap_or_default();
    Ok(SpoolRow { id: row.get(0)?, line: RecordLine { text: text.into(), checksum, recorded_at, is_refusal } })
}

/// Creates the tables where they are absent.
///
/// # Errors
/// SQLite's.
pub(super) fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS records
             (id INTEGER PRIMARY KEY, recorded_at INTEGER NOT NULL, checksum INTEGER NOT NULL, line BLOB NOT NULL,
              refusal INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE IF NOT EXISTS quarantine
             (id INTEGER PRIMARY KEY, recorded_at INTEGER NOT NULL, checksum INTEGER NOT NULL, line BLOB NOT NULL,
              refusal INTEGER NOT NULL DEFAULT 0);
         PRAGMA user_version = {SCHEMA};
         COMMIT"
    ))
}

/// Checks the file, creates what is absent, and returns the newest id.
fn prepare(connection: &Connection, known_schema: Option<i32>) -> rusqlite::Result<i64> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if let Some(known) = known_schema.filter(|known| *known <= SCHEMA && version > SCHEMA) {
        return Err(damaged(format!("it has schema version {version}, and was written with {known}")));
    }
    if version > SCHEMA {
        return Err(unusable(format!("the spool has schema version {version}, this program knows {SCHEMA}")));
    }
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Err(damaged(verdict));
    }
    if version == 1 {
        let column = "ADD COLUMN refusal INTEGER NOT NULL DEFAULT 0";
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; ALTER TABLE records {column}; ALTER TABLE quarantine {column};
             PRAGMA user_version = {SCHEMA}; COMMIT"
        ))?;
    }
    create_tables(connection)?;
    // What an earlier process left in the log comes into the database, and a full or failing disk shows here.
    connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
    let newest =
        "SELECT max(coalesce((SELECT max(id) FROM records), 0), coalesce((SELECT max(id) FROM quarantine), 0))";
    connection.query_one(newest, [], |row| row.get(0))
}

/// Whether the file begins otherwise than a database in write-ahead mode. SQLite takes a version of the format that it does
/// not know for a reason to write nothing.
fn has_bad_header(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    let is_version = |byte: u8| (1..=2).contains(&byte);
    read.is_ok() && !(header.starts_with(b"SQLite format 3\0") && is_version(header[18]) && is_version(header[19]))
}

fn damaged(why: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(why))
}

fn unusable(why: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN), Some(why))
}
