//! `GET /stats`: counts and means of a range, and of its intervals.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::ApiError;
use prediction_record::Tags;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::intervals::{intervals, parse_length};
use super::parameters::{TagParameters, in_order, parse_tagged_query, refused, time};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::refusal::refusal;
use crate::store::time::{TimeRange, floor_microseconds, from_microseconds};
use crate::store::{PredictionFilter, PredictionStats, Store};

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
    report_of(&app.store, &uri).await.map(Json)
}

/// The counts and means that a query asks for.
pub(crate) async fn report_of(store: &Store, uri: &Uri) -> Result<StatsReport, ApiError> {
    let (mut query, tags): (StatsQuery, Tags) = parse_tagged_query(uri)?;
    query.resolve_window()?;
    in_order(query.since, query.until)?;
    let mut ranges = vec![(query.since, query.until)];
    if let Some(length) = query.interval_microseconds()? {
        let of_time = |time: i64| Some(from_microseconds(time));
        ranges.extend(query.intervals(length)?.iter().map(|range| (of_time(range.since), of_time(range.until))));
    }
    let of_range = |&(since, until)| PredictionFilter { since, until, tags: tags.clone(), ..<_>::default() };
    let found = store.stats_of_each(ranges.iter().map(of_range).collect()).await.map_err(refusal)?;
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

    fn intervals(&self, length: i64) -> Result<Vec<TimeRange>, ApiError> {
        let since = self.since.ok_or_else(|| refused("interval needs window or since"))?;
        let until = self.until.unwrap_or_else(Timestamp::now);
        intervals(TimeRange { since: floor_microseconds(since), until: floor_microseconds(until) }, length)
    }

    fn interval_microseconds(&self) -> Result<Option<i64>, ApiError> {
        self.interval.as_deref().map(parse_length).transpose()
    }
}
