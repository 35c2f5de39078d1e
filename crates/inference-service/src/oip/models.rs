//! One model: what it takes and gives, and whether it serves.

use axum::Json;
use axum::extract::{Path, State};
use monitoring::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

use super::metadata::{ModelConfigJson, ModelMetadataJson};
use super::path::ModelPath;
use crate::app::App;
use crate::refusals::ModelRefusals;

/// A model that serves.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelReady)]
pub(crate) struct ModelReadyJson {
    name: String,
    ready: bool,
}

/// Names, datatypes and shapes of what a model takes and gives
#[utoipa::path(
    get,
    path = "/v2/models/{model}",
    operation_id = "modelMetadata",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "The model", body = ModelMetadataJson), ModelRefusals)
)]
pub(crate) async fn metadata(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
) -> Result<Json<ModelMetadataJson>, ApiError> {
    described(&app, &path.model, path.version.as_deref()).map(Json)
}

/// The description of a model.
///
/// # Errors
/// `model_not_found` and `not_ready`.
pub(super) fn described(app: &App, model: &str, version: Option<&str>) -> Result<ModelMetadataJson, ApiError> {
    let model = app.models.find(Some(model))?;
    Ok(ModelMetadataJson::new(model.engine(version)?, model.version_names()))
}

/// Whether a model serves
#[utoipa::path(
    get,
    path = "/v2/models/{model}/ready",
    operation_id = "modelReady",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "It does", body = ModelReadyJson), ModelRefusals)
)]
pub(crate) async fn ready(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
) -> Result<Json<ModelReadyJson>, ApiError> {
    let engine = path.engine(&app)?;
    Ok(Json(ModelReadyJson { name: engine.name().to_owned(), ready: true }))
}

/// The same as its metadata, for one item, with the largest batch
#[utoipa::path(
    get,
    path = "/v2/models/{model}/config",
    operation_id = "modelConfig",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "The model", body = ModelConfigJson), ModelRefusals)
)]
pub(crate) async fn config(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
) -> Result<Json<ModelConfigJson>, ApiError> {
    let engine = path.engine(&app)?;
    Ok(Json(ModelConfigJson::new(&engine, app.config.max_batch())))
}
