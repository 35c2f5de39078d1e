//! `GET /metrics`.

use axum::http::{HeaderMap, header};

use super::{Exposition, MetricsRegistry};
use crate::http::Routes;

/// Adds `GET /metrics`: the classic text format, or OpenMetrics where the client prefers it.
#[must_use]
pub fn metrics_route(metrics: &MetricsRegistry) -> Routes {
    let metrics = metrics.clone();
    Routes::new().get("/metrics", move |headers: HeaderMap| {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let form = Exposition::negotiate(accept);
        let answer = ([(header::CONTENT_TYPE, form.content_type())], metrics.render(form));
        async move { answer }
    })
}
