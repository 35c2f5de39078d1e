//! `GET /predictions` and `GET /predictions/{event_id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::{ApiError, ErrorCode};
use prediction_record::{Status, Tags};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::parameters::{TagParameters, in_order, parse_tagged_query, probability, refused, time, whole_number};
use crate::app::App;
use crate::export::ExportFormat;
use crate::openapi::refusal_sets::{LookupRefusals, QueryRefusals};
use crate::refusal::refusal;
use crate::store::{PredictionFilter, PredictionPage, StoredPrediction};

/// Predictions of one page where the query names no limit.
const DEFAULT_LIMIT: usize = 100;

/// The filters of `GET /predictions` and `/export`, the page of the former and the format of the latter.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PredictionsQuery {
    /// Name of the model.
    model: Option<String>,
    /// Version of the model.
    version: Option<String>,
    /// The predicted label; of a number, in any spelling: `1`, `1.0`.
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
    /// Whether a true label is counted for it. Not of exports, whose rows may lie in the lake.
    pub(super) labelled: Option<bool>,
    /// Predictions of one page; 100 if it is left out.
    #[serde(default, deserialize_with = "whole_number")]
    #[param(minimum = 1, maximum = 1000)]
    pub(super) limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{32}$")]
    pub(super) cursor: Option<String>,
    /// The format of an export; `ndjson` if it is left out.
    #[param(inline)]
    pub(super) format: Option<ExportFormat>,
    /// Whether a CSV file may be opened in a spreadsheet: a text that a spreadsheet would execute (`=…`, `+…`, `-…`, `@…`) gets
    /// an apostrophe in front of it.
    pub(super) safe: Option<bool>,
}

impl PredictionsQuery {
    /// The part that says which predictions are meant.
    ///
    /// # Errors
    /// A range that ends before it begins.
    pub(super) fn filter(&self, tags: Tags) -> Result<PredictionFilter, ApiError> {
        in_order(self.since, self.until)?;
        if let (Some(least), Some(greatest)) = (self.min_confidence, self.max_confidence)
            && least > greatest
        {
            return Err(refused(&format!(
                "min_confidence ({least}) is above max_confidence ({greatest}); exchange them"
            )));
        }
        Ok(PredictionFilter {
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
            labelled: self.labelled,
            tags,
        })
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
    params(PredictionsQuery, TagParameters),
    responses((status = 200, description = "The page", body = PredictionPage), QueryRefusals)
)]
pub(crate) async fn predictions(State(app): State<App>, uri: Uri) -> Result<Json<PredictionPage>, ApiError> {
    page_of(&app, &uri).await.map(Json)
}

/// The page that a query asks for.
pub(crate) async fn page_of(app: &App, uri: &Uri) -> Result<PredictionPage, ApiError> {
    let (query, tags): (PredictionsQuery, Tags) = parse_tagged_query(uri)?;
    if query.format.is_some() || query.safe.is_some() {
        return Err(refused("format and safe belong to /export"));
    }
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    app.store.list_with_labels(&query.filter(tags)?, limit, query.cursor.as_deref()).await.map_err(refusal)
}

/// The prediction with this event id
#[utoipa::path(
    get,
    path = "/predictions/{event_id}",
    operation_id = "prediction",
    tag = "questions",
    params(("event_id" = String, Path, format = "uuid", example = "01a204b7-5bcf-7210-9e53-fceee37a8b25")),
    responses((status = 200, description = "The prediction", body = StoredPrediction), LookupRefusals)
)]
pub(crate) async fn prediction(
    State(app): State<App>,
    Path(event_id): Path<String>,
) -> Result<Json<StoredPrediction>, ApiError> {
    one_of(&app, &event_id).await.map(Json)
}

/// The prediction with this event id.
pub(crate) async fn one_of(app: &App, event_id: &str) -> Result<StoredPrediction, ApiError> {
    let event_id = Uuid::parse_str(event_id)
        .map_err(|_| ApiError::new(ErrorCode::InvalidRequest, "The event_id in the path is not a UUID."))?;
    let found = app.store.get(event_id).await.map_err(refusal)?;
    found.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "There is no prediction with this event_id."))
}
