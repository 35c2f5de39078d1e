//! Compares the counts of windows with the rows that they count.

use jiff::Timestamp;

use super::counted_labels;
use super::day_check;
use super::engine::CheckFindings;
use super::erasures;
use super::error::DatabaseError;
use super::retention;
use super::session::SqlSession;
use super::stats;
use super::time::{TimeRange, begin_of_span, floor_microseconds};
use super::window_stats;
use super::windows::{self, BUCKET};

/// Microseconds of a day. Older rows are not compared, for retention may have deleted some of them.
const COMPARED: i64 = 86_400 * 1_000_000;

/// Compares the counts of the last day with their rows.
///
/// # Errors
/// The database's.
pub(super) fn compare(session: &mut dyn SqlSession) -> Result<CheckFindings, DatabaseError> {
    let rows = stats::count(session)?;
    let oldest = retention::oldest(session)?.unwrap_or_default();
    let now = floor_microseconds(Timestamp::now());
    // The bucket of the oldest row may have lost rows to retention, and earlier ones than that of an erased row may have lost
    // some to an erasure, so the comparison begins after both.
    let erased = erasures::newest_erased(session)?;
    let since = begin_of_span(oldest.max(erased).max(now - COMPARED), BUCKET) + BUCKET;
    let range = TimeRange { since, until: begin_of_span(now, BUCKET) + BUCKET };
    let mut problems = window_stats::compare(session, range)?;
    problems.extend(day_check::compare(session)?);
    let mut findings = CheckFindings { rows, problems, ..CheckFindings::default() };
    for mut window in windows::sums(session, None, range)?.files {
        let labels = std::mem::take(&mut window.counts.labels);
        let mut counted = window.counts;
        // No row has the values of features that may not be kept, so these counts stand alone.
        let unkept = std::mem::take(&mut counted.unkept);
        counted.unkept_rows = 0;
        for (feature, counts) in unkept.iter().filter(|(_, counts)| counts.total() > counted.predictions) {
            let (model, a, b) = (&window.model, counts.total(), counted.predictions);
            findings
                .problems
                .push(format!("{model}: {feature} is counted {a} times since yesterday, in {b} predictions"));
        }
        let recounted = windows::recount(session, &window.model, &window.model_sha256, range)?;
        findings.windows += 1;
        // Counts of earlier versions do not have the number of rows with features.
        counted.named_rows = counted.named_rows.max(recounted.named_rows);
        if counted != recounted {
            let (model, a, b) = (&window.model, counted.predictions, recounted.predictions);
            findings.problems.push(format!("{model}: {a} predictions are counted since yesterday, the rows are {b}"));
        }
        let noted = counted_labels::recount(session, &window.model, &window.model_sha256, range)?;
        if labels != noted {
            let (model, a, b) = (&window.model, labels.labelled, noted.labelled);
            let problem = format!("{model}: {a} labels ({} right) are counted since yesterday", labels.correct);
            findings.problems.push(format!("{problem}, the rows are {b} ({} right)", noted.correct));
        }
    }
    Ok(findings)
}
