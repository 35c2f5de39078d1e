//! The Open Inference Protocol: what clients of Triton, KServe and others speak. Over HTTP it is `/v2/…`; [`grpc`] is
//! the same over gRPC.
//!
//! One request's way: [`infer`] → `json` (and tensors behind it) → `request` → `predict` → `output` → `response`.
//!
//! Rule of thumb: the protocol is another way to ask the same models. Metrics, log and prediction log tell of its
//! requests as they do of `POST /predict`.

mod elements;
pub(crate) mod grpc;
mod infer;
mod input;
mod json;
pub(crate) mod metadata;
mod output;
mod request;
mod response;
mod tensors;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use monitoring::{ApiError, ErrorCode, Routes};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::model::Engine;
use crate::status;

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
            .post(&format!("{model}/infer"), infer::infer);
    }
    routes
}

/// What stands in the path.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    model: String,
    version: Option<String>,
}

async fn server() -> Json<Value> {
    Json(json!({
        "name": crate::SERVICE,
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": metadata::EXTENSIONS,
    }))
}

async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// Ready when `GET /health/ready` says so, too. The protocol's text says `live` where its clients look for `ready`.
async fn ready(State(app): State<App>) -> Result<Json<Value>, ApiError> {
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

async fn metadata(State(app): State<App>, Path(asked): Path<Asked>) -> Result<Json<Value>, ApiError> {
    let engine = asked.engine(&app)?;
    let model = app.models.find(Some(&asked.model))?;
    Ok(Json(metadata::metadata(&engine, &model.version_names())))
}

async fn model_ready(State(app): State<App>, Path(asked): Path<Asked>) -> Result<Json<Value>, ApiError> {
    let engine = asked.engine(&app)?;
    Ok(Json(json!({ "name": engine.name(), "ready": true })))
}

async fn config(State(app): State<App>, Path(asked): Path<Asked>) -> Result<Json<Value>, ApiError> {
    let engine = asked.engine(&app)?;
    Ok(Json(metadata::config(&engine, app.config.max_batch())))
}

async fn index(State(app): State<App>) -> Json<Value> {
    Json(app.models.all().iter().flat_map(|model| metadata::index_entries(model)).collect())
}

impl Asked {
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
