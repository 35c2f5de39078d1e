//! Looks into the write-ahead log before SQLite does, and mends it.
//!
//! The damaged log is kept → what can be read behind the damage is gathered ([`super::salvage`]) → a log takes its place that
//! SQLite reads to its end → the database is opened → what was gathered is stored again → the report says what is lost.
//!
//! Rule of thumb: whatever is interrupted begins anew at the next start, because the damaged log is replaced last.

use jiff::Timestamp;
use sqlite_wal::{FrameChoice, LogState, LogSurvey};

use super::super::error::DatabaseError;
use super::damage_report::DamageReport;
use super::path::DatabasePath;
use super::salvage;

/// Mends the log of a database that nobody has open; gives the report of what was damaged.
///
/// # Errors
/// [`DatabaseError::Failed`] where files cannot be read or written.
pub(super) fn mend(path: &DatabasePath) -> Result<Option<DamageReport>, DatabaseError> {
    let io = |error: std::io::Error| DatabaseError::Failed(format!("{}: {error}", path.wal().display()));
    let Some(survey) = damaged_for_sure(path)? else { return Ok(None) };
    let found_at = Timestamp::now();
    let log = survey.keep_copy(u64::try_from(found_at.as_second()).unwrap_or_default()).map_err(io)?;
    let mut report = DamageReport {
        found_at,
        log,
        committed_frames: survey.committed_frames(),
        restored_frames: survey.restored_frames(),
        lost_frames: survey.lost_frames(),
        ..DamageReport::default()
    };
    report.write().map_err(io)?;
    if survey.state() == LogState::Damaged
        && let Err(problem) = salvage::gather(path, &survey, &mut report)
    {
        tracing::error!(%problem, "write_ahead_log_not_salvaged: what is behind the damage is in the kept log alone");
    }
    report.write().map_err(io)?;
    survey.replace(FrameChoice::UntilLoss).map_err(io)?;
    Ok(Some(report))
}

/// What a check says of the log as it is, and of those that were damaged before.
///
/// # Errors
/// [`DatabaseError::Failed`] where the log cannot be read.
pub(super) fn problems(path: &DatabasePath) -> Result<Vec<String>, DatabaseError> {
    let mut problems: Vec<String> = super::damage_report::all(path).iter().map(DamageReport::sentence).collect();
    if let Some(survey) = damaged_for_sure(path)? {
        let (restored, lost) = (survey.restored_frames(), survey.lost_frames());
        problems.push(format!(
            "the write-ahead log is damaged: {restored} frames can be restored, and {lost} are lost; the next start of the service mends it"
        ));
    }
    Ok(problems)
}

/// A program that still runs may begin its log anew while it is looked at, so damage has to be seen three times.
fn damaged_for_sure(path: &DatabasePath) -> Result<Option<LogSurvey>, DatabaseError> {
    let mut found = None;
    for _ in 0..3 {
        let survey = LogSurvey::of(&path.wal())
            .map_err(|error| DatabaseError::Failed(format!("{}: {error}", path.wal().display())))?;
        found = survey.filter(|survey| survey.state() != LogState::Whole);
        if found.is_none() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Ok(found)
}
