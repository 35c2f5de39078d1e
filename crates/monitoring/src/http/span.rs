//! What the span of an HTTP request says.
//!
//! Source of the names: OpenTelemetry, "Semantic conventions for HTTP spans", server.

use std::time::Instant;

use axum::extract::Request;

use super::metrics::Method;
use super::{ErrorCode, RequestContext};
use crate::metrics::LabelEnum as _;
use crate::traces::{RequestSpan, SpanError};

/// Most bytes of a path, which is as long as the client made it.
const MAX_PATH_BYTES: usize = 200;

/// Tells the span what is known at its beginning.
pub(super) fn describe(context: &RequestContext, request: &Request, method: Method, route: Option<&str>) {
    let span = &context.span;
    if !span.is_recorded() {
        return;
    }
    let name = if method == Method::Other { "HTTP" } else { method.as_str() };
    span.name(route.map_or_else(|| name.to_owned(), |route| format!("{name} {route}")));
    span.attribute("http.request.method", if method == Method::Other { "_OTHER" } else { method.as_str() });
    if let Some(route) = route {
        span.attribute("http.route", route.to_owned());
    }
    let path = request.uri().path();
    span.attribute("url.path", path[..path.floor_char_boundary(MAX_PATH_BYTES)].to_owned());
    span.attribute("request_id", context.request_id.to_string());
}

/// Tells it how the request ended, with which it is complete.
pub(super) fn end(span: &RequestSpan, ended: Instant, (status, refusal): (u16, Option<ErrorCode>)) {
    span.attribute("http.response.status_code", i64::from(status));
    let error_type = refusal.map(ErrorCode::as_str);
    span.end(ended, error_type.map(|error_type| SpanError { error_type, is_fault: status >= 500 }));
}
