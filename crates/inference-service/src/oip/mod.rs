//! The Open Inference Protocol: what clients of Triton, KServe and others speak. Over HTTP it is `/v2/…`; [`grpc`] is
//! the same over gRPC.
//!
//! One request's way: [`infer`] → `json` (and tensors behind it) → `request` → `predict` → `output` → `response`.
//!
//! Rule of thumb: the protocol is another way to ask the same models. Metrics, log and prediction log tell of its
//! requests as they do of `POST /predict`.

mod elements;
pub(crate) mod grpc;
pub(crate) mod infer;
mod input;
mod json;
pub(crate) mod metadata;
mod output;
pub(crate) mod repository;
mod request;
mod response;
pub(crate) mod statistics;
mod tensors;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use monitoring::{ApiError, ErrorCode, Routes};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, SERVICE};
use crate::model::Engine;
use crate::refusals::{ModelRefusals, ProbeRefusals};
use crate::status;
pub(crate) use repository::admin_routes;

/// Everything under `/v2`.
pub(crate) fn routes() -> Routes<App> {
    let mut routes = Routes::new()
        .get("/v2", server)
        .get("/v2/health/live", live)
        .get("/v2/health/ready", ready)
        .post("/v2/repository/index", index);
    for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        routes = routes
            .get(model, metadata)
            .get(&format!("{model}/ready"), model_ready)
            .get(&format!("{model}/config"), config)
            .get(&format!("{model}/stats"), statistics::of_model)
            .post(&format!("{model}/infer"), infer::infer);
    }
    routes.get("/v2/models/stats", statistics::of_all).merge(repository::refusing_routes())
}

/// The model that a path names.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelPath {
    model: String,
    version: Option<String>,
}

/// Name, version and extensions of the server
#[utoipa::path(
    get,
    path = "/v2",
    operation_id = "serverMetadata",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "The server", body = ref("#/components/schemas/ServerMetadata")))
)]
pub(crate) async fn server() -> Json<Value> {
    Json(json!({
        "name": SERVICE,
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": metadata::EXTENSIONS,
    }))
}

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/v2/health/live",
    operation_id = "serverLive",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "It does", body = ref("#/components/schemas/ServerLive")))
)]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// Whether the service takes predictions
///
/// The protocol's text says `live` where its clients look for `ready`, so both are there.
#[utoipa::path(
    get,
    path = "/v2/health/ready",
    operation_id = "serverReady",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "It does", body = ref("#/components/schemas/ServerReady")), ProbeRefusals)
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    if is_ready(&app) {
        return Ok(Json(json!({ "ready": true, "live": true })));
    }
    let mut refusal = ApiError::new(ErrorCode::NotReady, "The service is not ready; GET /health says why.");
    // As with `GET /health`, what a probe learns was logged where it happened.
    refusal.logged = true;
    Err(refusal.retry_after(1.0).detail("ready", false).detail("live", false))
}

fn is_ready(app: &App) -> bool {
    app.readiness.is_ready() && status::health(app).problem.is_none()
}

/// In messages, what is not named is empty.
fn named(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Names, datatypes and shapes of what a model takes and gives
#[utoipa::path(
    get,
    path = "/v2/models/{model}",
    operation_id = "modelMetadata",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "The model", body = ref("#/components/schemas/ModelMetadata")), ModelRefusals)
)]
pub(crate) async fn metadata(State(app): State<App>, Path(path): Path<ModelPath>) -> Result<Json<Value>, ApiError> {
    let engine = path.engine(&app)?;
    let model = app.models.find(Some(&path.model))?;
    Ok(Json(metadata::metadata(&engine, &model.version_names())))
}

/// Whether a model serves
#[utoipa::path(
    get,
    path = "/v2/models/{model}/ready",
    operation_id = "modelReady",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "It does", body = ref("#/components/schemas/ModelReady")), ModelRefusals)
)]
pub(crate) async fn model_ready(State(app): State<App>, Path(path): Path<ModelPath>) -> Result<Json<Value>, ApiError> {
    let engine = path.engine(&app)?;
    Ok(Json(json!({ "name": engine.name(), "ready": true })))
}

/// The same as its metadata, for one item, with the largest batch
#[utoipa::path(
    get,
    path = "/v2/models/{model}/config",
    operation_id = "modelConfig",
    tag = "Open Inference Protocol",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "The model", body = ref("#/components/schemas/ModelConfig")), ModelRefusals)
)]
pub(crate) async fn config(State(app): State<App>, Path(path): Path<ModelPath>) -> Result<Json<Value>, ApiError> {
    let engine = path.engine(&app)?;
    Ok(Json(metadata::config(&engine, app.config.max_batch())))
}

/// The models, their versions and states
///
/// The body is not looked at.
#[utoipa::path(
    post,
    path = "/v2/repository/index",
    operation_id = "repositoryIndex",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "Every version that can be asked for", body = ref("#/components/schemas/RepositoryIndex")))
)]
pub(crate) async fn index(State(app): State<App>) -> Json<Value> {
    Json(app.models.all().iter().flat_map(|model| metadata::index_entries(model)).collect())
}

impl ModelPath {
    fn engine(&self, app: &App) -> Result<Arc<Engine>, ApiError> {
        app.models.find(Some(&self.model))?.engine(self.version.as_deref()).cloned()
    }
}

fn invalid(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, sentence)
}

fn unfit(sentence: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, sentence)
}
