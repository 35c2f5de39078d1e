//! Loading and unloading models, which administrators do at a listener of their own.
//!
//! Rule of thumb: a model is loaded as its folder says. What a request would change of it is refused.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode, Routes, discard_body, read_body};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::{ModelPath, index, invalid, metadata};
use crate::app::App;
use crate::refusals::OrderRefusals;

/// Most bytes of an order.
const MAX_ORDER_BYTES: usize = 64 * 1024;
pub(super) const ELSEWHERE: &str =
    "Models are loaded and unloaded at the listener for administrators only, over HTTP; --admin-listen opens it.";

/// What administrators ask.
pub(crate) fn admin_routes() -> Routes<App> {
    Routes::new()
        .post("/v2/repository/index", index)
        .post("/v2/repository/models/{model}/load", load)
        .post("/v2/repository/models/{model}/unload", unload)
}

/// The same routes where everybody asks.
pub(super) fn refusing_routes() -> Routes<App> {
    Routes::new()
        .post("/v2/repository/models/{model}/load", elsewhere)
        .post("/v2/repository/models/{model}/unload", elsewhere)
}

async fn elsewhere(headers: HeaderMap, body: Body) -> ApiError {
    discard_body(&headers, body).await;
    ApiError::new(ErrorCode::NotFound, ELSEWHERE)
}

/// What an order says beyond the model's name.
#[derive(Default, Deserialize, ToSchema)]
struct RepositoryOrder {
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

/// Loads a model as its folder says
///
/// Answers when it serves. At the listener for administrators only (`--admin-listen`); elsewhere this is 404.
#[utoipa::path(
    post,
    path = "/v2/repository/models/{model}/load",
    operation_id = "loadModel",
    tag = "administration",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    request_body(content = Option<RepositoryOrder>, description = "An order, or nothing"),
    responses(
        (status = 200, description = "Its lines of the index", body = ref("#/components/schemas/RepositoryIndex")),
        OrderRefusals
    )
)]
pub(crate) async fn load(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Value>>, ApiError> {
    let RepositoryOrder { parameters } = order(&headers, body).await?;
    if let Some(parameter) = parameters.keys().next() {
        return Err(invalid(format!("A model is loaded as its folder says; {parameter:?} cannot be given.")));
    }
    let loading = spawn_blocking(move || app.models.load(&path.model));
    let model = loading.await.map_err(ApiError::internal)??;
    Ok(Json(metadata::index_entries(&model)))
}

/// Unloads a model
///
/// Answers when no new request gets to it. At the listener for administrators only (`--admin-listen`); elsewhere this is
/// 404.
#[utoipa::path(
    post,
    path = "/v2/repository/models/{model}/unload",
    operation_id = "unloadModel",
    tag = "administration",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    request_body(content = Option<RepositoryOrder>, description = "An order, or nothing"),
    responses(
        (status = 200, description = "Its lines of the index", body = ref("#/components/schemas/RepositoryIndex")),
        OrderRefusals
    )
)]
pub(crate) async fn unload(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Value>>, ApiError> {
    // Clients say here that models which need this one be unloaded, too; there are none.
    order(&headers, body).await?;
    let unloading = spawn_blocking(move || app.models.unload(&path.model));
    let model = unloading.await.map_err(ApiError::internal)??;
    Ok(Json(metadata::index_entries(&model)))
}

async fn order(headers: &HeaderMap, body: Body) -> Result<RepositoryOrder, ApiError> {
    let body = read_body(headers, body, MAX_ORDER_BYTES).await?;
    if body.trim_ascii().is_empty() {
        return Ok(RepositoryOrder::default());
    }
    serde_json::from_slice(&body).map_err(|problem| invalid(format!("The body is not the JSON of an order: {problem}")))
}
