//! The repository: its index, and loading and unloading models, which administrators do at a listener of their own.
//!
//! Rule of thumb: a model is loaded as its folder says. A request that would change anything of that is refused.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use monitoring::{ApiError, ErrorCode, discard_body, read_body};
use prediction_record::read_json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use super::path::ModelPath;
use super::refusal::invalid;
use crate::app::App;
use crate::refusals::OrderRefusals;
use crate::serving::{LoadedVersion, Model, ModelState};

/// The state of a version that serves.
pub(super) const READY: &str = "READY";
/// Most bytes of an order.
const MAX_ORDER_BYTES: usize = 64 * 1024;
pub(super) const ELSEWHERE: &str =
    "Models are loaded and unloaded at the listener for administrators only, over HTTP; --admin-listen opens it.";

/// One version of a model in the repository's index, or a model that does not serve.
#[derive(Serialize, ToSchema)]
#[schema(as = RepositoryIndexEntry)]
pub(crate) struct IndexEntry {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) version: Option<String>,
    /// `READY` or `UNAVAILABLE`.
    #[schema(value_type = String, pattern = "^(READY|UNAVAILABLE)$")]
    pub(super) state: &'static str,
    pub(super) reason: String,
}

impl IndexEntry {
    /// A model's lines in the index: one for each version that can be asked for.
    pub(super) fn all_of(model: &Model) -> Vec<Self> {
        let entry =
            |version, state, reason: &str| Self { name: model.name.clone(), version, state, reason: reason.to_owned() };
        let unavailable = |reason| vec![entry(None, "UNAVAILABLE", reason)];
        match &model.state {
            ModelState::Loading => unavailable("it is loading"),
            ModelState::Failed(problem) => unavailable(problem),
            ModelState::Unloaded => unavailable("unloaded"),
            ModelState::Ready(versions) => {
                let reason = versions.problem.as_deref().unwrap_or_default();
                let version = |loaded: &Arc<LoadedVersion>| Some(loaded.engine.version().to_owned());
                versions.all().map(|loaded| entry(version(loaded), READY, reason)).collect()
            }
        }
    }
}

/// The models, their versions and states
///
/// The body is not looked at.
#[utoipa::path(
    post,
    path = "/v2/repository/index",
    operation_id = "repositoryIndex",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "Every version that can be asked for", body = Vec<IndexEntry>))
)]
pub(crate) async fn index(State(app): State<App>, headers: HeaderMap, body: Body) -> Json<Vec<IndexEntry>> {
    // A body that is still to come when the answer is written costs the connection, and the next request with it.
    discard_body(&headers, body).await;
    Json(app.models.all().iter().flat_map(|model| IndexEntry::all_of(model)).collect())
}

/// Answers an order at the listener that is open to everybody.
pub(super) async fn refuse_order(headers: HeaderMap, body: Body) -> ApiError {
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
        (status = 200, description = "Its lines of the index", body = Vec<IndexEntry>),
        OrderRefusals
    )
)]
pub(crate) async fn load(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<IndexEntry>>, ApiError> {
    let RepositoryOrder { parameters } = order(&app, &headers, body).await?;
    if let Some(parameter) = parameters.keys().next() {
        return Err(invalid(format!("A model is loaded as its folder says; \"{parameter}\" cannot be given.")));
    }
    let loading = spawn_blocking(move || app.models.load(&path.model));
    let model = loading.await.map_err(ApiError::internal)??;
    Ok(Json(IndexEntry::all_of(&model)))
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
        (status = 200, description = "Its lines of the index", body = Vec<IndexEntry>),
        OrderRefusals
    )
)]
pub(crate) async fn unload(
    State(app): State<App>,
    Path(path): Path<ModelPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<IndexEntry>>, ApiError> {
    // Clients may ask for the models that depend on this one to be unloaded as well; there are none.
    order(&app, &headers, body).await?;
    let unloading = spawn_blocking(move || app.models.unload(&path.model));
    let model = unloading.await.map_err(ApiError::internal)??;
    Ok(Json(IndexEntry::all_of(&model)))
}

async fn order(app: &App, headers: &HeaderMap, body: Body) -> Result<RepositoryOrder, ApiError> {
    let body = read_body(&app.room, headers, body, MAX_ORDER_BYTES).await?;
    if body.trim_ascii().is_empty() {
        return Ok(RepositoryOrder::default());
    }
    read_json(&body).map_err(|problem| invalid(format!("The body is not the JSON of an order: {problem}")))
}
