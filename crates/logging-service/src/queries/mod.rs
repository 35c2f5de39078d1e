//! The questions that can be asked: `GET /predictions`, `/predictions/{event_id}`, `/stats`, `/export`, `/drift` and
//! `/quality`.
//!
//! Rule of thumb: a parameter that is not known is refused, for it would be a filter that does not filter.

mod drift;
mod export;
mod parameters;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::Status;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::export::ExportFormat;
use crate::refusal::refusal;
use crate::store::row::{floor_microseconds, from_microseconds};
use crate::store::{Filter, Page, Stats, StoredPrediction};

pub(crate) use drift::{drift, put_reference, quality, references, take_reference};
pub(crate) use export::export;
use parameters::{probability, query, refused, time, whole_number};

const DEFAULT_LIMIT: usize = 100;

/// The filters of `GET /predictions` and `/export`, the page of the one and the format of the other.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    model: Option<String>,
    version: Option<String>,
    label: Option<String>,
    status: Option<Status>,
    defect: Option<bool>,
    #[serde(default, deserialize_with = "time")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    until: Option<Timestamp>,
    #[serde(default, deserialize_with = "probability")]
    min_confidence: Option<f64>,
    #[serde(default, deserialize_with = "probability")]
    max_confidence: Option<f64>,
    request_id: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    limit: Option<usize>,
    cursor: Option<String>,
    /// Of an export only.
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

/// One page of predictions, newest first.
pub(crate) async fn predictions(State(app): State<App>, uri: Uri) -> Result<Json<Page>, ApiError> {
    let asked: Asked = query(&uri)?;
    if asked.format.is_some() {
        return Err(refused("format belongs to /export"));
    }
    let filter = asked.filter();
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    app.store.list(&filter, limit, asked.cursor.as_deref()).await.map(Json).map_err(refusal)
}

/// The prediction with this event id.
pub(crate) async fn prediction(
    State(app): State<App>,
    Path(event_id): Path<String>,
) -> Result<Json<StoredPrediction>, ApiError> {
    let event_id = Uuid::parse_str(&event_id)
        .map_err(|_| ApiError::new(ErrorCode::InvalidRequest, "The event_id in the path is not a UUID."))?;
    let found = app.store.get(event_id).await.map_err(refusal)?;
    found.map(Json).ok_or_else(|| ApiError::new(ErrorCode::NotFound, "There is no prediction with this event_id."))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatsAsked {
    #[serde(default, deserialize_with = "time")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    until: Option<Timestamp>,
    /// Instead of `since`: this long until now.
    window: Option<String>,
    /// Also by intervals of this length.
    interval: Option<String>,
}

/// Counts and means of a range, and of its intervals where they are asked for.
#[derive(Serialize)]
pub(crate) struct StatsAnswer {
    #[serde(flatten)]
    stats: Stats,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intervals: Vec<Interval>,
}

#[derive(Serialize)]
struct Interval {
    since: Timestamp,
    until: Timestamp,
    #[serde(flatten)]
    stats: Stats,
}

/// Intervals of one answer: a week of hours.
const MAX_INTERVALS: i64 = 168;

/// Counts and means, in total and by model.
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
