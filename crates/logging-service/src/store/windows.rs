//! The counts of predictions and labels, kept beside the rows: a bucket counts five minutes, a window sums buckets and days.
//!
//! Counts are written in the transaction of the rows that they count, so they are never ahead or behind. They stay when
//! retention deletes the rows.
//!
//! Rule of thumb: counts only ever add up. What a transaction adds is a part of its own ([`super::counted_span`]), and
//! readers add the parts up.

use std::collections::BTreeMap;

use prediction_record::{PredictionRecord, Status};

use super::chosen_files::{ChosenFiles, LeftOutFiles};
use super::counted_span::{CountedRange, CountedSpan, SpanCounts, is_of_model};
use super::error::DatabaseError;
use super::recent_use::RecentUse;
use super::row;
use super::session::SqlSession;
pub(crate) use super::time::BUCKET;
use super::time::{DAY, TimeRange, begin_of_span};
use super::value::{RowColumns, SqlValue};
use super::window_stats::{WholeSpans, parts_of};
use crate::analysis::{InputFeatures, Observation, WindowCounts};

/// The counts of a model's file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelWindow {
    /// Name of the model.
    pub(crate) model: String,
    /// SHA-256 of its file; empty where the senders gave none.
    pub(crate) model_sha256: String,
    /// The segment, `region=eu`; empty for all predictions.
    pub(crate) segment: String,
    /// How much the file was used lately.
    pub(crate) usage: RecentUse,
    /// The sum of its buckets.
    pub(crate) counts: WindowCounts,
}

/// Which predictions sums are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SegmentScope {
    /// All predictions.
    Whole,
    /// The predictions of one segment, [`super::counted_segments::segment`].
    One(String),
    /// The predictions of each value of a tag, apart.
    ByTag(String),
    /// The predictions of every segment, apart.
    Each,
}

impl SegmentScope {
    /// The condition on the segment, of which `$3` is the value.
    fn condition(&self) -> &'static str {
        match self {
            Self::Whole | Self::One(_) => "segment = $3",
            Self::ByTag(_) | Self::Each => "segment > $3 AND segment < $4",
        }
    }

    fn values(&self) -> Vec<SqlValue> {
        match self {
            Self::Whole => vec!["".into()],
            Self::One(segment) => vec![segment.as_str().into()],
            // Text is compared byte by byte, and > follows = there.
            Self::ByTag(key) => vec![format!("{key}=").into(), format!("{key}>").into()],
            // A key begins with a letter, a digit, _ or -, all of which are less.
            Self::Each => vec!["".into(), "~".into()],
        }
    }
}

/// The counts of files in a window.
#[derive(Clone, Debug, Default)]
pub(crate) struct WindowSums {
    /// The sums of the chosen files.
    pub(crate) files: Vec<ModelWindow>,
    /// What there is beside them.
    pub(crate) left_out: LeftOutFiles,
}

/// The sums of the buckets that begin in the range, by model and file; where `model` is given, of that model only.
///
/// # Errors
/// The database's.
pub(crate) fn sums(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
) -> Result<WindowSums, DatabaseError> {
    sums_of(session, model, range, &SegmentScope::Whole)
}

/// The same of segments.
///
/// # Errors
/// The database's.
pub(crate) fn sums_of(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
    scope: &SegmentScope,
) -> Result<WindowSums, DatabaseError> {
    let chosen = choose(session, model, range)?;
    let files = sums_of_chosen(session, model, range, scope, &chosen)?;
    Ok(WindowSums { files, left_out: chosen.left_out })
}

/// Chooses the files of a range that are summed.
///
/// # Errors
/// The database's.
pub(super) fn choose(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
) -> Result<ChosenFiles, DatabaseError> {
    ChosenFiles::of(session, model, &spans_of(range))
}

/// The sums of chosen files.
///
/// # Errors
/// The database's.
pub(super) fn sums_of_chosen(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    range: TimeRange,
    scope: &SegmentScope,
    chosen: &ChosenFiles,
) -> Result<Vec<ModelWindow>, DatabaseError> {
    add_up(session, model, &spans_of(range), scope, chosen)
}

/// The sums of the counts of whole spans, of all files however many there are.
///
/// # Errors
/// The database's.
pub(super) fn sums_of_spans(
    session: &mut dyn SqlSession,
    spans: &[CountedRange],
    scope: &SegmentScope,
) -> Result<Vec<ModelWindow>, DatabaseError> {
    add_up(session, None, spans, scope, &ChosenFiles::default())
}

fn add_up(
    session: &mut dyn SqlSession,
    model: Option<&str>,
    spans: &[CountedRange],
    scope: &SegmentScope,
    chosen: &ChosenFiles,
) -> Result<Vec<ModelWindow>, DatabaseError> {
    let mut windows = BTreeMap::new();
    for CountedRange { span, range } in spans {
        let (condition, values) = condition(model, *range, scope);
        let select = |table| {
            let columns = span.columns();
            let of_model =
                if model.is_some() { is_of_model(table, &format!("${}", values.len())) } else { "1 = 1".to_owned() };
            format!("SELECT model, model_sha256, segment, {columns} FROM {table} WHERE {condition} AND {of_model}")
        };
        let sql = span.tables().map(select).join(" UNION ALL ");
        session.query(&sql, &values, &mut |columns| add_row(*span, columns, chosen, &mut windows))?;
    }
    Ok(windows.into_values().collect())
}

/// Which counts of spans are added up, but for the model, which is the last of the values.
fn condition(model: Option<&str>, range: TimeRange, scope: &SegmentScope) -> (String, Vec<SqlValue>) {
    let condition = format!("bucket >= $1 AND bucket < $2 AND {}", scope.condition());
    let mut values = vec![range.since.into(), range.until.into()];
    values.extend(scope.values());
    values.extend(model.map(SqlValue::from));
    (condition, values)
}

/// Adds the counts of one span to those of its file, where that is one of the chosen.
fn add_row(
    span: CountedSpan,
    mut columns: RowColumns,
    chosen: &ChosenFiles,
    windows: &mut BTreeMap<(String, String, String), ModelWindow>,
) -> Result<(), DatabaseError> {
    let key = (columns.text()?, columns.text()?, columns.text()?);
    if !chosen.has(&key.0, &key.1) {
        return Ok(());
    }
    let window = windows.entry(key).or_insert_with_key(|(model, sha256, segment)| ModelWindow {
        model: model.clone(),
        model_sha256: sha256.clone(),
        segment: segment.clone(),
        usage: RecentUse::default(),
        counts: WindowCounts::default(),
    });
    let SpanCounts { counts, usage } = span.read(&mut columns)?;
    window.usage.merge(usage);
    window.counts.merge(&counts);
    Ok(())
}

/// Which spans count what the buckets do that begin in a range: whole days, and buckets at their ends.
fn spans_of(range: TimeRange) -> Vec<CountedRange> {
    let next_bucket = |time: i64| match time {
        i64::MIN | i64::MAX => time,
        time => begin_of_span(time.saturating_add(BUCKET - 1), BUCKET),
    };
    let buckets = TimeRange { since: next_bucket(range.since), until: next_bucket(range.until) };
    let (spans, _) = parts_of(buckets);
    let span = |WholeSpans { length, range }| CountedRange {
        span: if length == DAY { CountedSpan::Day } else { CountedSpan::Bucket },
        range,
    };
    spans.into_iter().map(span).collect()
}

/// Counts the rows of a range anew, for one file of a model: what its buckets must add up to.
///
/// # Errors
/// The database's.
pub(crate) fn recount(
    session: &mut dyn SqlSession,
    model: &str,
    sha256: &str,
    range: TimeRange,
) -> Result<WindowCounts, DatabaseError> {
    let place = session.places()?.condition(range).unwrap_or_else(|| "1 = 1".to_owned());
    let sql = format!(
        "SELECT {} FROM predictions WHERE model = $1 AND coalesce(model_sha256, '') = $2
            AND occurred_at >= $3 AND occurred_at < $4 AND {place}",
        row::COLUMNS
    );
    let mut counts = WindowCounts::default();
    let values = [model.into(), sha256.into(), range.since.into(), range.until.into()];
    session.query(&sql, &values, &mut |mut columns| {
        counts.observe(&observation(&row::read(&mut columns)?.prediction.record));
        Ok(())
    })?;
    Ok(counts)
}

/// What the counts need of a record.
pub(super) fn observation(record: &PredictionRecord) -> Observation<'_> {
    Observation {
        failed: if record.status == Status::Error { record.counts_as() } else { 0 },
        label: record.label.as_deref(),
        // Before confidences were optional, a sender that knew none had to write one all the same.
        confidence: record.confidence.filter(|_| record.extra.get("confidence_source") != Some(&"none".into())),
        input: record.input.as_ref().map(|input| InputFeatures {
            brightness: input.brightness,
            contrast: input.contrast,
            sharpness: input.sharpness,
            mean: &input.mean,
            std: &input.std,
            width: input.width,
            height: input.height,
        }),
        value: record.value,
        features: Some(&record.features),
        counted_features: Some(&record.counted_features),
    }
}
