//! `GET /drift`: how far the models' input and answers have moved away from their references.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use jiff::Timestamp;
use monitoring::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

use super::model_window::{JudgedCounts, JudgedInterval, JudgedModels, WindowFacts, judge_models};
use super::parameters::TagParameters;
use super::window_query::WindowQuery;
use crate::analysis::{DriftReport, DriftRules, compare_by};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::store::time::from_microseconds;

/// The drift of each model's file in a window.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftAnswer {
    pub(crate) models: Vec<ModelDrift>,
    /// Files of models that are left out, because there are more than 1,000; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    /// The same in each interval, where they are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intervals: Vec<DriftInterval>,
}

/// The drift of the file that stands first, in one interval.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftInterval {
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Empty where the file was not used.
    models: Vec<ModelDrift>,
}

/// The drift of one model's file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelDrift {
    #[serde(flatten)]
    pub(crate) window: WindowFacts,
    /// Absent where there is no reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drift: Option<DriftReport>,
}

/// How far each model's input and answers lie from its reference
///
/// Each statistic stands beside the value that noise alone would reach.
#[utoipa::path(
    get,
    path = "/drift",
    operation_id = "drift",
    tag = "drift and quality",
    params(WindowQuery, TagParameters),
    responses((status = 200, description = "The models", body = DriftAnswer), QueryRefusals)
)]
pub(crate) async fn drift(State(app): State<App>, uri: Uri) -> Result<Json<DriftAnswer>, ApiError> {
    answer_of(&app, &uri).await.map(Json)
}

/// The judgement that a query asks for.
pub(crate) async fn answer_of(app: &App, uri: &Uri) -> Result<DriftAnswer, ApiError> {
    let judged = judge_models(&app.store, uri, |window, judged| ModelDrift { window, drift: report_of(judged) });
    let JudgedModels { models, left_out, intervals } = judged.await?;
    let intervals = intervals
        .into_iter()
        .map(|JudgedInterval { range, models }| DriftInterval {
            since: from_microseconds(range.since),
            until: from_microseconds(range.until),
            models,
        })
        .collect();
    Ok(DriftAnswer { models, left_out, intervals })
}

/// How far a window has moved from its reference, by the rules of its model and of its length.
pub(crate) fn report_of(judged: &JudgedCounts<'_>) -> Option<DriftReport> {
    let rules = DriftRules::watched(judged.seconds).of_model(judged.declaration);
    judged.reference.map(|reference| compare_by(&rules, reference, judged.counts))
}
