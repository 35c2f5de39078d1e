//! The server as a whole: its name, and whether it is alive and ready.

use axum::Json;
use axum::extract::State;
use monitoring::{ApiError, ErrorCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, SERVICE};
use crate::refusals::ProbeRefusals;
use crate::status;

/// What this service can do beyond the protocol's core.
pub(super) const EXTENSIONS: [&str; 5] =
    ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"];

/// The server, and what it can do beyond the protocol's core.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    #[schema(value_type = Vec<String>)]
    extensions: [&'static str; 5],
}

/// Whether the process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerLive {
    live: bool,
}

/// Whether the service takes predictions. The protocol's text says `live` where its clients look for `ready`, so both are
/// there.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerReady {
    ready: bool,
    live: bool,
}

/// Name, version and extensions of the server
#[utoipa::path(
    get,
    path = "/v2",
    operation_id = "serverMetadata",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "The server", body = ServerMetadata))
)]
pub(crate) async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata { name: SERVICE, version: env!("CARGO_PKG_VERSION"), extensions: EXTENSIONS })
}

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/v2/health/live",
    operation_id = "serverLive",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "It does", body = ServerLive))
)]
pub(crate) async fn live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// Whether the service takes predictions
///
/// The protocol's text says `live` where its clients look for `ready`, so both are there.
#[utoipa::path(
    get,
    path = "/v2/health/ready",
    operation_id = "serverReady",
    tag = "Open Inference Protocol",
    responses((status = 200, description = "It does", body = ServerReady), ProbeRefusals)
)]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<ServerReady>, ApiError> {
    if is_ready(&app) {
        return Ok(Json(ServerReady { ready: true, live: true }));
    }
    let mut refusal = ApiError::new(ErrorCode::NotReady, "The service is not ready; GET /health says why.");
    // As with `GET /health`, what a probe learns was logged where it happened.
    refusal.logged = true;
    Err(refusal.retry_after(1.0).detail("ready", false).detail("live", false))
}

/// Whether the service takes predictions, for probes of every protocol.
pub(super) fn is_ready(app: &App) -> bool {
    app.readiness.is_ready() && status::health(app).problem.is_none()
}
