//! `GET /stats`: counts and means of a range, and of its intervals.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::Tags;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::parameters::{TagParameters, in_order, parse_tagged_query, refused, time};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::refusal::refusal;
use crate::store::time::{floor_microseconds, from_microseconds};
use crate::store::{PredictionFilter, PredictionStats};

/// The most intervals of one answer: a week of hours.
const MAX_INTERVALS: i64 = 168;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// The earliest `occurred_at`, inclusive.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The latest `occurred_at`, exclusive.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Instead of `since`: this long until now.
    #[param(pattern = "^[1-9][0-9]{0,4}[smhd]$", example = "24h")]
    window: Option<String>,
    /// Also by intervals of this length, at most 168 of them.
    #[param(pattern = "^[1-9][0-9]{0,4}[smhd]$", example = "1h")]
    interval: Option<String>,
}

/// Counts and means of a range, and of its intervals where they are asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsReport {
    #[serde(flatten)]
    pub(crate) stats: PredictionStats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) intervals: Vec<StatsInterval>,
}

/// Counts and means of one interval.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsInterval {
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    #[serde(flatten)]
    pub(crate) stats: PredictionStats,
}

/// Counts and means, in total and by model
#[utoipa::path(
    get,
    path = "/stats",
    operation_id = "stats",
    tag = "questions",
    params(StatsQuery, TagParameters),
    responses((status = 200, description = "The counts", body = StatsReport), QueryRefusals)
)]
pub(crate) async fn stats(State(app): State<App>, uri: Uri) -> Result<Json<StatsReport>, ApiError> {
    report_of(&app, &uri).await.map(Json)
}

/// The counts and means that a query asks for.
pub(crate) async fn report_of(app: &App, uri: &Uri) -> Result<StatsReport, ApiError> {
    let (mut query, tags): (StatsQuery, Tags) = parse_tagged_query(uri)?;
    query.resolve_window()?;
    in_order(query.since, query.until)?;
    let mut ranges = vec![(query.since, query.until)];
    if let Some(length) = query.interval_microseconds()? {
        ranges.extend(intervals(&query, length)?.into_iter().map(|(since, until)| (Some(since), Some(until))));
    }
    let of_range = |&(since, until)| PredictionFilter { since, until, tags: tags.clone(), ..<_>::default() };
    let found = app.store.stats_of_each(ranges.iter().map(of_range).collect()).await.map_err(refusal)?;
    let mut found = ranges.into_iter().zip(found);
    let stats = found.next().map(|(_, stats)| stats).unwrap_or_default();
    let interval = |((since, until), stats)| Some(StatsInterval { since: since?, until: until?, stats });
    Ok(StatsReport { stats, intervals: found.filter_map(interval).collect() })
}

impl StatsQuery {
    /// Turns a window that ends now into its `since` and `until`.
    fn resolve_window(&mut self) -> Result<(), ApiError> {
        let Some(window) = &self.window else { return Ok(()) };
        if self.since.is_some() || self.until.is_some() {
            return Err(refused("window and since or until exclude each other"));
        }
        let now = Timestamp::now();
        self.since = Some(from_microseconds(floor_microseconds(now) - parse_length(window)?));
        self.until = Some(now);
        Ok(())
    }

    fn interval_microseconds(&self) -> Result<Option<i64>, ApiError> {
        self.interval.as_deref().map(parse_length).transpose()
    }
}

/// The intervals of so many microseconds; the last one may be shorter.
fn intervals(query: &StatsQuery, length: i64) -> Result<Vec<(Timestamp, Timestamp)>, ApiError> {
    let Some(since) = query.since else { return Err(refused("interval needs window or since")) };
    let mut begin = floor_microseconds(since);
    let end = floor_microseconds(query.until.unwrap_or_else(Timestamp::now));
    if (end - begin + length - 1) / length > MAX_INTERVALS {
        return Err(refused(&format!("there would be more than {MAX_INTERVALS} intervals")));
    }
    let mut intervals = Vec::new();
    while begin < end {
        let since = from_microseconds(begin);
        begin += length;
        intervals.push((since, from_microseconds(begin.min(end))));
    }
    Ok(intervals)
}

/// A length of time such as `90s`, `15m`, `24h` or `7d`, in microseconds.
fn parse_length(text: &str) -> Result<i64, ApiError> {
    let expected = || refused("expected a length of time such as 90s, 15m, 24h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(expected()),
    };
    let number: i64 = number.parse().map_err(|_| expected())?;
    number.checked_mul(seconds * 1_000_000).filter(|length| (1..=i64::MAX / 1000).contains(length)).ok_or_else(expected)
}
