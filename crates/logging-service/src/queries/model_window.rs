//! The counts of each model's file in a window, beside the reference that they are compared with.

use std::collections::BTreeMap;

use axum::http::Uri;
use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::{ModelDeclaration, Tags};
use serde::Serialize;
use utoipa::ToSchema;

use super::parameters::{parse_tagged_query, refused};
use super::window_query::WindowQuery;
use crate::analysis::{ReferenceProfile, WindowCounts};
use crate::refusal::refusal;
use crate::store::error::DatabaseError;
use crate::store::exact_windows::{self, ExactWindow, ExactWindows};
use crate::store::time::{TimeRange, begin_of_span, from_microseconds};
use crate::store::windows::{self, BUCKET, SegmentScope};
use crate::store::{SqlSession, Store, declarations, references};

/// Which predictions of which model's file an answer is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct WindowFacts {
    /// Name of the model.
    pub(crate) model: String,
    /// SHA-256 of the model's file; absent where the senders gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_sha256: Option<String>,
    /// The segment that was counted; absent for all predictions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segment: Option<SegmentFacts>,
    /// The beginning of the range that was counted. It is the one that was asked for, unless its rows are gone or say less than
    /// the counts of their five minutes; then the range begins with these five minutes, and ends likewise.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) since: Timestamp,
    /// Its end; not part of it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) until: Timestamp,
    /// Predictions that failed.
    pub(crate) errors: u64,
}

/// A segment: the predictions whose tag has this value.
#[derive(PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SegmentFacts {
    /// The tag.
    pub(crate) tag: String,
    /// Its value.
    pub(crate) value: String,
}

/// The counts of a window, and what they are judged by.
pub(crate) struct JudgedCounts<'a> {
    pub(crate) counts: &'a WindowCounts,
    /// The counts of the reference, where there is one.
    pub(crate) reference: Option<&'a WindowCounts>,
    /// What is declared about the model.
    pub(crate) declaration: Option<&'a ModelDeclaration>,
    /// The length of the window.
    pub(crate) seconds: f64,
}

/// Judges the counts of a window.
pub(crate) type WindowJudge<T> = fn(WindowFacts, &JudgedCounts<'_>) -> T;

/// What is judged of the files in a window.
pub(crate) struct JudgedModels<T> {
    /// Of each model the file in service first.
    pub(crate) models: Vec<T>,
    /// How many files are left out, where there are too many.
    pub(crate) left_out: Option<u64>,
    /// The same in each interval that is asked for.
    pub(crate) intervals: Vec<JudgedInterval<T>>,
}

/// What is judged in an interval.
pub(crate) struct JudgedInterval<T> {
    pub(crate) range: TimeRange,
    /// The file that stands first in the whole window, if it was used: all files of all intervals are more than anybody reads.
    pub(crate) models: Vec<T>,
}

/// Reads the window that the query asks for, and judges each model's file in it.
pub(crate) async fn judge_models<T: Send + 'static>(
    store: &Store,
    uri: &Uri,
    judge: WindowJudge<T>,
) -> Result<JudgedModels<T>, ApiError> {
    let (query, tags): (WindowQuery, Tags) = parse_tagged_query(uri)?;
    let (range, scope) = (query.range()?, query.scope(tags)?);
    let intervals = query.intervals(range)?;
    let read = move |session: &mut dyn SqlSession| {
        let Some(reading) = WindowReading::open(session, query.model, scope)? else { return Ok(None) };
        let ExactWindows { files, left_out } = reading.windows(session, range)?;
        let first = files.first().map(names_of);
        let models = files.into_iter().map(|window| reading.judge_file(window, judge)).collect();
        let left_out = Some(left_out.files).filter(|files| *files > 0);
        let judge_interval = |range: TimeRange| {
            let windows = reading.windows(session, range)?.files.into_iter();
            let of_first = windows.filter(|exact| first.as_ref() == Some(&names_of(exact)));
            Ok(JudgedInterval { range, models: of_first.map(|window| reading.judge_file(window, judge)).collect() })
        };
        let intervals = intervals.into_iter().map(judge_interval).collect::<Result<_, DatabaseError>>()?;
        Ok(Some(JudgedModels { models, left_out, intervals }))
    };
    store.read(read).await.map_err(refusal)?.ok_or_else(|| {
        refused(
            "no model declares this tag with this value, and only declared ones are counted apart; PUT /models/NAME declares them, \
             {\"tags\": {\"region\": [\"eu\"]}}",
        )
    })
}

/// What windows are read and judged by.
struct WindowReading {
    model: Option<String>,
    scope: SegmentScope,
    profiles: Vec<ReferenceProfile>,
    declared: BTreeMap<String, ModelDeclaration>,
}

impl WindowReading {
    /// `None`, if no model declares the segment that is asked for.
    fn open(
        session: &mut dyn SqlSession,
        model: Option<String>,
        scope: SegmentScope,
    ) -> Result<Option<Self>, DatabaseError> {
        let profiles = references::all(session, model.as_deref())?;
        let declared = declarations::effective(session, model.as_deref())?;
        Ok(is_declared(&scope, declared.values()).then_some(Self { model, scope, profiles, declared }))
    }

    /// The counts of each model's file in a range; of each model the file in service first.
    fn windows(&self, session: &mut dyn SqlSession, range: TimeRange) -> Result<ExactWindows, DatabaseError> {
        let model = self.model.as_deref();
        let mut windows = match self.scope {
            SegmentScope::Whole => exact_windows::of_range(session, model, range)?,
            // Segments are counted in whole buckets alone.
            _ => segments_of_range(session, model, range, &self.scope)?,
        };
        windows.files.sort_by(|a, b| {
            let place = |exact: &ExactWindow| (exact.window.model.clone(), exact.window.segment.clone());
            place(a).cmp(&place(b)).then_with(|| b.window.usage.compare(&a.window.usage))
        });
        Ok(windows)
    }

    fn judge_file<T>(&self, ExactWindow { window: sum, range }: ExactWindow, judge: WindowJudge<T>) -> T {
        let reference = references::of(&self.profiles, &sum.model, &sum.model_sha256).map(|profile| &profile.counts);
        let segment = sum.segment.split_once('=');
        let facts = WindowFacts {
            model: sum.model,
            model_sha256: Some(sum.model_sha256).filter(|digest| !digest.is_empty()),
            since: from_microseconds(range.since),
            until: from_microseconds(range.until),
            segment: segment.map(|(tag, value)| SegmentFacts { tag: tag.to_owned(), value: value.to_owned() }),
            errors: sum.counts.errors,
        };
        let declaration = self.declared.get(&facts.model);
        judge(facts, &JudgedCounts { counts: &sum.counts, reference, declaration, seconds: range.seconds() })
    }
}

/// The digest and the segment that are counted.
fn names_of(exact: &ExactWindow) -> [String; 2] {
    [exact.window.model_sha256.clone(), exact.window.segment.clone()]
}

/// The counts of segments in the whole buckets that cover the range.
fn segments_of_range(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
    scope: &SegmentScope,
) -> Result<ExactWindows, DatabaseError> {
    let until = begin_of_span(range.until.saturating_add(BUCKET - 1), BUCKET);
    let range = TimeRange { since: begin_of_span(range.since, BUCKET), until };
    let sums = windows::sums_of(session, model, range, scope)?;
    let files = sums.files.into_iter().map(|window| ExactWindow { window, range }).collect();
    Ok(ExactWindows { files, left_out: sums.left_out })
}

/// Whether a model declares what is asked for.
fn is_declared<'a>(scope: &SegmentScope, mut declared: impl Iterator<Item = &'a ModelDeclaration>) -> bool {
    match scope {
        SegmentScope::Whole | SegmentScope::Each => true,
        SegmentScope::ByTag(key) => declared.any(|declared| declared.tags.contains_key(key)),
        SegmentScope::One(asked) => {
            let (key, value) = asked.split_once('=').unwrap_or_default();
            declared
                .any(|declared| declared.tags.get(key).is_some_and(|values| values.iter().any(|known| known == value)))
        }
    }
}
