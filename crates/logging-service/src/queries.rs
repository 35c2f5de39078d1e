//! The questions that can be asked: `GET /predictions`, `/predictions/{event_id}` and `/stats`.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    min_confidence: Option<f64>,
    max_confidence: Option<f64>,
    request_id: Option<String>,
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
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Counts and means, in total and by model.
pub(crate) async fn stats(State(app): State<App>, uri: Uri) -> Result<Json<Stats>, ApiError> {
    let Window { since, until } = query(&uri)?;
    app.store.stats(since, until).await.map(Json).map_err(refusal)
}

fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, ApiError> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|problem| {
        ApiError::new(ErrorCode::InvalidRequest, format!("The query cannot be read: {}.", problem.body_text()))
    })
}
