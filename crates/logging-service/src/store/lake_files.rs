//! The files of the lake, as the books know them.
//!
//! Rule of thumb: the name of a file stands here before the file is written, so that what a crash leaves is known.

use super::engine::WriteTransaction;
use super::erasures;
use super::error::DatabaseError;
use super::session::{SqlSession, first, rows};
use super::value::RowColumns;

/// A file of the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LakeFileEntry {
    /// Where it is, below the lake's place.
    pub(crate) path: String,
    /// The model whose rows it holds.
    pub(crate) model: String,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its size.
    pub(crate) bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub(crate) sha256: String,
}

/// What the paths of files with labels begin with.
pub(crate) const LABELS: &str = "labels/";

impl LakeFileEntry {
    /// Whether its rows are true labels, and not predictions.
    pub(crate) fn is_of_labels(&self) -> bool {
        self.path.starts_with(LABELS)
    }
}

/// The files of a day: those that count, or those that are being written or were when a program ended.
///
/// # Errors
/// The database's.
pub(crate) fn files(
    session: &mut dyn SqlSession,
    day: i64,
    is_counting: bool,
) -> Result<Vec<LakeFileEntry>, DatabaseError> {
    let sql =
        "SELECT path, model, rows, bytes, sha256 FROM lake_files WHERE day = $1 AND is_counting = $2 ORDER BY path";
    rows(session, sql, &[day.into(), is_counting.into()], |columns| {
        Ok(LakeFileEntry {
            path: columns.text()?,
            model: columns.text()?,
            rows: columns.count()?,
            bytes: columns.count()?,
            sha256: columns.text()?,
        })
    })
}

/// Whether the lake has no file that is known here.
///
/// # Errors
/// The database's.
pub(crate) fn is_empty(session: &mut dyn SqlSession) -> Result<bool, DatabaseError> {
    Ok(first(session, "SELECT count(*) FROM lake_files", &[], RowColumns::integer)? == Some(0))
}

/// The days that have files which do not count.
///
/// # Errors
/// The database's.
pub(crate) fn unsettled(session: &mut dyn SqlSession) -> Result<Vec<i64>, DatabaseError> {
    let sql = "SELECT DISTINCT day FROM lake_files WHERE is_counting = 0 ORDER BY day";
    rows(session, sql, &[], RowColumns::integer)
}

/// Enters the name of a file that is about to be written.
///
/// # Errors
/// The database's.
pub(crate) fn plan_file(
    transaction: &mut dyn WriteTransaction,
    day: i64,
    file: &LakeFileEntry,
) -> Result<(), DatabaseError> {
    let sql =
        "INSERT INTO lake_files (day, path, model, rows, bytes, sha256, is_counting) VALUES ($1, $2, $3, 0, 0, '', 0)
               ON CONFLICT DO NOTHING";
    transaction.execute(sql, &[day.into(), file.path.as_str().into(), file.model.as_str().into()]).map(|_| ())
}

/// What a manifest says of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenDay {
    /// Days since 1970.
    pub(crate) day: i64,
    /// Number of the manifest.
    pub(crate) revision: i64,
    /// Rows of the day up to this number are in the files.
    pub(crate) last_id: i64,
    /// Labels of the day up to this number are in the files.
    pub(crate) last_label_id: i64,
    /// Every file that counts, in the order of their paths.
    pub(crate) files: Vec<LakeFileEntry>,
}

impl WrittenDay {
    /// Rows of the files with predictions, and of those with labels.
    pub(crate) fn rows(&self) -> (u64, u64) {
        let of = |is_of_labels: bool| {
            self.files.iter().filter(|file| file.is_of_labels() == is_of_labels).map(|file| file.rows).sum()
        };
        (of(false), of(true))
    }
}

/// Enters what a manifest says. The files that it does not name do not count any more, and stay in the books until
/// [`forget_files`].
///
/// # Errors
/// The database's, and [`DatabaseError::Failed`] where another program has gone further.
pub(crate) fn enter_written(
    transaction: &mut dyn WriteTransaction,
    written: &WrittenDay,
    now: i64,
) -> Result<(), DatabaseError> {
    let (rows, labels) = written.rows();
    let [rows, labels] = [rows, labels].map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
    let former = "SELECT rows, labels FROM lake_days WHERE day = $1";
    let read = |columns: &mut RowColumns| Ok([columns.integer()?, columns.integer()?]);
    let former = first(transaction, former, &[written.day.into()], read)?.unwrap_or_default();
    erasures::note_fewer(transaction, former[0] - rows, former[1] - labels)?;
    let sql =
        "UPDATE lake_days SET revision = $1, last_id = $2, rows = $3, written_at = $4, label_last_id = $5, labels = $6
               WHERE day = $7 AND revision <= $8 AND last_id <= $9 AND label_last_id <= $10";
    let values = [
        written.revision.into(),
        written.last_id.into(),
        rows.into(),
        now.into(),
        written.last_label_id.into(),
        labels.into(),
        written.day.into(),
        written.revision.into(),
        written.last_id.into(),
        written.last_label_id.into(),
    ];
    if transaction.execute(sql, &values)? != 1 {
        return Err(DatabaseError::Failed("another program has written this day of the lake".to_owned()));
    }
    transaction.execute("UPDATE lake_files SET is_counting = 0 WHERE day = $1", &[written.day.into()])?;
    let sql = "INSERT INTO lake_files (day, path, model, rows, bytes, sha256, is_counting)
               VALUES ($1, $2, $3, $4, $5, $6, 1)
               ON CONFLICT (path) DO UPDATE SET rows = excluded.rows, bytes = excluded.bytes, sha256 = excluded.sha256,
                   is_counting = 1";
    for file in &written.files {
        let values = [
            written.day.into(),
            file.path.as_str().into(),
            file.model.as_str().into(),
            i64::try_from(file.rows).unwrap_or(i64::MAX).into(),
            i64::try_from(file.bytes).unwrap_or(i64::MAX).into(),
            file.sha256.as_str().into(),
        ];
        transaction.execute(sql, &values)?;
    }
    Ok(())
}

/// Forgets the files of a day that do not count: they are deleted.
///
/// # Errors
/// The database's.
pub(crate) fn forget_files(transaction: &mut dyn WriteTransaction, day: i64) -> Result<(), DatabaseError> {
    transaction.execute("DELETE FROM lake_files WHERE day = $1 AND is_counting = 0", &[day.into()]).map(|_| ())
}
