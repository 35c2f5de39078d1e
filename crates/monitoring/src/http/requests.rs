//! A request over HTTP: counted, logged, and refused in the one shape.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use tracing::{debug, error, warn};

use super::context::RequestContext;
use super::error::{ApiError, ErrorCode};
use super::method::HttpMethod;
use super::metrics::{HttpMetrics, HttpRequestLabels};
use super::observe::RequestObserver;
use super::refusal_page::RefusalPage;
use super::span;
use crate::health::Readiness;
use crate::metrics::LabelEnum as _;
use crate::traces::{SpanError, Traces};

/// 499 in nginx's numbering: the client closed the connection before the answer.
const CLIENT_CLOSED: u16 = 499;

/// Observes the requests of one router.
pub(super) struct HttpObserver {
    pub(super) metrics: Arc<HttpMetrics>,
    pub(super) readiness: Readiness,
    pub(super) traces: Traces,
    pub(super) refusal_page: Option<RefusalPage>,
}

impl RequestObserver for HttpObserver {
    type InFlight = HttpRequest;

    fn traces(&self) -> &Traces {
        &self.traces
    }

    fn begin(self: Arc<Self>, request: &mut Request, context: &RequestContext) -> HttpRequest {
        let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
        let labels = HttpRequestLabels { method: HttpMethod::from(request.method()), route };
        span::describe(context, &labels, request.uri());
        self.metrics.started();
        HttpRequest {
            as_page: self
                .refusal_page
                .filter(|page| page.is_for(request))
                .map(|page| (page, request.uri().path().to_owned())),
            observer: self,
            context: context.clone(),
            labels,
            started: Instant::now(),
            status: CLIENT_CLOSED,
            refusal: Some(ErrorCode::Cancelled),
        }
    }

    fn answered(request: &mut HttpRequest, response: Response) -> Response {
        let request_id = &request.context.request_id;
        let mut response = in_one_shape(response, |error| match &request.as_page {
            Some((page, path)) => page.render(error, path, request_id),
            None => error.render(request_id),
        });
        request.status = response.status().as_u16();
        let refusal = response.extensions().get::<ApiError>();
        request.refusal = refusal.map(|refusal| refusal.code);
        request.log(refusal.filter(|refusal| !refusal.logged));
        if request.observer.readiness.is_draining() {
            // The client opens its next connection elsewhere instead of meeting a closed one here.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// One request that is being handled; the drop counts it.
pub(super) struct HttpRequest {
    observer: Arc<HttpObserver>,
    context: RequestContext,
    labels: HttpRequestLabels,
    started: Instant,
    status: u16,
    refusal: Option<ErrorCode>,
    /// A refusal is a page, where this is asked for.
    as_page: Option<(RefusalPage, String)>,
}

impl HttpRequest {
    /// Logs how the request ended; `refusal` is what the handler has not logged itself.
    fn log(&self, refusal: Option<&ApiError>) {
        let (method, route, status) = (self.labels.method.as_str(), self.labels.route(), self.status);
        let duration_seconds = self.started.elapsed().as_secs_f64();
        let Some(ApiError { code, message, log_message, cause, .. }) = refusal else {
            debug!(method, route, status, duration_seconds, "request_completed");
            return;
        };
        let (error_type, message, cause) = (code.as_str(), log_message.as_ref().unwrap_or(message), cause.as_deref());
        if status >= 500 {
            error!(method, route, status, duration_seconds, error_type, error = message, cause, "request_failed");
        } else {
            warn!(method, route, status, duration_seconds, error_type, error = message, cause, "request_refused");
        }
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        let ended = Instant::now();
        let seconds = ended.duration_since(self.started).as_secs_f64();
        self.observer.metrics.ended(&self.labels, self.status, seconds, &self.context.trace);
        let is_fault = self.status >= 500;
        self.context.span.set_attribute("http.response.status_code", i64::from(self.status));
        self.context.span.end(ended, self.refusal.map(|code| SpanError { error_type: code.as_str(), is_fault }));
    }
}

/// Gives every refusal the body of [`ApiError`], also those that a library made.
fn in_one_shape(response: Response, render: impl Fn(&ApiError) -> Response) -> Response {
    if let Some(error) = response.extensions().get::<ApiError>() {
        let error = error.clone();
        let mut rendered = with_headers_of(&response, render(&error));
        *rendered.status_mut() = response.status();
        rendered.extensions_mut().insert(error);
        return rendered;
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let fallback = if status.is_server_error() { ErrorCode::Internal } else { ErrorCode::InvalidRequest };
    let code = ErrorCode::ALL.iter().find(|code| code.status() == status.as_u16()).copied().unwrap_or(fallback);
    let sentence = status.canonical_reason().unwrap_or("The request was refused.");
    let mut rendered = with_headers_of(&response, render(&ApiError::new(code, sentence)));
    *rendered.status_mut() = status;
    rendered
}

/// Headers such as Allow that came with a refusal stay; those of its body go with it.
fn with_headers_of(refused: &Response, mut rendered: Response) -> Response {
    let own: Vec<HeaderName> = rendered.headers().keys().cloned().collect();
    for (name, value) in refused.headers() {
        if !own.contains(name) && name != header::CONTENT_LENGTH && name != header::CONTENT_ENCODING {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    rendered
}
