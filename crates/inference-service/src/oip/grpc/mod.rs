//! The Open Inference Protocol over gRPC, and gRPC's health checking.
//!
//! One call's way: `monitoring::serve` (connections) → [`router`] → `monitoring::observe` (id and span; `observe.rs` counts and
//! logs) → `calls` → for a prediction `infer`, which is to gRPC what the module of the same name one level up is to HTTP.
//!
//! Rule of thumb: the parent module decides what a model can be asked with and what it answers; here is only how that is
//! written as messages, and which status a refusal has.

mod arrival;
mod calls;
pub(crate) mod codec;
mod deadline;
mod describe;
mod guard;
mod health;
mod infer;
mod message;
mod metrics;
mod observe;
mod proto;
mod reflection;
mod span;
mod status;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::middleware;
use monitoring::{Access, ApiError, LabelEnum as _, observe};
use tonic::Status;
use tonic::codec::CompressionEncoding::{Deflate, Gzip};
use tonic_health::pb::health_server::{self, HealthServer};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;

use crate::app::App;
use calls::InferenceCalls;
use health::HealthCalls;
pub(crate) use metrics::GrpcMetrics;
use proto::grpc_inference_service_server::{self as inference_server, GrpcInferenceServiceServer};

/// Every call that is answered, behind the check of `access`, and what happens around it.
pub(crate) fn router(app: &App, metrics: GrpcMetrics, access: Access) -> Router {
    let calls = GrpcInferenceServiceServer::new(InferenceCalls::new(app.clone()))
        // Like the body of a request over HTTP, a message is bounded as it comes and when it is unpacked.
        .max_decoding_message_size(app.config.max_body_bytes)
        .accept_compressed(Gzip)
        .accept_compressed(Deflate)
        .send_compressed(Gzip)
        .send_compressed(Deflate);
    let health =
        HealthServer::new(HealthCalls::new(app.clone())).max_decoding_message_size(arrival::MAX_QUESTION_BYTES);
    let reflection =
        reflection::routes(&app.readiness).inspect_err(|problem| error!(%problem, "reflection_unavailable"));
    Router::new()
        .route_service(&format!("/{}/{{method}}", inference_server::SERVICE_NAME), calls)
        .route_service(&format!("/{}/{{method}}", health_server::SERVICE_NAME), health)
        .merge(reflection.unwrap_or_default())
        .fallback(unknown)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), arrival::hold))
        .layer(middleware::from_fn_with_state(access, guard::guard))
        .layer(middleware::from_fn_with_state(Arc::new(metrics), observe::<GrpcMetrics>))
}

/// Answers a call whose handler has panicked; the connection goes on.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let refusal = ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("without a message")));
    error!(error_type = refusal.code.as_str(), error = refusal.message, cause = refusal.cause, "call_failed");
    status::plain(&refusal).into_http()
}

async fn unknown() -> Response<Body> {
    Status::unimplemented(
        "There are inference.GRPCInferenceService, grpc.health.v1.Health and grpc.reflection.v1.ServerReflection here.",
    )
    .into_http()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::routing::get;
    use tonic::Code;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let router = Router::new().route("/", get(async || -> &str { panic!("on purpose") }));
        let router = router.layer(CatchPanicLayer::custom(panicked));
        let answer = router.oneshot(axum::http::Request::new(Body::empty())).await.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!((status.code(), answer.headers()[status::CODE].as_bytes()), (Code::Internal, &b"internal"[..]));
        assert!(!status.message().contains("on purpose"));
    }
}
