//! What has become of the predictions of a version since it was loaded, as the protocol's statistics.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Path, State};
use monitoring::ApiError;
use monitoring::prediction::{CountedTime, PredictionCounts, PredictionOutcome, PredictionPhase};
use serde_json::{Value, json};

use super::ModelPath;
use crate::app::App;
use crate::refusals::ModelRefusals;
use crate::serving::{LoadedVersion, ModelVersions};

/// The statistics of one version.
pub(super) struct VersionStatistics {
    pub(super) model: String,
    pub(super) version: String,
    counted: PredictionCounts,
}

/// Those of this version, or of every version of the model, or of every model.
///
/// # Errors
/// `model_not_found` and `not_ready`.
pub(super) fn statistics(
    app: &App,
    model: Option<&str>,
    version: Option<&str>,
) -> Result<Vec<VersionStatistics>, ApiError> {
    let of = |loaded: &Arc<LoadedVersion>| VersionStatistics {
        model: loaded.engine.name().to_owned(),
        version: loaded.engine.version().to_owned(),
        counted: loaded.metrics.counts(),
    };
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
    /// Items that were answered, and times that the model ran.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.counted.predictions, self.counted.executions)
    }

    /// When the last request ended, in milliseconds since 1970; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        let since = |last: SystemTime| last.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.counted.last.map_or(0, |last| u64::try_from(since(last)).unwrap_or(u64::MAX))
    }

    /// The durations of requests, in the order of the protocol's message.
    pub(super) fn durations(&self) -> [(&'static str, CountedTime); 6] {
        [
            ("success", self.counted.requests(PredictionOutcome::Success)),
            ("fail", self.counted.requests(PredictionOutcome::Error)),
            ("queue", self.counted.phase(PredictionPhase::Queue)),
            ("compute_input", self.counted.phase(PredictionPhase::Decode)),
            ("compute_infer", self.counted.phase(PredictionPhase::Inference)),
            ("compute_output", self.counted.phase(PredictionPhase::Record)),
        ]
    }
}

/// What has become of the predictions of every version of every model
#[utoipa::path(
    get,
    path = "/v2/models/stats",
    operation_id = "statistics",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "The counts", body = ref("#/components/schemas/ModelStatistics")))
)]
pub(crate) async fn of_all(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    statistics(&app, None, None).map(written)
}

/// What has become of the predictions of a model since it was loaded
#[utoipa::path(
    get,
    path = "/v2/models/{model}/stats",
    operation_id = "modelStatistics",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses(
        (status = 200, description = "The counts", body = ref("#/components/schemas/ModelStatistics")),
        ModelRefusals
    )
)]
pub(crate) async fn of_model(State(app): State<App>, Path(path): Path<ModelPath>) -> Result<Json<Value>, ApiError> {
    statistics(&app, Some(&path.model), path.version.as_deref()).map(written)
}

fn written(statistics: Vec<VersionStatistics>) -> Json<Value> {
    let total = |(name, total): (&str, CountedTime)| {
        (name.to_owned(), json!({ "count": total.count, "ns": total.nanoseconds }))
    };
    let one = |it: VersionStatistics| {
        let (inferences, executions) = it.counts();
        json!({
            "name": it.model,
            "version": it.version,
            "last_inference": it.last(),
            "inference_count": inferences,
            "execution_count": executions,
            "inference_stats": Value::Object(it.durations().into_iter().map(total).collect()),
            "batch_stats": [],
        })
    };
    Json(json!({ "model_stats": statistics.into_iter().map(one).collect::<Value>() }))
}
