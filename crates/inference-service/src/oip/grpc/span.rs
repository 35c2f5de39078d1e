//! What the span of a call says.
//!
//! Source of the names: OpenTelemetry, "Semantic conventions for gRPC", server.

use std::time::Instant;

use axum::http::Uri;
use monitoring::{LabelEnum as _, RequestContext, RequestSpan, SpanError};
use tonic::Code;

use super::metrics::{GrpcMethod, GrpcOutcome};

/// Adds to the span what is known at its beginning.
pub(super) fn describe(context: &RequestContext, uri: &Uri, method: GrpcMethod) {
    let span = &context.span;
    if !span.is_recorded() {
        return;
    }
    span.set_attribute("rpc.system", "grpc");
    span.set_attribute("request_id", context.request_id.to_string());
    if method == GrpcMethod::Other {
        // A client can call a method whatever it likes, so its text does not become a name.
        span.set_name("grpc".to_owned());
        span.set_attribute("rpc.method", "_OTHER");
        return;
    }
    span.set_name(uri.path().trim_start_matches('/').to_owned());
    span.set_attribute("rpc.method", method.as_str());
    let service = uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    span.set_attribute("rpc.service", service.to_owned());
}

/// Adds how the call ended, and ends the span.
pub(super) fn end(span: &RequestSpan, code: Code) {
    span.set_attribute("rpc.grpc.status_code", i64::from(i32::from(code)));
    let is_fault = matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    );
    let error = SpanError { error_type: GrpcOutcome::from(code).as_str(), is_fault };
    span.end(Instant::now(), Some(error).filter(|_| code != Code::Ok));
}
