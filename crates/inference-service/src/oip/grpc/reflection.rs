//! Reflection: clients such as grpcurl learn from the service itself what can be called, and need no files.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use futures_util::StreamExt as _;
use monitoring::Readiness;
use tokio::time::sleep;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::{Builder, Error};

use super::arrival::MAX_QUESTION_BYTES;
use super::proto;

/// How soon an open call notices that the server drains.
const DRAIN_INTERVAL: Duration = Duration::from_millis(200);

/// Both versions of the protocol: clients ask for v1 first, and older ones know v1alpha only.
///
/// # Errors
/// If the descriptions of the messages cannot be read.
pub(super) fn routes(readiness: &Readiness) -> Result<Router, Error> {
    let described = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let route = |service: &str| format!("/{service}/{{method}}");
    let router = Router::new()
        .route_service(
            &route(v1::server_reflection_server::SERVICE_NAME),
            described().build_v1()?.max_decoding_message_size(MAX_QUESTION_BYTES),
        )
        .route_service(
            &route(v1alpha::server_reflection_server::SERVICE_NAME),
            described().build_v1alpha()?.max_decoding_message_size(MAX_QUESTION_BYTES),
        )
        .layer(middleware::from_fn_with_state(readiness.clone(), ended_by_drain));
    Ok(router)
}

/// Ends the client's questions when the server drains. The call then ends in order; left open, it would keep the server from
/// stopping for as long as its client likes.
async fn ended_by_drain(State(readiness): State<Readiness>, request: Request, next: Next) -> Response {
    let draining = async move {
        while !readiness.is_draining() {
            sleep(DRAIN_INTERVAL).await;
        }
    };
    let questions = |body: Body| Body::from_stream(body.into_data_stream().take_until(Box::pin(draining)));
    next.run(request.map(questions)).await
}
