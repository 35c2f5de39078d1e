//! Connections to the database file, set up for durability.
//!
//! Rule of thumb: a commit counts only while the files that were written are still the files at the path. SQLite happily
//! goes on writing into a deleted file, and those rows are gone.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::error::{DatabaseError, StoreError};
use super::error::failed;
use super::path::DatabasePath;
use super::{migration, schema};

/// SQLite 3.7.0 to 3.51.2 can lose commits where two connections write or checkpoint at once.
const OLDEST_SQLITE: i32 = 3_051_003;
/// How long the writer waits for a lock that another program holds, such as a `sqlite3` shell.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers meet a lock only while the database is being recovered.
const READER_BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// The deadline is checked every so many steps of SQLite's virtual machine, which take some 10 µs.
const STEPS_BETWEEN_DEADLINE_CHECKS: i32 = 1000;

/// The writer's connection, and the identity of the files to which it writes.
pub(super) struct DatabaseFiles {
    pub(super) connection: Connection,
    path: DatabasePath,
    ids: FileIds,
}

impl DatabaseFiles {
    /// Opens the database for writing. Creates it and its directory where they are absent, migrates it, and proves with a
    /// durable write that it can be written.
    ///
    /// # Errors
    /// [`DatabaseError::NewerSchema`], or [`DatabaseError::Failed`] with the cause.
    pub(super) fn open(path: &DatabasePath) -> Result<Self, DatabaseError> {
        create_parent_directory(path.database())?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if !path.database().exists() {
            // Created first, so that its identity can be taken before it is opened for good, and compared afterwards.
            drop(Connection::open_with_flags(path.database(), flags).map_err(failed)?);
        }
        let before = FileId::of(path.database())?;
        let mut connection = Connection::open_with_flags(path.database(), flags).map_err(failed)?;
        configure(&connection)?;
        migration::migrate(&mut connection, schema::MIGRATIONS)?;
        prove_writable(&mut connection).map_err(failed)?;
        let files = Self { connection, ids: FileIds::at(path)?, path: path.clone() };
        if files.ids.database != before {
            return Err(replaced());
        }
        Ok(files)
    }

    /// Checks that the open files are still the files at the path, by three calls of `stat`.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] where a file is gone or is another one.
    pub(super) fn check_in_place(&self) -> Result<(), DatabaseError> {
        if FileIds::at(&self.path)? == self.ids { Ok(()) } else { Err(replaced()) }
    }

    /// Checks, without writing, that a commit would have a chance.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] where the files moved, the file system became read-only, or SQLite cannot begin a write
    /// transaction.
    pub(super) fn probe(&mut self) -> Result<(), DatabaseError> {
        self.check_in_place()?;
        // Asks whether the file system is still writable. SQLite holds no lock on this file that closing it could release.
        OpenOptions::new().append(true).open(self.path.wal()).map_err(|error| unavailable(&self.path.wal(), &error))?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        transaction.rollback().map_err(failed)
    }

    /// Copies the write-ahead log into the database and empties it.
    ///
    /// # Errors
    /// [`DatabaseError::Failed`] with the cause. It is no error where a reader prevents it: the rows stay safe in the log.
    pub(super) fn checkpoint(&self) -> Result<(), DatabaseError> {
        checkpoint(&self.connection).map_err(failed)
    }

    /// Closes a database whose use failed.
    ///
    /// Where its file was moved away, the rows that are still in the write-ahead log are copied into it, and the log
    /// leaves the path: replayed into another database that took the path, it would corrupt that one. Where a reader
    /// prevents the copying, the log is kept as `…-wal-orphaned`.
    pub(super) fn abandon(self) {
        if self.check_in_place().is_ok() {
            return;
        }
        if let Err(error) = self.checkpoint() {
            tracing::warn!(%error, path = %self.path, "moved_database_not_checkpointed");
        }
        let is_ours = |path: &Path, id: FileId| FileId::of(path).is_ok_and(|found| found == id);
        if is_ours(self.path.database(), self.ids.database) {
            return;
        }
        let (wal, wal_index) = (self.path.wal(), self.path.wal_index());
        if is_ours(&wal, self.ids.wal)
            && let Err(error) = set_log_aside(&wal)
        {
            tracing::warn!(%error, path = %wal.display(), "orphaned_file_not_removed");
        }
        if is_ours(&wal_index, self.ids.wal_index)
            && let Err(error) = fs::remove_file(&wal_index)
        {
            tracing::warn!(%error, path = %wal_index.display(), "orphaned_file_not_removed");
        }
    }
}

/// Opens a read-only connection whose queries end at `deadline`, measured from now.
///
/// # Errors
/// SQLite's, where there is no database or it cannot be read.
pub(super) fn open_reader(path: &DatabasePath, deadline: Duration) -> rusqlite::Result<Connection> {
    let started = Instant::now();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path.database(), flags)?;
    connection.busy_timeout(READER_BUSY_TIMEOUT)?;
    connection.progress_handler(STEPS_BETWEEN_DEADLINE_CHECKS, Some(move || started.elapsed() >= deadline))?;
    Ok(connection)
}

/// Refuses an SQLite that can lose commits.
///
/// # Errors
/// [`StoreError::SqliteTooOld`].
pub(in crate::store) fn require_sqlite_version() -> Result<(), StoreError> {
    if rusqlite::version_number() >= OLDEST_SQLITE {
        Ok(())
    } else {
        Err(StoreError::SqliteTooOld { found: rusqlite::version().to_owned() })
    }
}

/// Device and inode: they identify a file for as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    fn of(path: &Path) -> Result<Self, DatabaseError> {
        let file = fs::metadata(path).map_err(|error| unavailable(path, &error))?;
        Ok(Self { device: file.dev(), inode: file.ino() })
    }
}

/// The three files that an open database in WAL mode consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIds {
    database: FileId,
    wal: FileId,
    wal_index: FileId,
}

impl FileIds {
    fn at(path: &DatabasePath) -> Result<Self, DatabaseError> {
        Ok(Self {
            database: FileId::of(path.database())?,
            wal: FileId::of(&path.wal())?,
            wal_index: FileId::of(&path.wal_index())?,
        })
    }
}

fn configure(connection: &Connection) -> Result<(), DatabaseError> {
    let mode = apply_settings(connection).map_err(failed)?;
    if mode == "wal" {
        return Ok(());
    }
    Err(DatabaseError::Failed(format!("the file system allows no write-ahead log (journal mode {mode})")))
}

/// Applies the settings of the writer's connection; gives the journal mode that the file system allows.
fn apply_settings(connection: &Connection) -> rusqlite::Result<String> {
    connection.busy_timeout(WRITER_BUSY_TIMEOUT)?;
    // Possible only while the file is empty, so it comes first. It lets retention give space back.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    // FULL: a commit is on the disk before it is acknowledged. NORMAL would lose it with the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // 16 MiB, taken as needed and given back when nothing is written: the inner pages of the indexes stay in memory. What it lacks is
    // in the system's cache; with 64 MiB, a row took the writer no less time (600,000 rows: 12.4 µs, and 11.7 with 16 MiB).
    connection.pragma_update(None, "cache_size", -16_384)?;
    // The log is copied back every 16 MiB, and its space is given back where a long query let it grow.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(mode)
}

/// Writes one page durably, then empties the log. A full or failing disk shows here, and no commit follows in the log
/// upon what a failed flush may have left there.
fn prove_writable(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()?;
    checkpoint(connection)
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Creates the directory durably: its entry in the parent directory must reach the disk, too.
fn create_parent_directory(database: &Path) -> Result<(), DatabaseError> {
    let directory = database.parent().unwrap_or(database);
    let is_missing = |directory: &&Path| !directory.as_os_str().is_empty() && !directory.exists();
    let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
    for directory in missing.into_iter().rev() {
        fs::create_dir(directory).map_err(|error| unavailable(directory, &error))?;
        let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|file| file.sync_all()).map_err(|error| unavailable(parent, &error))?;
    }
    Ok(())
}

/// Renames a write-ahead log that holds rows, and removes an empty one.
fn set_log_aside(path: &Path) -> std::io::Result<()> {
    if fs::metadata(path)?.len() == 0 {
        return fs::remove_file(path);
    }
    let mut orphaned = path.as_os_str().to_owned();
    orphaned.push("-orphaned");
    tracing::warn!(path = %Path::new(&orphaned).display(), "write_ahead_log_kept");
    fs::rename(path, orphaned)
}

fn unavailable(path: &Path, error: &std::io::Error) -> DatabaseError {
    DatabaseError::Failed(format!("{}: {error}", path.display()))
}

fn replaced() -> DatabaseError {
    DatabaseError::Failed("the database file was removed or replaced while it was open".to_owned())
}
