//! The manifest of a day: which files count.
//!
//! Manifests are numbered and never changed; of a day, the one with the highest number counts. Of two programs that write
//! the same number, one fails, and every store can say which: the file is created only where there is none.
//!
//! Rule of thumb: what no manifest names does not count.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::layout;
use super::object_lake::{LakeError, ObjectLake};
use crate::store::lake_files::{LakeFileEntry, WrittenDay};

/// The version of manifests and files that this program writes.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The manifest as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// [`SCHEMA_VERSION`]; readers refuse a higher one.
    pub(super) schema_version: u32,
    /// `YYYY-MM-DD`, in UTC.
    day: String,
    /// Its own number.
    revision: i64,
    /// Rows of all files.
    rows: u64,
    /// Rows of the day up to this number in the log's sequence are in the files.
    last_sequence: i64,
    /// When it was written.
    written_at: Timestamp,
    /// Every file of predictions that counts.
    files: Vec<ManifestFile>,
    /// True labels that were recorded on this day.
    #[serde(default)]
    labels: u64,
    /// Labels of the day up to this number are in the files.
    #[serde(default)]
    last_label_sequence: i64,
    /// Every file of labels that counts.
    #[serde(default)]
    label_files: Vec<ManifestFile>,
}

/// A file that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ManifestFile {
    /// Where it is, below the lake's place.
    path: String,
    /// The model whose rows it holds; none for labels.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    model: String,
    /// Its rows.
    rows: u64,
    /// Its size.
    bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    sha256: String,
}

impl Manifest {
    pub(super) fn of(written: &WrittenDay) -> Self {
        let file = |file: &LakeFileEntry| ManifestFile {
            path: file.path.clone(),
            model: file.model.clone(),
            rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256.clone(),
        };
        let (rows, labels) = written.rows();
        let (label_files, files): (Vec<_>, Vec<_>) = written.files.iter().partition(|file| file.is_of_labels());
        Self {
            schema_version: SCHEMA_VERSION,
            day: layout::day_name(written.day),
            revision: written.revision,
            rows,
            last_sequence: written.last_id,
            written_at: Timestamp::now(),
            files: files.into_iter().map(file).collect(),
            labels,
            last_label_sequence: written.last_label_id,
            label_files: label_files.into_iter().map(file).collect(),
        }
    }

    /// The day that it tells of.
    ///
    /// # Errors
    /// [`LakeError::Disagrees`] for the manifest of another day, number or version.
    fn into_written(self, day: i64, revision: i64) -> Result<WrittenDay, LakeError> {
        if self.schema_version > SCHEMA_VERSION || self.day != layout::day_name(day) || self.revision != revision {
            let found = format!("version {}, day {}, revision {}", self.schema_version, self.day, self.revision);
            let path = layout::manifest(day, revision);
            return Err(LakeError::Disagrees(format!("{path} says of itself: {found}")));
        }
        let file = |file: ManifestFile| LakeFileEntry {
            path: file.path,
            model: file.model,
            rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256,
        };
        let mut files: Vec<_> = self.files.into_iter().chain(self.label_files).map(file).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(WrittenDay { day, revision, last_id: self.last_sequence, last_label_id: self.last_label_sequence, files })
    }
}

/// Writes a manifest; false where there is one of this number already.
///
/// # Errors
/// The store's.
pub(super) async fn create(lake: &ObjectLake, written: &WrittenDay) -> Result<bool, LakeError> {
    let mut json = serde_json::to_vec_pretty(&Manifest::of(written)).map_err(LakeError::unreadable)?;
    json.push(b'\n');
    lake.create(&layout::manifest(written.day, written.revision), json).await
}

/// Reads a manifest; `None` where there is none of this number.
///
/// # Errors
/// The store's, and [`LakeError::Disagrees`] for one that is not this day's.
pub(super) async fn read(lake: &ObjectLake, day: i64, revision: i64) -> Result<Option<WrittenDay>, LakeError> {
    let Some(json) = lake.read(&layout::manifest(day, revision)).await? else { return Ok(None) };
    let manifest: Manifest = serde_json::from_slice(&json).map_err(LakeError::unreadable)?;
    manifest.into_written(day, revision).map(Some)
}
