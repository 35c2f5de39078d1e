//! Whether the counts of windows equal the rows that they count.

use jiff::Timestamp;

use super::row::floor_microseconds;
use super::session::{Columns, DatabaseError, Session, first};
use super::windows;
use crate::analysis::LabelCounts;

/// Only rows that are certainly still there can be compared: those of the last day.
const COMPARED: i64 = 86_400 * 1_000_000;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Predictions in the database.
    pub(crate) rows: u64,
    /// Counts that were compared with their rows: those of the last day, by model and file.
    pub(crate) windows: usize,
    /// What is wrong, each in a sentence.
    pub(crate) problems: Vec<String>,
}

/// Compares the counts of the last day with their rows.
///
/// # Errors
/// The database's.
pub(super) fn compare(session: &mut dyn Session) -> Result<Findings, DatabaseError> {
    let rows = first(session, "SELECT count(*) FROM predictions", &[], Columns::count)?.unwrap_or_default();
    let oldest = super::retention::oldest(session)?.unwrap_or_default();
    let now = floor_microseconds(Timestamp::now());
    // The bucket of the oldest row may have lost rows to retention.
    let since = align(oldest.max(now - COMPARED)) + windows::BUCKET;
    let range = (since, align(now) + windows::BUCKET);
    let mut findings = Findings { rows, ..Findings::default() };
    for window in windows::sums(session, None, range)? {
        let mut counted = window.counts;
        counted.labels = LabelCounts::default();
        let recounted = windows::recount(session, &window.model, &window.model_sha256, range)?;
        findings.windows += 1;
        if counted != recounted {
            let (model, a, b) = (&window.model, counted.predictions, recounted.predictions);
            findings.problems.push(format!("{model}: {a} predictions are counted since yesterday, the rows are {b}"));
        }
    }
    Ok(findings)
}

fn align(time: i64) -> i64 {
    time.div_euclid(windows::BUCKET) * windows::BUCKET
}
