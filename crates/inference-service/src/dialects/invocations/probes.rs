//! Whether the service takes predictions, and which version it is.

use axum::extract::State;
use monitoring::{ApiError, ErrorCode};

use crate::app::App;
use crate::refusals::ProbeRefusals;
use crate::status;

/// Whether the service takes predictions, as SageMaker and MLflow ask
#[utoipa::path(
    get,
    path = "/ping",
    operation_id = "ping",
    tag = "MLflow and SageMaker",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain"), ProbeRefusals)
)]
pub(crate) async fn ping(State(app): State<App>) -> Result<&'static str, ApiError> {
    if app.readiness.is_ready() && status::health(&app).problem.is_none() {
        return Ok("\n");
    }
    let mut refusal = ApiError::new(ErrorCode::NotReady, "The service is not ready; GET /health says why.");
    // What a probe learns was logged where it happened.
    refusal.logged = true;
    Err(refusal.retry_after(1.0))
}

/// The version of the service
#[utoipa::path(
    get,
    path = "/version",
    operation_id = "version",
    tag = "MLflow and SageMaker",
    responses((status = 200, description = "The version", body = String, content_type = "text/plain"))
)]
pub(crate) async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
