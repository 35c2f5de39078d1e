//! Copies of the database, and whether a database is sound.
//!
//! Rule of thumb: a copy takes its name only after it was opened and found sound.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::engine::VerifiedBackup;
use super::super::error::DatabaseError;
use super::error::failed;
use super::path::DatabasePath;

/// Copies the database into a new file. The database may be written meanwhile.
///
/// # Errors
/// [`DatabaseError::Failed`], also where the file exists.
pub(super) fn backup(path: &DatabasePath, to: &Path) -> Result<VerifiedBackup, DatabaseError> {
    if to.exists() {
        return Err(DatabaseError::Failed(format!("{} exists already", to.display())));
    }
    let mut unverified = to.as_os_str().to_owned();
    unverified.push(".unverified");
    let unverified = Path::new(&unverified);
    // An earlier attempt may have left it behind.
    let _ = fs::remove_file(unverified);
    let outcome = copy(path, unverified).and_then(|()| verify(unverified)).and_then(|rows| {
        let io = |error: std::io::Error| DatabaseError::Failed(format!("{}: {error}", to.display()));
        let file = File::open(unverified).map_err(io)?;
        file.sync_all().map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        fs::rename(unverified, to).map_err(io)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(VerifiedBackup { rows, bytes })
    });
    if outcome.is_err() {
        let _ = fs::remove_file(unverified);
    }
    outcome
}

/// What SQLite finds wrong with the database; nothing if all is well.
///
/// # Errors
/// [`DatabaseError::Failed`] where it cannot be read at all.
pub(super) fn problems(connection: &Connection) -> Result<Vec<String>, DatabaseError> {
    let mut statement = connection.prepare("PRAGMA integrity_check").map_err(failed)?;
    let found = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
    let found: Vec<String> = found.collect::<rusqlite::Result<_>>().map_err(failed)?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// Opens a read-only connection without a deadline.
///
/// # Errors
/// [`DatabaseError::Failed`] with the cause.
pub(super) fn open(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(failed)?;
    Ok(connection)
}

fn copy(path: &DatabasePath, to: &Path) -> Result<(), DatabaseError> {
    let Some(to) = to.to_str() else {
        return Err(DatabaseError::Failed("the path of the backup is no UTF-8".to_owned()));
    };
    open(path.database())?.execute("VACUUM INTO ?1", [to]).map(|_| ()).map_err(failed)
}

fn verify(copy: &Path) -> Result<u64, DatabaseError> {
    let connection = open(copy)?;
    if let Some(problem) = problems(&connection)?.first() {
        return Err(DatabaseError::Failed(format!("the copy is not sound: {problem}")));
    }
    connection
        .query_row("SELECT count(*) FROM predictions", [], |row| row.get(0))
        .map(i64::cast_unsigned)
        .map_err(failed)
}
