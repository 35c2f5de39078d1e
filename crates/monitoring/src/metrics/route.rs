//! `GET /metrics`.

use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;

use super::{Exposition, MetricsRegistry};
use crate::http::Routes;

/// Adds `GET /metrics`: the classic text format, or OpenMetrics where the client prefers it.
#[must_use]
pub fn metrics_route(metrics: &MetricsRegistry) -> Routes {
    let metrics = metrics.clone();
    Routes::new().get("/metrics", move |headers: HeaderMap| {
        let answer = exposition(&metrics, &headers);
        async move { answer }
    })
}

/// The metrics, for Prometheus
///
/// The classic text format, or OpenMetrics where `Accept` prefers it.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "metrics",
    responses((
        status = 200,
        description = "Every metric as it is now",
        content((String = "text/plain"), (String = "application/openmetrics-text"))
    ))
)]
pub(crate) fn exposition(metrics: &MetricsRegistry, headers: &HeaderMap) -> impl IntoResponse + use<> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let form = Exposition::negotiate(accept);
    ([(header::CONTENT_TYPE, form.content_type())], metrics.render(form))
}
