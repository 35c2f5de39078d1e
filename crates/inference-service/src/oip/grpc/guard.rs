//! Checking the key of a call.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use monitoring::Access;
use tonic_health::pb::health_server;
use tracing::Instrument as _;

use super::status;

/// Lets a call through, or refuses it. Health needs no key, as over HTTP.
pub(super) async fn guard(State(access): State<Access>, request: Request, next: Next) -> Response {
    let service = request.uri().path().split('/').nth(1);
    if service == Some(health_server::SERVICE_NAME) {
        return next.run(request).await;
    }
    match access.admit(request.headers()) {
        Ok(span) => next.run(request).instrument(span).await,
        Err(refusal) => status::plain(&refusal).into_http(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use axum::Router;
    use axum::body::Body;
    use axum::middleware;
    use monitoring::{ApiKeys, CredentialMetrics, MetricsRegistry};
    use tonic::{Code, Status};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn health_is_for_everybody_and_the_rest_for_who_has_a_key() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789abcdef").unwrap();
        let metrics = CredentialMetrics::register(&MetricsRegistry::new("test", "1").unwrap()).unwrap();
        let keys = Some(ApiKeys::follow(file.path(), &metrics).unwrap());
        let access = Access::new(keys, false, false);
        let router = Router::new().fallback(async || Status::new(Code::Ok, "").into_http::<Body>());
        let router = router.layer(middleware::from_fn_with_state(access, guard));
        for (path, key, expected) in [
            ("/inference.GRPCInferenceService/ServerLive", "", Code::Unauthenticated),
            ("/inference.GRPCInferenceService/ModelInfer", "Bearer 0123456789abcdeg", Code::Unauthenticated),
            ("/inference.GRPCInferenceService/ModelInfer", "Bearer 0123456789abcdef", Code::Ok),
            ("/grpc.health.v1.Healthy/Check", "", Code::Unauthenticated),
            ("/grpc.health.v1.Health/Check", "", Code::Ok),
        ] {
            let request = Request::builder().uri(path).header("authorization", key).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            let status = Status::from_header_map(answer.headers()).unwrap();
            assert_eq!(status.code(), expected, "{path}");
            let code = answer.headers().get(status::CODE).map(|code| code.to_str().unwrap());
            assert_eq!(code, (expected != Code::Ok).then_some("unauthorized"), "{path}");
        }
    }
}
