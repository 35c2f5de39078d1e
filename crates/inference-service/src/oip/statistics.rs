//! What has become of the predictions of a version since it was loaded, as the protocol's statistics.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use monitoring::ApiError;
use monitoring::prediction::{CountedTime, PredictionCounts, PredictionOutcome, PredictionPhase};
use serde::Serialize;
use utoipa::ToSchema;

use super::metadata::ModelMetadataJson;
use super::models;
use super::path::ModelPath;
use crate::app::App;
use crate::refusals::ModelRefusals;
use crate::serving::{LoadedVersion, ModelVersions};

/// The statistics of the versions that were asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelStatistics)]
pub(crate) struct StatisticsJson {
    model_stats: Vec<VersionStatistics>,
    /// The description of a model that is called `stats`, whose path this is, too.
    #[serde(flatten)]
    #[schema(ignore)]
    model: Option<ModelMetadataJson>,
}

/// The statistics of one version.
#[derive(Serialize, ToSchema)]
pub(super) struct VersionStatistics {
    pub(super) name: String,
    pub(super) version: String,
    /// When the last request ended, in milliseconds since 1970; 0 before the first.
    pub(super) last_inference: u64,
    /// Items that were answered.
    pub(super) inference_count: u64,
    /// Times that the model ran.
    pub(super) execution_count: u64,
    pub(super) inference_stats: InferenceDurations,
    /// Always empty: how long items take by how many ran together is measured only while a model is warmed up.
    #[schema(value_type = Vec<Object>)]
    batch_stats: [(); 0],
}

/// The durations of requests, and of their phases.
#[derive(Serialize, ToSchema)]
pub(super) struct InferenceDurations {
    pub(super) success: CountedDuration,
    pub(super) fail: CountedDuration,
    pub(super) queue: CountedDuration,
    pub(super) compute_input: CountedDuration,
    pub(super) compute_infer: CountedDuration,
    pub(super) compute_output: CountedDuration,
}

/// How often, and how long together.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(super) struct CountedDuration {
    pub(super) count: u64,
    /// Nanoseconds of all together.
    pub(super) ns: u64,
}

/// The statistics of this version, or of every version of the model, or of every model.
///
/// # Errors
/// `model_not_found` and `not_ready`.
pub(super) fn statistics(
    app: &App,
    model: Option<&str>,
    version: Option<&str>,
) -> Result<Vec<VersionStatistics>, ApiError> {
    let of = |loaded: &Arc<LoadedVersion>| VersionStatistics::of(loaded);
    let Some(model) = model else {
        let models = app.models.all();
        return Ok(models.iter().filter_map(|model| model.versions()).flat_map(ModelVersions::all).map(of).collect());
    };
    let model = app.models.find(Some(model))?;
    let asked = model.version(version)?;
    Ok(match (version, model.versions()) {
        (None, Some(versions)) => versions.all().map(of).collect(),
        _ => vec![of(asked)],
    })
}

impl VersionStatistics {
    fn of(loaded: &LoadedVersion) -> Self {
        let counted = loaded.metrics.counts();
        Self {
            name: loaded.engine.name().to_owned(),
            version: loaded.engine.version().to_owned(),
            last_inference: counted.last.map_or(0, milliseconds_since_1970),
            inference_count: counted.predictions,
            execution_count: counted.executions,
            inference_stats: InferenceDurations::of(&counted),
            batch_stats: [],
        }
    }
}

impl InferenceDurations {
    fn of(counted: &PredictionCounts) -> Self {
        Self {
            success: counted.requests(PredictionOutcome::Success).into(),
            fail: counted.requests(PredictionOutcome::Error).into(),
            queue: counted.phase(PredictionPhase::Queue).into(),
            compute_input: counted.phase(PredictionPhase::Decode).into(),
            compute_infer: counted.phase(PredictionPhase::Inference).into(),
            compute_output: counted.phase(PredictionPhase::Record).into(),
        }
    }
}

impl From<CountedTime> for CountedDuration {
    fn from(total: CountedTime) -> Self {
        Self { count: total.count, ns: total.nanoseconds }
    }
}

fn milliseconds_since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What has become of the predictions of every version of every model
///
/// Where a model is called `stats`, the answer also has the members of its description.
#[utoipa::path(
    get,
    path = "/v2/models/stats",
    operation_id = "statistics",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "The counts", body = StatisticsJson))
)]
pub(crate) async fn of_all(State(app): State<App>) -> Result<Json<StatisticsJson>, ApiError> {
    Ok(Json(StatisticsJson {
        model_stats: statistics(&app, None, None)?,
        model: models::described(&app, "stats", None).ok(),
    }))
}

/// What has become of the predictions of a model since it was loaded
#[utoipa::path(
    get,
    path = "/v2/models/{model}/stats",
    operation_id = "modelStatistics",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "The counts", body = StatisticsJson), ModelRefusals)
)]
pub(crate) async fn of_model(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
) -> Result<Json<StatisticsJson>, ApiError> {
    Ok(Json(StatisticsJson { model_stats: statistics(&app, Some(&path.model), path.version.as_deref())?, model: None }))
}
