//! A call over gRPC: described in its span, counted and logged.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use monitoring::{ErrorCode, LabelEnum as _, RequestContext, RequestObserver, RequestSpan, Traces};
use tonic::{Code, Status};
use tracing::{debug, warn};

use super::metrics::{GrpcMethod, GrpcMetrics, GrpcOutcome};
use super::span;
use super::status::CODE;

const ENCODING: &str = "grpc-encoding";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

impl RequestObserver for GrpcMetrics {
    type InFlight = GrpcCall;

    fn traces(&self) -> &Traces {
        &self.traces
    }

    fn begin(self: Arc<Self>, request: &mut Request, context: &RequestContext) -> GrpcCall {
        let method = GrpcMethod::of(request.uri());
        span::describe(context, request.uri(), method);
        answer_in_kind(request.headers_mut());
        GrpcCall { metrics: self, method, code: Code::Cancelled, span: context.span.clone() }
    }

    fn answered(call: &mut GrpcCall, response: Response) -> Response {
        // An answer that has a body has its status behind it, and is no refusal.
        let refusal = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
        call.code = refusal.as_ref().map_or(Code::Ok, Status::code);
        match &refusal {
            None => debug!(grpc_method = call.method.as_str(), "call_completed"),
            Some(refusal) => call.log_refusal(response.headers(), refusal),
        }
        response
    }
}

/// One call that is being handled. The drop counts it and ends its span, also where the client has left.
pub(crate) struct GrpcCall {
    metrics: Arc<GrpcMetrics>,
    method: GrpcMethod,
    code: Code,
    span: RequestSpan,
}

impl GrpcCall {
    /// A refused prediction has been logged with all that is known of it, unless it was refused before that could begin.
    fn log_refusal(&self, headers: &HeaderMap, refusal: &Status) {
        let code = headers.get(CODE).and_then(|code| code.to_str().ok());
        let is_logged = self.method == GrpcMethod::ModelInfer
            && code.is_some_and(|code| {
                ![ErrorCode::Unauthorized, ErrorCode::Forbidden].iter().any(|door| door.as_str() == code)
            });
        if !is_logged {
            let grpc_method = self.method.as_str();
            let error_type = code.unwrap_or(ErrorCode::InvalidRequest.as_str());
            let grpc_code = GrpcOutcome::from(refusal.code()).as_str();
            warn!(grpc_method, grpc_code, error_type, error = refusal.message(), "call_refused");
        }
    }
}

impl Drop for GrpcCall {
    fn drop(&mut self) {
        self.metrics.answered(self.method, self.code.into());
        span::end(&self.span, self.code);
    }
}

/// Clients list every packing that they know, whether they want it or not; the answer is packed as the call is.
fn answer_in_kind(headers: &mut HeaderMap) {
    match headers.get(ENCODING).cloned() {
        Some(encoding) => drop(headers.insert(ACCEPT_ENCODING, encoding)),
        None => drop(headers.remove(ACCEPT_ENCODING)),
    }
}
