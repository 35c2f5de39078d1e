//! What the span of an HTTP request says.
//!
//! Source of the names: OpenTelemetry, "Semantic conventions for HTTP spans", server.

use axum::http::Uri;

use super::context::RequestContext;
use super::method::HttpMethod;
use super::metrics::HttpRequestLabels;
use crate::metrics::LabelEnum as _;

/// Most bytes of a path, which is as long as the client made it.
const MAX_PATH_BYTES: usize = 200;

/// Tells the span what is known when the request begins.
pub(super) fn describe(context: &RequestContext, labels: &HttpRequestLabels, uri: &Uri) {
    let span = &context.span;
    if !span.is_recorded() {
        return;
    }
    let HttpRequestLabels { method, route } = labels;
    let (name, attribute) = match method {
        HttpMethod::Other => ("HTTP", "_OTHER"),
        known => (known.as_str(), known.as_str()),
    };
    span.set_name(route.as_ref().map_or_else(|| name.to_owned(), |route| format!("{name} {route}")));
    span.set_attribute("http.request.method", attribute);
    if let Some(route) = route {
        span.set_attribute("http.route", route.clone());
    }
    let path = uri.path();
    span.set_attribute("url.path", path[..path.floor_char_boundary(MAX_PATH_BYTES)].to_owned());
    span.set_attribute("request_id", context.request_id.to_string());
}
