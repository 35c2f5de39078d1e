//! Brings back what commits behind the damage of a write-ahead log have stored.
//!
//! A database with all frames that can be read is not sound: where a frame is lost, a page is older than the others. So its
//! rows are read one by one, by their numbers, and stored once more in the database as it was before the damage. Rows are
//! numbered one after the other, so each number that cannot be read is a row that is lost.
//!
//! Rule of thumb: the view of the damaged database is only read, and what was gathered has its name when it is complete.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use sqlite_wal::{FrameChoice, LogSurvey};

use super::super::error::DatabaseError;
use super::super::time::from_microseconds;
use super::damage_report::DamageReport;
use super::error::failed;
use super::path::DatabasePath;
use super::{migration, schema};

/// The most numbers that are tried one by one; a log holds fewer rows than that.
const MOST_NUMBERS: i64 = 5_000_000;

/// Gathers in a file beside the database what its log has behind the damage, and adds to the report what is lost.
///
/// # Errors
/// [`DatabaseError::Failed`] where files cannot be written, or nothing of the database can be read.
pub(super) fn gather(path: &DatabasePath, survey: &LogSurvey, report: &mut DamageReport) -> Result<(), DatabaseError> {
    let (view, part) = (path.salvage_view(), path.salvage_part());
    let end = {
        let before = DamagedView::open(path, survey, FrameChoice::UntilLoss)?;
        before.end_of_rows()?
    };
    report.complete_until = end.recorded_at.map(from_microseconds);
    let damaged = DamagedView::open(path, survey, FrameChoice::Readable)?;
    remove(&part)?;
    let version = damaged.connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let new = create_part(&part, version)?;
    new.execute_batch("BEGIN").map_err(failed)?;
    let Gathered { found, lost } = damaged.copy_rows(&new, "predictions", end.prediction)?;
    report.salvaged_predictions = found;
    report.lost_predictions = lost.len() as u64;
    (report.lost_since, report.lost_until) = damaged.times_of(&lost);
    let labels = damaged.copy_rows(&new, "labels", end.label)?;
    report.salvaged_labels = labels.found;
    report.lost_labels = labels.lost.len() as u64;
    new.execute_batch("COMMIT").map_err(failed)?;
    drop((new, damaged));
    remove(&view)?;
    finish(&part, &path.salvaged()).map_err(|error| DatabaseError::Failed(format!("{}: {error}", part.display())))
}

/// The last rows of a database.
#[derive(Clone, Copy, Default)]
struct RowsEnd {
    prediction: i64,
    label: i64,
    recorded_at: Option<i64>,
}

/// What became of the rows of a table.
struct Gathered {
    found: u64,
    /// The numbers of those that cannot be read.
    lost: Vec<i64>,
}

/// The database together with frames of its damaged log, under another name. Nothing writes to either.
struct DamagedView {
    connection: Connection,
    path: PathBuf,
}

impl DamagedView {
    fn open(path: &DatabasePath, survey: &LogSurvey, choice: FrameChoice) -> Result<Self, DatabaseError> {
        let view = path.salvage_view();
        remove(&view)?;
        let io = |error: io::Error| DatabaseError::Failed(format!("{}: {error}", view.display()));
        // A second name for the file; where the file system knows no such thing, a copy.
        fs::hard_link(path.database(), &view).or_else(|_| fs::copy(path.database(), &view).map(|_| ())).map_err(io)?;
        survey.write(&with_suffix(&view, "-wal"), choice).map_err(io)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&view, flags).map_err(failed)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
        connection.pragma_update(None, "query_only", true).map_err(failed)?;
        connection.pragma_update(None, "cell_size_check", true).map_err(failed)?;
        Ok(Self { connection, path: view })
    }

    fn end_of_rows(&self) -> Result<RowsEnd, DatabaseError> {
        let tables: i64 = self.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('predictions', 'labels')")?;
        if tables < 2 {
            return Ok(RowsEnd::default());
        }
        let prediction = self.number("SELECT coalesce(max(id), 0) FROM predictions")?;
        let label = self.number("SELECT coalesce(max(id), 0) FROM labels")?;
        let recorded_at = self.number("SELECT recorded_at FROM predictions ORDER BY id DESC LIMIT 1").ok();
        Ok(RowsEnd { prediction, label, recorded_at })
    }

    fn number(&self, sql: &str) -> Result<i64, DatabaseError> {
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(failed)
    }

    /// Copies the rows behind `end`, as far as they can be read.
    fn copy_rows(&self, to: &Connection, table: &str, end: i64) -> Result<Gathered, DatabaseError> {
        let mut gathered = Gathered { found: 0, lost: Vec::new() };
        let last = self.last_number(table, end).min(end.saturating_add(MOST_NUMBERS));
        for id in end + 1..=last {
            let Ok(values) = self.row(table, id) else {
                gathered.lost.push(id);
                continue;
            };
            let places = vec!["?"; values.len()].join(", ");
            let copied = to
                .prepare_cached(&format!("INSERT INTO {table} VALUES ({places})"))
                .and_then(|mut insert| insert.execute(params_from_iter(values)))
                .map_err(failed);
            match copied {
                Ok(_) => gathered.found += 1,
                // What breaks a constraint was put together from pages of different times, and is no row.
                Err(DatabaseError::Refused(_)) => gathered.lost.push(id),
                Err(error) => return Err(error),
            }
        }
        Ok(gathered)
    }

    fn row(&self, table: &str, id: i64) -> rusqlite::Result<Vec<Value>> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT * FROM {table} WHERE id = ?1"))?;
        let columns = statement.column_count();
        statement.query_row([id], |row| (0..columns).map(|column| row.get(column)).collect())
    }

    /// The highest number that the table or an index of it knows. Rows that the table has lost are still in the index.
    fn last_number(&self, table: &str, end: i64) -> i64 {
        let index = if table == "predictions" { "predictions_by_time" } else { "labels_by_time" };
        let mut last = self.number(&format!("SELECT max(id) FROM {table}")).unwrap_or(end).max(end);
        let sql = format!("SELECT id FROM {table} INDEXED BY {index} WHERE id > ?1");
        let _ = self.each_number(&sql, end, |id| last = last.max(id));
        last
    }

    fn each_number(&self, sql: &str, value: i64, mut each: impl FnMut(i64)) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([value])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }

    /// When the first and the last of these predictions were made, as far as the index by time says it.
    fn times_of(&self, ids: &[i64]) -> (Option<Timestamp>, Option<Timestamp>) {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return (None, None) };
        let sql = format!(
            "SELECT occurred_at FROM predictions INDEXED BY predictions_by_time WHERE id BETWEEN {first} AND ?1 ORDER BY occurred_at"
        );
        let (mut since, mut until) = (None, None);
        let _ = self.each_number(&sql, *last, |time| {
            since = since.or(Some(time));
            until = Some(time);
        });
        (since.map(from_microseconds), until.map(from_microseconds))
    }
}

impl Drop for DamagedView {
    fn drop(&mut self) {
        // Left behind, it is removed before the next one is made.
        let _ = remove(&self.path);
    }
}

/// An empty database of the schema with this version.
fn create_part(path: &Path, version: u32) -> Result<Connection, DatabaseError> {
    let mut new = Connection::open(path).map_err(failed)?;
    new.pragma_update(None, "journal_mode", "MEMORY").map_err(failed)?;
    let known = schema::MIGRATIONS.len().min(version as usize);
    migration::migrate(&mut new, &schema::MIGRATIONS[..known])?;
    Ok(new)
}

fn finish(part: &Path, name: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, name)?;
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Removes a database that was made here, with what SQLite keeps beside it.
pub(super) fn remove(path: &Path) -> Result<(), DatabaseError> {
    for file in [with_suffix(path, "-wal"), with_suffix(path, "-shm"), with_suffix(path, "-journal"), path.to_owned()] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(DatabaseError::Failed(format!("{}: {error}", file.display())));
            }
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
