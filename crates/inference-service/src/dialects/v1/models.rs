//! Which models there are, and whether they serve.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use monitoring::ApiError;
use pages::{prefers_page, redirect};
use serde::Serialize;
use utoipa::ToSchema;

use super::path::V1Path;
use crate::app::App;
use crate::refusals::ModelRefusals;

/// The answer of a process that runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct V1Server {
    status: &'static str,
}

/// The names of all models.
#[derive(Serialize, ToSchema)]
pub(crate) struct V1Models {
    models: Vec<String>,
}

/// A model that serves: `name` and `ready` as KServe has them, `model_version_status` as TensorFlow Serving.
#[derive(Serialize, ToSchema)]
pub(crate) struct V1Model {
    name: String,
    ready: bool,
    /// The versions that can be asked for, or the one that the path names.
    model_version_status: Vec<V1VersionStatus>,
}

/// A version that serves.
#[derive(Serialize, ToSchema)]
struct V1VersionStatus {
    version: String,
    state: &'static str,
    status: V1Status,
}

/// The answer where nothing is wrong.
#[derive(Serialize, ToSchema)]
struct V1Status {
    error_code: &'static str,
    error_message: &'static str,
}

/// Whether the process answers, as KServe's clients ask
///
/// A browser, which asks for `text/html`, is sent to the pages at `/ui`.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "v1Server",
    tag = "TensorFlow Serving and KServe V1",
    responses((status = 200, description = "It does", body = V1Server))
)]
pub(crate) async fn server(headers: HeaderMap) -> Response {
    if prefers_page(&headers) {
        return redirect("ui");
    }
    // Another client may be answered something else.
    let vary = [(header::VARY, HeaderValue::from_static("accept"))];
    (vary, Json(V1Server { status: "alive" })).into_response()
}

/// The names of all models
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "v1Models",
    tag = "TensorFlow Serving and KServe V1",
    responses((status = 200, description = "Every model of the repository", body = V1Models))
)]
pub(crate) async fn models(State(app): State<App>) -> Json<V1Models> {
    Json(V1Models { models: app.models.all().iter().map(|model| model.name.clone()).collect() })
}

/// Whether a model serves
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    operation_id = "v1Model",
    tag = "TensorFlow Serving and KServe V1",
    params(("model" = String, Path, description = "Name of the model", example = "cifar10")),
    responses((status = 200, description = "It does", body = V1Model), ModelRefusals)
)]
pub(crate) async fn model(State(app): State<App>, Path(path): Path<V1Path>) -> Result<Json<V1Model>, ApiError> {
    let model = app.models.find(Some(&path.model))?;
    model.engine(path.version.as_deref())?;
    let versions = path.version.map_or_else(|| model.version_names(), |version| vec![version]);
    let status = |version| V1VersionStatus {
        version,
        state: "AVAILABLE",
        status: V1Status { error_code: "OK", error_message: "" },
    };
    let model_version_status = versions.into_iter().map(status).collect();
    Ok(Json(V1Model { name: model.name.clone(), ready: true, model_version_status }))
}
