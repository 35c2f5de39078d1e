//! The questions that can be asked: `GET /predictions`, `/predictions/{event_id}`, `/stats`, `/export`, `/drift` and
//! `/quality`.
//!
//! Rule of thumb: a parameter that is not known is refused, for it would be a filter that does not filter.

pub(crate) mod drift;
pub(crate) mod export;
mod parameters;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::Status;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::export::ExportFormat;
use crate::openapi::{Asking, AskingForOne};
use crate::refusal::refusal;
use crate::store::row::{floor_microseconds, from_microseconds};
use crate::store::{Filter, Page, Stats, StoredPrediction};

pub(crate) use drift::{drift, put_reference, quality, references, take_reference};
pub(crate) use export::export;
use parameters::{probability, query, refused, time, whole_number};

const DEFAULT_LIMIT: usize = 100;

/// The filters of `GET /predictions` and `/export`, the page of the one and the format of the other.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Name of the model.
    model: Option<String>,
    /// Version of the model.
    version: Option<String>,
    /// The predicted label.
    label: Option<String>,
    /// How the prediction ended.
    #[param(inline)]
    status: Option<Status>,
    /// Whether it names a defect.
    defect: Option<bool>,
    /// The earliest `occurred_at`, inclusive.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The latest `occurred_at`, exclusive.
    #[serde(default, deserialize_with = "time")]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The lowest confidence, inclusive.
    #[serde(default, deserialize_with = "probability")]
    #[param(minimum = 0, maximum = 1)]
    min_confidence: Option<f64>,
    /// The highest confidence, inclusive.
    #[serde(default, deserialize_with = "probability")]
    #[param(minimum = 0, maximum = 1)]
    max_confidence: Option<f64>,
    /// The request that asked for the prediction.
    request_id: Option<String>,
    /// Predictions of one page; 100 if it is left out.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{32}$")]
    cursor: Option<String>,
    /// The format of an export; `ndjson` if it is left out.
    #[param(inline)]
    format: Option<ExportFormat>,
}

impl Asked {
    fn filter(&self) -> Filter {
        Filter {
            model: self.model.clone(),
            version: self.version.clone(),
            label: self.label.clone(),
            status: self.status,
            defect: self.defect,
            since: self.since,
            until: self.until,
            min_confidence: self.min_confidence,
            max_confidence: self.max_confidence,
            request_id: self.request_id.clone(),
        }
    }
}

/// One page of predictions, newest first
///
/// The filters of the query exclude what does not match all of them.
#[utoipa::path(
    get,
    path = "/predictions",
    operation_id = "predictions",
    tag = "questions",
    params(Asked),
    responses((status = 200, description = "The page", body = Page), Asking)
)]
pub(crate) async fn predictions(State(app): State<App>, uri: Uri) -> Result<Json<Page>, ApiError> {
    let asked: Asked = query(&uri)?;
    if asked.format.is_some() {
        return Err(refused("format belongs to /export"));
    }
    let filter = asked.filter();
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    app.store.list(&filter, limit, asked.cursor.as_deref()).await.map(Json).map_err(refusal)
}

/// The prediction with this event id
#[utoipa::path(
    get,
    path = "/predictions/{event_id}",
    operation_id = "prediction",
    tag = "questions",
    params(("event_id" = String, Path, format = "uuid", example = "01a204b7-5bcf-7210-9e53-fceee37a8b25")),
    responses((status = 200, description = "The prediction", body = StoredPrediction), AskingForOne)
)]
pub(crate) async fn prediction(
    State(app): State<App>,
    Path(event_id): Path<String>,
) -> Result<Json<StoredPrediction>, ApiError> {
    let event_id = Uuid::parse_str(&event_id)
        .map_err(|_| ApiError::new(ErrorCode::InvalidRequest, "The event_id in the path is not a UUID."))?;
    let found = app.store.get(event_id).await.map_err(refusal)?;
    found.map(Json).ok_or_else(|| ApiError::new(ErrorCode::NotFound, "There is no prediction with this event_id."))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatsAsked {
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
pub(crate) struct StatsAnswer {
    #[serde(flatten)]
    stats: Stats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intervals: Vec<Interval>,
}

#[derive(Serialize, ToSchema)]
struct Interval {
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    #[serde(flatten)]
    stats: Stats,
}

/// Intervals of one answer: a week of hours.
const MAX_INTERVALS: i64 = 168;

/// Counts and means, in total and by model
#[utoipa::path(
    get,
    path = "/stats",
    operation_id = "stats",
    tag = "questions",
    params(StatsAsked),
    responses((status = 200, description = "The counts", body = StatsAnswer), Asking)
)]
pub(crate) async fn stats(State(app): State<App>, uri: Uri) -> Result<Json<StatsAnswer>, ApiError> {
    let StatsAsked { mut since, mut until, window, interval } = query(&uri)?;
    if let Some(window) = window {
        if since.is_some() || until.is_some() {
            return Err(refused("window and since or until exclude each other"));
        }
        let now = Timestamp::now();
        since = Some(from_microseconds(floor_microseconds(now) - length(&window)?));
        until = Some(now);
    }
    let mut intervals = Vec::new();
    if let Some(interval) = interval {
        let (Some(since), length) = (since, length(&interval)?) else {
            return Err(refused("interval needs window or since"));
        };
        let (begin, end) = (floor_microseconds(since), floor_microseconds(until.unwrap_or_else(Timestamp::now)));
        if (end - begin + length - 1) / length > MAX_INTERVALS {
            return Err(refused(&format!("there would be more than {MAX_INTERVALS} intervals")));
        }
        let mut begin = begin;
        while begin < end {
            let (since, until) = (from_microseconds(begin), from_microseconds((begin + length).min(end)));
            let stats = app.store.stats(Some(since), Some(until)).await.map_err(refusal)?;
            intervals.push(Interval { since, until, stats });
            begin += length;
        }
    }
    let stats = app.store.stats(since, until).await.map_err(refusal)?;
    Ok(Json(StatsAnswer { stats, intervals }))
}

/// A length of time such as `90s`, `15m`, `24h` or `7d`, in microseconds.
fn length(text: &str) -> Result<i64, ApiError> {
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
