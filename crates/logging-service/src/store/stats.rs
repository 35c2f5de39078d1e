//! Counts and means over a window of time, for everything and by model.
//!
//! Rule of thumb: sums where there are any, one pass over the rows else; whatever can grow with what senders write is bounded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::DatabaseError;
use super::filter::PredictionFilter;
use super::session::{SqlSession, first, rows};
use super::time::from_microseconds;
use super::value::{RowColumns, SqlValue};
use super::window_stats::{self, WholeSpans};

/// The most names kept in one map; the rest, which are the rarest, are counted together.
pub const MAX_NAMES: usize = 1000;

/// Counts and means over a window of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = Stats)]
pub struct PredictionStats {
    /// Over everything in the window.
    pub total: PredictionSummary,
    /// By model; at most [`MAX_NAMES`] of them.
    pub models: BTreeMap<String, PredictionSummary>,
    /// Predictions of models that are left out of `models`.
    pub other_models: u64,
}

/// Counts and means of some predictions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = Summary)]
pub struct PredictionSummary {
    /// All predictions, failed ones included. A request that was refused counts with its items.
    pub predictions: u64,
    /// Predictions that failed.
    pub errors: u64,
    /// Predictions that name a defect.
    pub defects: u64,
    /// Mean over the predictions that carry a confidence.
    pub mean_confidence: Option<f64>,
    /// Mean over the predictions that carry a latency.
    pub mean_latency_seconds: Option<f64>,
    /// The longest latency.
    pub max_latency_seconds: Option<f64>,
    /// Predictions by label; at most [`MAX_NAMES`] labels.
    pub labels: BTreeMap<String, u64>,
    /// Predictions whose label is left out of `labels`.
    pub other_labels: u64,
    /// Failed predictions by error type, `unspecified` where the sender gave none; at most [`MAX_NAMES`].
    pub error_types: BTreeMap<String, u64>,
    /// Failed predictions whose type is left out of `error_types`.
    pub other_error_types: u64,
    /// `occurred_at` of the earliest prediction.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_occurred_at: Option<Timestamp>,
    /// `occurred_at` of the latest prediction.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_occurred_at: Option<Timestamp>,
    #[serde(skip)]
    confidence: RunningMean,
    #[serde(skip)]
    latency: RunningMean,
}

impl PredictionSummary {
    /// The share that failed, 0 to 1; nothing where there are no predictions.
    pub(crate) fn errors_share(&self) -> Option<f64> {
        (self.predictions > 0).then(|| self.errors as f64 / self.predictions as f64)
    }
}

/// Finds every model by jumping from one name to the next in the index, however many rows there are.
const MODELS: &str = "
WITH RECURSIVE names (model) AS (
    SELECT min(model) FROM predictions
    UNION ALL
    SELECT (SELECT min(model) FROM predictions WHERE model > names.model) FROM names WHERE names.model IS NOT NULL
)
SELECT model FROM names WHERE model IS NOT NULL LIMIT $1";

/// The models that have predictions, in alphabetical order.
///
/// # Errors
/// The database's.
pub(super) fn models(session: &mut dyn SqlSession) -> Result<Vec<String>, DatabaseError> {
    rows(session, MODELS, &[(MAX_NAMES as i64).into()], RowColumns::text)
}

/// How many rows of predictions there are.
///
/// # Errors
/// The database's.
pub(super) fn count(session: &mut dyn SqlSession) -> Result<u64, DatabaseError> {
    Ok(first(session, "SELECT count(*) FROM predictions", &[], RowColumns::count)?.unwrap_or_default())
}

/// The columns of a group, from rows.
const OF_ROWS: &str = "model, CASE WHEN status = 'error' THEN CAST(1 AS BIGINT) ELSE 0 END AS failed, coalesce(label, '') AS label,
    coalesce(error_type, '') AS error_type, coalesce(items, 1) AS predictions, defect AS defects,
    CASE WHEN confidence IS NULL THEN CAST(0 AS BIGINT) ELSE 1 END AS confidences, coalesce(confidence, 0) AS confidence_sum,
    CASE WHEN latency_seconds IS NULL THEN CAST(0 AS BIGINT) ELSE 1 END AS latencies,
    coalesce(latency_seconds, 0) AS latency_sum, coalesce(latency_seconds, -1) AS latency_max, occurred_at AS first_at,
    occurred_at AS last_at";
/// The same from sums.
const OF_SUMS: &str =
    "model, failed, label, error_type, predictions, defects, confidences, confidence_sum, latencies, latency_sum,
    latency_max, first_at, last_at";

/// Counts and means of the predictions that a filter selects.
///
/// # Errors
/// The database's.
pub(super) fn stats(session: &mut dyn SqlSession, filter: &PredictionFilter) -> Result<PredictionStats, DatabaseError> {
    let by_time = PredictionFilter::window(filter.since, filter.until);
    let source = if *filter == by_time { summed(session, filter) } else { from_rows(session, filter) }?;
    let StatsSource { sql, values } = source;
    // In one statement, which sees one moment. The most frequent groups come first, so that what is left out of a full map is
    // rare.
    let sql = format!(
        "SELECT model, failed, nullif(label, ''), nullif(error_type, ''), CAST(sum(predictions) AS BIGINT) AS number,
                CAST(sum(defects) AS BIGINT), CAST(sum(confidences) AS BIGINT), sum(confidence_sum),
                CAST(sum(latencies) AS BIGINT), sum(latency_sum), nullif(max(latency_max), -1), min(first_at), max(last_at)
         FROM ({sql}) AS counted GROUP BY model, failed, label, error_type ORDER BY number DESC"
    );
    let mut stats = PredictionStats::default();
    session.query(&sql, &values, &mut |mut columns| {
        let group = StatsGroup::read(&mut columns)?;
        stats.total.add(&group);
        match entry(&mut stats.models, &group.model) {
            Some(summary) => summary.add(&group),
            None => stats.other_models += group.predictions,
        }
        Ok(())
    })?;
    Ok(stats)
}

/// Where groups come from.
struct StatsSource {
    sql: String,
    values: Vec<SqlValue>,
}

fn from_rows(session: &mut dyn SqlSession, filter: &PredictionFilter) -> Result<StatsSource, DatabaseError> {
    let conditions = filter.conditions(filter.times(), session)?;
    Ok(StatsSource {
        sql: format!("SELECT {OF_ROWS} FROM predictions {}", conditions.sql()),
        values: conditions.values,
    })
}

/// From sums, and from rows at the ends of the range.
fn summed(session: &mut dyn SqlSession, filter: &PredictionFilter) -> Result<StatsSource, DatabaseError> {
    let places = session.places()?;
    let (spans, ends) = window_stats::parts_of(filter.times().bounds());
    let (mut parts, mut values) = (Vec::new(), Vec::new());
    let mut place = |value: i64| {
        values.push(value.into());
        format!("${}", values.len())
    };
    for WholeSpans { length, range } in spans {
        let (length, since, until) = (place(length), place(range.since), place(range.until));
        parts.push(format!(
            "SELECT {OF_SUMS} FROM window_stats WHERE length = {length} AND begins >= {since} AND begins < {until}"
        ));
    }
    for range in ends {
        let (since, until) = (place(range.since), place(range.until));
        let lies_there = places.condition(range).map_or_else(String::new, |condition| format!(" AND {condition}"));
        parts.push(format!(
            "SELECT {OF_ROWS} FROM predictions WHERE occurred_at >= {since} AND occurred_at < {until}{lies_there}"
        ));
    }
    Ok(StatsSource { sql: parts.join(" UNION ALL "), values })
}

/// Predictions that agree in model, status, label and error type.
struct StatsGroup {
    model: String,
    failed: bool,
    label: Option<String>,
    error_type: Option<String>,
    predictions: u64,
    defects: u64,
    confidence: RunningMean,
    latency: RunningMean,
    max_latency_seconds: Option<f64>,
    first: Timestamp,
    last: Timestamp,
}

impl StatsGroup {
    fn read(columns: &mut RowColumns) -> Result<Self, DatabaseError> {
        let mean = |columns: &mut RowColumns| {
            Ok(RunningMean { count: columns.count()?, sum: columns.opt_real()?.unwrap_or_default() })
        };
        Ok(Self {
            model: columns.text()?,
            failed: columns.integer()? != 0,
            label: columns.opt_text()?,
            error_type: columns.opt_text()?,
            predictions: columns.count()?,
            defects: columns.count()?,
            confidence: mean(columns)?,
            latency: mean(columns)?,
            max_latency_seconds: columns.opt_real()?,
            first: from_microseconds(columns.integer()?),
            last: from_microseconds(columns.integer()?),
        })
    }
}

impl PredictionSummary {
    fn add(&mut self, group: &StatsGroup) {
        self.predictions += group.predictions;
        self.defects += group.defects;
        self.mean_confidence = self.confidence.add(group.confidence);
        self.mean_latency_seconds = self.latency.add(group.latency);
        self.max_latency_seconds = match (self.max_latency_seconds, group.max_latency_seconds) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.first_occurred_at = Some(self.first_occurred_at.map_or(group.first, |first| first.min(group.first)));
        self.last_occurred_at = Some(self.last_occurred_at.map_or(group.last, |last| last.max(group.last)));
        if let Some(label) = &group.label {
            match entry(&mut self.labels, label) {
                Some(count) => *count += group.predictions,
                None => self.other_labels += group.predictions,
            }
        }
        if group.failed {
            self.errors += group.predictions;
            match entry(&mut self.error_types, group.error_type.as_deref().unwrap_or("unspecified")) {
                Some(count) => *count += group.predictions,
                None => self.other_error_types += group.predictions,
            }
        }
    }
}

/// A mean that can be added to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct RunningMean {
    count: u64,
    sum: f64,
}

impl RunningMean {
    /// Adds another and returns the mean of both, if there is anything.
    fn add(&mut self, other: Self) -> Option<f64> {
        self.count += other.count;
        self.sum += other.sum;
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// The value of `name`, made if there is still room.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, name: &str) -> Option<&'a mut T> {
    if !map.contains_key(name) {
        if map.len() >= MAX_NAMES {
            return None;
        }
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name)
}
