//! The marks of a spool: between which ids its records are, beside the database and safe from what damages that.
//!
//! Rule of thumb: ids have no gaps, so what is missing between the marks is lost, and can be counted. The marks are written
//! before a commit, with what it is to reach, and after it, before anybody is told that records are kept.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use tracing::warn;

/// Schema, gone through, acknowledged, intended, checksum.
const LENGTH: usize = 4 + 3 * 8 + 4;

/// Where the records of a spool begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpoolMarks {
    /// The version of the database's schema.
    pub(super) schema: i32,
    /// Records up to this id are settled or evicted.
    pub(super) gone_through: i64,
    /// The id of the last record that somebody was told of.
    pub(super) acknowledged: i64,
    /// The id of the last record that may have been committed.
    pub(super) intended: i64,
}

impl SpoolMarks {
    /// How many records there must be.
    pub(super) fn records(self) -> u64 {
        u64::try_from(self.acknowledged.saturating_sub(self.gone_through)).unwrap_or(0)
    }

    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&self.schema.to_le_bytes());
        for (at, id) in [self.gone_through, self.acknowledged, self.intended].into_iter().enumerate() {
            bytes[4 + 8 * at..12 + 8 * at].copy_from_slice(&id.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..LENGTH - 4]);
        bytes[LENGTH - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` for anything else than marks that were written whole.
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_at_checked(LENGTH - 4)?;
        if crc32fast::hash(content).to_le_bytes() != checksum {
            return None;
        }
        let (schema, ids) = content.split_first_chunk::<4>()?;
        let [gone_through, acknowledged, intended] = ids.as_chunks::<8>().0 else { return None };
        let id = |bytes: &[u8; 8]| i64::from_le_bytes(*bytes);
        Some(Self {
            schema: i32::from_le_bytes(*schema),
            gone_through: id(gone_through),
            acknowledged: id(acknowledged),
            intended: id(intended),
        })
    }
}

/// Reads the marks at `path`; `None` where there are none, or none that are whole.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read(path: &Path) -> io::Result<Option<SpoolMarks>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(SpoolMarks::of_bytes(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file of the marks, open for writing.
pub(super) struct MarksFile {
    /// `None` once a write has failed: marks that are behind would be taken for a loss.
    file: Option<File>,
}

impl MarksFile {
    /// Opens the file at `path` and writes these marks.
    ///
    /// # Errors
    /// The file cannot be opened or written.
    pub(super) fn create(path: &Path, marks: SpoolMarks) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.write_all_at(&marks.to_bytes(), 0)?;
        Ok(Self { file: Some(file) })
    }

    /// Writes these marks. Where that fails, there are none from now on.
    pub(super) fn write(&mut self, marks: SpoolMarks) {
        let Some(file) = &self.file else { return };
        if let Err(problem) = file.write_all_at(&marks.to_bytes(), 0) {
            warn!(%problem, "prediction_log_spool_marks_unwritable");
            // An empty file tells as little as none.
            let _ = file.set_len(0);
            self.file = None;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_unless_a_bit_has_changed() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("marks");
        assert_eq!(read(&path).unwrap(), None);
        let marks = SpoolMarks { schema: 2, gone_through: 7, acknowledged: 1 << 40, intended: i64::MAX };
        let mut file = MarksFile::create(&path, SpoolMarks { schema: 1, ..marks }).unwrap();
        file.write(marks);
        assert_eq!(read(&path).unwrap(), Some(marks));
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SpoolMarks::of_bytes(&changed), None, "{bit}");
        }
        assert_eq!(SpoolMarks::of_bytes(&whole[..20]), None);
    }
}
