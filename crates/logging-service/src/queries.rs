//! The questions that can be asked: `GET /predictions`, `/predictions/{event_id}` and `/stats`.

use std::str::FromStr;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::Status;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use uuid::Uuid;

use crate::app::App;
use crate::refusal::refusal;
use crate::store::{Filter, Page, Stats, StoredPrediction};

const DEFAULT_LIMIT: usize = 100;

/// The filters and the page of `GET /predictions`.
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
}

/// One page of predictions, newest first.
pub(crate) async fn predictions(State(app): State<App>, uri: Uri) -> Result<Json<Page>, ApiError> {
    let asked: Asked = query(&uri)?;
    let filter = Filter {
        model: asked.model,
        version: asked.version,
        label: asked.label,
        status: asked.status,
        defect: asked.defect,
        since: asked.since,
        until: asked.until,
        min_confidence: asked.min_confidence,
        max_confidence: asked.max_confidence,
        request_id: asked.request_id,
    };
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
struct Window {
    #[serde(default, deserialize_with = "time")]
    since: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    until: Option<Timestamp>,
}

/// Counts and means, in total and by model.
pub(crate) async fn stats(State(app): State<App>, uri: Uri) -> Result<Json<Stats>, ApiError> {
    let Window { since, until } = query(&uri)?;
    app.store.stats(since, until).await.map(Json).map_err(refusal)
}

fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, ApiError> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|problem| {
        let problem = problem.body_text();
        let problem = problem.strip_prefix("Failed to deserialize query string: ").unwrap_or(&problem);
        ApiError::new(ErrorCode::InvalidRequest, format!("The query cannot be read: {problem}."))
    })
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    // A plus sign in a query stands for a space, which is what most who meet this refusal have met.
    parsed(deserializer, |_| true, "expected a time such as 2026-03-01T12:30:00Z; the + of an offset is written %2B")
}

fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    parsed(deserializer, |number| (0.0..=1.0).contains(number), "expected a number from 0 to 1")
}

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    parsed(deserializer, |_| true, "expected a whole number")
}

/// Reads a parameter that is there, or says what was expected.
fn parsed<'de, T: FromStr, D: Deserializer<'de>>(
    deserializer: D,
    valid: impl Fn(&T) -> bool,
    expected: &str,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let value = text.parse().ok().filter(valid).ok_or_else(|| D::Error::custom(expected))?;
    Ok(Some(value))
}
