//! The id of a row that has none: equal each time that the row is imported, so that it is stored once.
//!
//! Rule of thumb: a row is known again by its key, or by its place in a file of this content. Its name and the time of the
//! import say nothing about it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::record_fields::text;
use crate::tables::TableCell;

/// Makes the ids of a file's rows.
pub(super) struct RowIdentity {
    file: PathBuf,
    /// SHA-256 of the file, once it was needed.
    content: Option<[u8; 32]>,
}

/// What a row is known by.
pub(super) enum RowKey<'a> {
    /// Its place in the file.
    Place(u64),
    /// The cells of the columns that tell rows apart.
    Cells(Vec<(&'a str, &'a TableCell)>),
}

impl RowIdentity {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), content: None }
    }

    /// The id of a row for this `owner`: the model, version and variant. `time` is the row's own one, so that the ids are
    /// in order of time, as the index likes them.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn id(&mut self, key: &RowKey<'_>, owner: [&str; 3], time: Option<Timestamp>) -> io::Result<Uuid> {
        let mut hasher = Sha256::new();
        for part in owner {
            add(&mut hasher, part.as_bytes());
        }
        match key {
            RowKey::Place(row) => {
                hasher.update(self.content()?);
                hasher.update(row.to_be_bytes());
            }
            RowKey::Cells(cells) => {
                for (name, cell) in cells {
                    add(&mut hasher, name.as_bytes());
                    // A whole number is written as one, for pandas makes 7 of a column with gaps 7.0.
                    add(&mut hasher, text(cell).unwrap_or_default().as_bytes());
                }
            }
        }
        let digest = hasher.finalize();
        let milliseconds = time.map_or(0, Timestamp::as_millisecond).clamp(0, (1 << 48) - 1);
        let mut random = [0; 10];
        random.copy_from_slice(&digest[..10]);
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds as u64, &random).into_uuid())
    }

    fn content(&mut self) -> io::Result<[u8; 32]> {
        if let Some(content) = self.content {
            return Ok(content);
        }
        let mut hasher = Sha256::new();
        let mut file = File::open(&self.file)?;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = io::Read::read(&mut file, &mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
        }
        let content: [u8; 32] = hasher.finalize().into();
        self.content = Some(content);
        Ok(content)
    }
}

/// The length keeps ("ab", "c") and ("a", "bc") apart.
fn add(hasher: &mut Sha256, part: &[u8]) {
    hasher.update((part.len() as u64).to_be_bytes());
    hasher.update(part);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_row_has_one_id_whatever_its_file_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let identity = |name: &str, content: &str| {
            std::fs::write(folder.path().join(name), content).unwrap();
            RowIdentity::new(&folder.path().join(name))
        };
        let owner = ["credit", "1", ""];
        let id = |mut identity: RowIdentity, row| identity.id(&RowKey::Place(row), owner, None).unwrap();
        assert_eq!(id(identity("a", "x"), 1), id(identity("b", "x"), 1));
        assert_ne!(id(identity("a", "x"), 1), id(identity("a", "x"), 2));
        assert_ne!(id(identity("a", "x"), 1), id(identity("a", "y"), 1));
        let by_key = |cell: TableCell, owner| {
            identity("a", "x").id(&RowKey::Cells(vec![("visit", &cell)]), owner, None).unwrap()
        };
        let written = TableCell::Written("7".to_owned());
        assert_eq!(by_key(TableCell::Integer(7), owner), by_key(written.clone(), owner));
        assert_ne!(by_key(written.clone(), owner), by_key(written, ["credit", "2", ""]));
    }
}
