//! Liveness and readiness: whether to restart the process, and whether to send it traffic.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Json;
use serde_json::{Map, Value, json};

use crate::http::{ApiError, ErrorCode, Routes};

crate::refusals! {
    /// The refusals of a probe.
    pub(crate) NotReadyOnly: NotReady;
}

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

/// The state of a service: starting, ready or draining. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// A service that is starting.
    #[must_use]
    pub fn starting() -> Self {
        Self::default()
    }

    /// From now on the service takes traffic, unless it is draining already.
    pub fn set_ready(&self) {
        // A service that was told to stop while it started must not become ready again.
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// From now on the service wants no new traffic.
    pub fn set_draining(&self) {
        self.0.store(DRAINING, Ordering::Relaxed);
    }

    /// Whether the service takes traffic.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed) == READY
    }

    /// Whether the service is on its way out.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed) == DRAINING
    }

    /// `starting`, `ready` or `draining`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self.0.load(Ordering::Relaxed) {
            STARTING => "starting",
            READY => "ready",
            _ => "draining",
        }
    }
}

/// What a service says of itself on `GET /health`.
#[derive(Clone, Debug, Default)]
pub struct HealthReport {
    /// A reason why the service cannot do its work although it is up, as a sentence.
    pub problem: Option<String>,
    /// More members of the body.
    pub details: Vec<(&'static str, Value)>,
}

/// Adds `GET /health`, `/health/live` and `/health/ready`. `report` is asked at each call; it must be quick.
///
/// `/health` and `/health/ready` answer 200 if the service is ready and the report names no problem,
/// else 503 as a refusal with code `not_ready`; both carry the report's details.
#[must_use]
pub fn health_routes(
    readiness: Readiness,
    report: impl Fn() -> HealthReport + Clone + Send + Sync + 'static,
) -> Routes {
    let ready = move || {
        let answer = health(&readiness, report());
        async move { answer }
    };
    Routes::new().get("/health", ready.clone()).get("/health/ready", ready).get("/health/live", live)
}

/// Whether the process is alive
///
/// An answer means that it is. Restart the process if none comes.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "healthLive",
    tag = "health",
    responses((status = 200, description = "The process is alive", body = ref("#/components/schemas/Live")))
)]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// Whether to send traffic here, and what the service says of itself
///
/// 503 while the service starts, while it stops, and while something that it needs is away. `/health/ready` answers the same.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    tag = "health",
    responses(
        (status = 200, description = "The service takes traffic", body = ref("#/components/schemas/Health")),
        NotReadyOnly
    )
)]
pub(crate) fn health(readiness: &Readiness, report: HealthReport) -> Result<Json<Value>, ApiError> {
    let status = readiness.as_str();
    let problem = if readiness.is_ready() { report.problem } else { Some(format!("The service is {status}.")) };
    let Some(problem) = problem else {
        let mut body = Map::from_iter([("status".to_owned(), Value::from(status))]);
        body.extend(report.details.into_iter().map(|(name, value)| (name.to_owned(), value)));
        return Ok(Json(body.into()));
    };
    let mut refusal = ApiError::new(ErrorCode::NotReady, problem).retry_after(1.0);
    refusal.details = report.details;
    // A probe asks every few seconds; the problem was logged where it happened.
    refusal.logged = true;
    Err(refusal.detail("status", if readiness.is_ready() { "unavailable" } else { status }))
}
