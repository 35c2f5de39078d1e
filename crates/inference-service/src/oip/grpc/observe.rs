//! What happens around every call.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use monitoring::{ErrorCode, LabelEnum as _, REQUEST_ID, RequestContext, RequestSpan};
use tonic::{Code, Status};
use tracing::{Instrument as _, debug, error_span, warn};

use super::metrics::{GrpcMetrics, Method, Outcome};
use super::span;
use super::status::CODE;

const ENCODING: &str = "grpc-encoding";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// Finds out who calls, opens the span, and counts the answer.
pub(super) async fn observe(State(metrics): State<Arc<GrpcMetrics>>, mut request: Request, next: Next) -> Response {
    let context = RequestContext::begin(request.headers(), &metrics.traces);
    // As over HTTP: an error-level span, so that no log filter takes the ids from the lines it lets through.
    let span = error_span!("request", request_id = %context.request_id, trace_id = %context.trace.trace_id());
    let method = Method::of(request.uri());
    span::describe(&context, request.uri(), method);
    request.extensions_mut().insert(context.clone());
    answer_in_kind(request.headers_mut());
    async move {
        let mut running = Running { metrics, method, code: Code::Cancelled, span: context.span.clone() };
        let mut response = next.run(request).await;
        // An answer that has a body has its status behind it, and is none that was refused.
        let refusal = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok);
        running.code = refusal.as_ref().map_or(Code::Ok, Status::code);
        log(method, response.headers(), refusal.as_ref());
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            // A call that has found the client's id elsewhere has set it already.
            response.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        response
    }
    .instrument(span)
    .await
}

/// One call being handled. It is counted and its span ends when this is dropped, as that of a client that left is.
struct Running {
    metrics: Arc<GrpcMetrics>,
    method: Method,
    code: Code,
    span: RequestSpan,
}

impl Drop for Running {
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

/// A refused prediction has been logged with all that is known of it, unless it was refused before that could begin.
fn log(method: Method, headers: &HeaderMap, refusal: Option<&Status>) {
    let grpc_method = method.as_str();
    match refusal {
        None => debug!(grpc_method, "call_completed"),
        Some(_) if method == Method::ModelInfer && headers.contains_key(CODE) => {}
        Some(refusal) => {
            let code = headers.get(CODE).and_then(|code| code.to_str().ok());
            let error_type = code.unwrap_or(ErrorCode::InvalidRequest.as_str());
            let grpc_code = Outcome::from(refusal.code()).as_str();
            warn!(grpc_method, grpc_code, error_type, error = refusal.message(), "call_refused");
        }
    }
}
