//! What is known of a damaged write-ahead log: a file of JSON beside the copy of the log that is kept.
//!
//! Rule of thumb: a report stands until a person removes it, over restarts and upgrades.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::error::DatabaseError;
use super::path::DatabasePath;

/// A log that was damaged, what was brought back of it, and what is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DamageReport {
    /// When the damage was found.
    pub(crate) found_at: Timestamp,
    /// The copy of the damaged log.
    pub(crate) log: PathBuf,
    /// Frames up to the end of the last commit; a frame is a page as a commit wrote it.
    pub(crate) committed_frames: usize,
    /// Frames that were restored.
    pub(crate) restored_frames: usize,
    /// Frames that are lost.
    pub(crate) lost_frames: usize,
    /// Predictions from behind the damage that were stored again.
    pub(crate) salvaged_predictions: u64,
    /// Labels from behind the damage that were stored again.
    pub(crate) salvaged_labels: u64,
    /// Predictions that were acknowledged and are lost, as far as their numbers are known.
    pub(crate) lost_predictions: u64,
    /// Labels likewise.
    pub(crate) lost_labels: u64,
    /// All that was stored until then is there.
    pub(crate) complete_until: Option<Timestamp>,
    /// When the first of the lost predictions was made, where an index still says it.
    pub(crate) lost_since: Option<Timestamp>,
    /// When the last of them was made.
    pub(crate) lost_until: Option<Timestamp>,
}

impl DamageReport {
    /// The report in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let Self { committed_frames, restored_frames, lost_frames, .. } = self;
        let frames = format!("{} of {committed_frames} frames were damaged", restored_frames + lost_frames);
        let log = self.log.display();
        if self.lost_frames == 0 {
            return format!(
                "the write-ahead log was damaged ({frames}) and all of it was restored; {log} is the log as it was"
            );
        }
        let until = self.complete_until.map_or_else(|| "the beginning".to_owned(), |time| time.to_string());
        let range = match (self.lost_since, self.lost_until) {
            (Some(since), Some(until)) => format!(", made from {since} to {until}"),
            _ => String::new(),
        };
        format!(
            "the write-ahead log was damaged ({frames}): {} predictions and {} labels are known to be lost{range}, of what was \
             stored between {until} and {}; {} predictions and {} labels from behind the damage were stored again; {log} is the \
             log as it was",
            self.lost_predictions, self.lost_labels, self.found_at, self.salvaged_predictions, self.salvaged_labels
        )
    }

    /// Writes it beside the log, in place of an earlier one.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self) -> io::Result<()> {
        let path = PathBuf::from(format!("{}.json", self.log.display()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(path)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.sync_all()
    }
}

/// The reports beside a database, the oldest first. One that cannot be read is told with nothing but its log.
pub(super) fn all(path: &DatabasePath) -> Vec<DamageReport> {
    let log = path.wal();
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Vec::new() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let prefix = format!("{}.corrupt-", name.to_string_lossy());
    let is_report = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(".json")
    };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_report).collect();
    files.sort_unstable();
    files.iter().map(|path| read(path)).collect()
}

/// Adds predictions to the lost ones of the newest report, which were thought to be salvaged.
///
/// # Errors
/// [`DatabaseError::Failed`] where the report cannot be written.
pub(super) fn add_lost(path: &DatabasePath, predictions: u64) -> Result<(), DatabaseError> {
    let Some(mut report) = all(path).pop() else { return Ok(()) };
    report.lost_predictions += predictions;
    report.salvaged_predictions = report.salvaged_predictions.saturating_sub(predictions);
    tracing::error!(predictions, "salvaged_predictions_not_readable: {}", report.sentence());
    report.write().map_err(|error| DatabaseError::Failed(format!("{}: {error}", report.log.display())))
}

fn read(path: &Path) -> DamageReport {
    let report = fs::read(path).ok().and_then(|json| serde_json::from_slice(&json).ok());
    report.unwrap_or_else(|| DamageReport { log: path.with_extension(""), ..DamageReport::default() })
}
