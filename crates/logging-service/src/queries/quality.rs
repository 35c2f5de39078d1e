//! `GET /quality`: how often the models were right, by the true labels.

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
use crate::analysis::{self, QualityReport};
use crate::app::App;
use crate::openapi::refusal_sets::QueryRefusals;
use crate::store::time::from_microseconds;

/// The quality of each model's file in a window.
#[derive(Serialize, ToSchema)]
pub(crate) struct QualityAnswer {
    pub(crate) models: Vec<ModelQuality>,
    /// Files of models that are left out, because there are more than 1,000; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    /// The same in each interval, where they are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    intervals: Vec<QualityInterval>,
}

/// The quality of the file that stands first, in one interval.
#[derive(Serialize, ToSchema)]
pub(crate) struct QualityInterval {
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Empty where the file was not used.
    models: Vec<ModelQuality>,
}

/// The quality of one model's file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelQuality {
    #[serde(flatten)]
    pub(crate) window: WindowFacts,
    pub(crate) quality: QualityReport,
}

/// How often each model was right, by the true labels
#[utoipa::path(
    get,
    path = "/quality",
    operation_id = "quality",
    tag = "drift and quality",
    params(WindowQuery, TagParameters),
    responses((status = 200, description = "The models", body = QualityAnswer), QueryRefusals)
)]
pub(crate) async fn quality(State(app): State<App>, uri: Uri) -> Result<Json<QualityAnswer>, ApiError> {
    answer_of(&app, &uri).await.map(Json)
}

/// The judgement that a query asks for.
pub(crate) async fn answer_of(app: &App, uri: &Uri) -> Result<QualityAnswer, ApiError> {
    let judged = judge_models(&app.store, uri, |window, judged| ModelQuality { window, quality: report_of(judged) });
    let JudgedModels { models, left_out, intervals } = judged.await?;
    let intervals = intervals
        .into_iter()
        .map(|JudgedInterval { range, models }| QualityInterval {
            since: from_microseconds(range.since),
            until: from_microseconds(range.until),
            models,
        })
        .collect();
    Ok(QualityAnswer { models, left_out, intervals })
}

/// How often a model was right, by what is declared about it.
pub(crate) fn report_of(judged: &JudgedCounts<'_>) -> QualityReport {
    match judged.declaration {
        Some(declared) => analysis::quality_by(declared, judged.counts, judged.reference),
        None => analysis::quality(judged.counts, judged.reference),
    }
}
