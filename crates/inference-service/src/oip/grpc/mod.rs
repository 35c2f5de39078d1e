//! The Open Inference Protocol over gRPC, and gRPC's health checking.
//!
//! One call's way: `server` (connections) → [`router`] → `observe` (id, span, count) → `calls` → for a prediction
//! `infer`, which is to gRPC what the module of the same name one level up is to HTTP.
//!
//! Rule of thumb: what a model is asked with and what it answers is the parent module's business; here is only how it
//! is written as messages, and what a refusal is called.

mod calls;
pub(crate) mod codec;
mod deadline;
mod describe;
mod health;
mod infer;
mod message;
mod metrics;
mod observe;
mod server;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::middleware;
use tonic::Status;
use tonic::codec::CompressionEncoding::{Deflate, Gzip};

use crate::app::App;
use calls::Calls;
use health::HealthCalls;
pub(crate) use metrics::GrpcMetrics;
use proto::grpc_inference_service_server::{self as inference_server, GrpcInferenceServiceServer};
use proto_health::health_server::{self, HealthServer};
pub(crate) use server::serve;

/// The protocol's messages.
mod proto {
    #![allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, unreachable_pub)]
    tonic::include_proto!("inference");
}

/// The messages of health checking.
mod proto_health {
    #![allow(clippy::all, clippy::pedantic, clippy::restriction, missing_docs, unreachable_pub)]
    tonic::include_proto!("grpc.health.v1");
}

/// Everything that is answered, and what happens around it.
pub(crate) fn router(app: &App, metrics: GrpcMetrics) -> Router {
    let calls = GrpcInferenceServiceServer::new(Calls::new(app.clone()))
        // Like the body of a request over HTTP, a message is bounded as it comes and when it is unpacked.
        .max_decoding_message_size(app.config.max_body_bytes)
        .accept_compressed(Gzip)
        .accept_compressed(Deflate)
        .send_compressed(Gzip)
        .send_compressed(Deflate);
    let health = HealthServer::new(HealthCalls::new(app.clone()));
    Router::new()
        .route_service(&format!("/{}/{{method}}", inference_server::SERVICE_NAME), calls)
        .route_service(&format!("/{}/{{method}}", health_server::SERVICE_NAME), health)
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::new(metrics), observe::observe))
}

async fn unknown() -> Response<Body> {
    Status::unimplemented("There are inference.GRPCInferenceService and grpc.health.v1.Health here.").into_http()
}
