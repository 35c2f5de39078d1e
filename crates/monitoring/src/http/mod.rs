//! The whole middleware of a service, readable from top to bottom in [`instrument`].
//!
//! Rule of thumb: what every request needs happens here and only here; a handler returns its answer
//! or an [`ApiError`].

mod body;
mod context;
mod error;
mod metrics;
mod routes;
mod span;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, debug, error, error_span, warn};

use crate::health::Readiness;
use crate::metrics::{LabelEnum as _, MetricsRegistry};
use crate::traces::Traces;
pub use body::{discard_body, media_type, read_body};
pub use context::{REQUEST_ID, RequestContext, TRACEPARENT};
pub use error::{ApiError, ErrorCode};
use metrics::{HttpMetrics, InFlight};
pub use metrics::{HttpSetupError, Method};
pub use routes::Routes;

/// The router of a service, with everything around its handlers, from the outside in:
/// ids and span → metrics guard → one shape of refusal → panics become 500 → the handlers.
///
/// # Errors
/// [`HttpSetupError`] if the registry already has HTTP metrics, or there are too many routes.
pub fn instrument(routes: Routes, registry: &MetricsRegistry, readiness: Readiness) -> Result<Router, HttpSetupError> {
    let metrics = Arc::new(HttpMetrics::register(registry, &routes.declared)?);
    let there_is = routes.there_is();
    let state = (metrics, readiness, routes.traces);
    let router = routes
        .router
        .fallback(async move |headers: HeaderMap, body: Body| {
            discard_body(&headers, body).await;
            ApiError::new(ErrorCode::NotFound, there_is)
        })
        .method_not_allowed_fallback(async |headers: HeaderMap, body: Body| {
            discard_body(&headers, body).await;
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                "This route does not take this method; the Allow header lists those it takes.",
            )
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state, observe));
    Ok(router)
}

/// What happens around every request.
async fn observe(
    State((metrics, readiness, traces)): State<(Arc<HttpMetrics>, Readiness, Traces)>,
    mut request: Request,
    next: Next,
) -> Response {
    let context = RequestContext::begin(request.headers(), &traces);
    // An error-level span, so that no log filter takes the ids from the lines it lets through.
    let span = error_span!("request", request_id = %context.request_id, trace_id = %context.trace.trace_id());
    let method = Method::from(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    span::describe(&context, &request, method, route.as_deref());
    request.extensions_mut().insert(context.clone());
    async move {
        let mut in_flight = metrics.start(method, route.as_deref(), &context);
        let response = next.run(request).await;
        let mut response = in_one_shape(response, &context.request_id);
        let refusal = response.extensions().get::<ApiError>().map(|refusal| refusal.code);
        in_flight.answered(response.status().as_u16(), refusal);
        log_outcome(&response, method, route.as_deref(), &in_flight);
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            // A handler that has found the client's id elsewhere has set it already.
            response.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        if readiness.is_draining() {
            // The client opens its next connection elsewhere instead of meeting a closed one here.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
    .instrument(span)
    .await
}

/// Gives every refusal the body of [`ApiError`], also those that a library made.
fn in_one_shape(response: Response, request_id: &str) -> Response {
    if let Some(error) = response.extensions().get::<ApiError>() {
        let error = error.clone();
        let mut rendered = error.render(request_id);
        // Headers such as Allow that came with the refusal stay.
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
                rendered.headers_mut().insert(name.clone(), value.clone());
            }
        }
        rendered.extensions_mut().insert(error);
        return rendered;
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let code = ErrorCode::ALL.iter().find(|code| code.status() == status.as_u16());
    let code =
        code.copied().unwrap_or(if status.is_server_error() { ErrorCode::Internal } else { ErrorCode::InvalidRequest });
    let sentence = status.canonical_reason().unwrap_or("The request was refused.");
    let mut rendered = ApiError::new(code, sentence).render(request_id);
    *rendered.status_mut() = status;
    rendered
}

fn log_outcome(response: &Response, method: Method, route: Option<&str>, in_flight: &InFlight) {
    let (status, seconds) = (response.status().as_u16(), in_flight.seconds());
    let (method, route) = (method.as_str(), route.unwrap_or(metrics::UNMATCHED));
    let refusal = response.extensions().get::<ApiError>().filter(|refusal| !refusal.logged);
    let Some(ApiError { code, message, cause, .. }) = refusal else {
        debug!(method, route, status, duration_seconds = seconds, "request_completed");
        return;
    };
    let (error_type, cause) = (code.as_str(), cause.as_deref());
    if status >= 500 {
        error!(method, route, status, duration_seconds = seconds, error_type, error = message, cause, "request_failed");
    } else {
        warn!(method, route, status, duration_seconds = seconds, error_type, error = message, cause, "request_refused");
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("without a message"))).into_response()
}
