//! What every HTTP server counts: requests, their durations, and how many are running.

use std::sync::Arc;
use std::time::Instant;

use super::{ErrorCode, RequestContext, span};
use crate::metrics::{
    Counter, Each, Family, IntGauge, LATENCY_BUCKETS, LabelSet, LabelSetFull, Member, MetricsError, MetricsRegistry,
    TracedHistogram, each,
};

crate::label_enum! {
    /// The request's method.
    pub enum Method: "method" {
        /// GET
        Get = "GET",
        /// HEAD
        Head = "HEAD",
        /// POST
        Post = "POST",
        /// PUT
        Put = "PUT",
        /// PATCH
        Patch = "PATCH",
        /// DELETE
        Delete = "DELETE",
        /// OPTIONS
        Options = "OPTIONS",
        /// Any other method, whatever the client called it.
        Other = "other",
    }
}

impl From<&axum::http::Method> for Method {
    fn from(method: &axum::http::Method) -> Self {
        match method.as_str() {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// The route label of requests that match no route.
pub(super) const UNMATCHED: &str = "unmatched";
/// Statuses that every declared route exposes from the start.
const USUAL_STATUSES: [u16; 12] = [200, 400, 404, 405, 413, 415, 422, 429, 499, 500, 503, 504];
/// 499 in nginx's numbering: the client closed the connection before the answer.
const CLIENT_CLOSED: u16 = 499;
const MAX_ROUTES: usize = 64;
const MAX_STATUSES: usize = 64;

type StatusLabels = (Each<Method>, (LabelSet, LabelSet));

/// The HTTP metrics of one server.
pub(super) struct HttpMetrics {
    routes: LabelSet,
    statuses: LabelSet,
    unmatched: Member,
    other_status: Member,
    requests: Family<Counter, StatusLabels>,
    durations: Family<TracedHistogram, (Each<Method>, LabelSet)>,
    in_flight: IntGauge,
}

impl HttpMetrics {
    /// Registers the metrics and exposes the series of every declared route at 0.
    pub(super) fn register(registry: &MetricsRegistry, declared: &[(Method, String)]) -> Result<Self, HttpSetupError> {
        let routes = LabelSet::new(&["route"], MAX_ROUTES);
        let statuses = LabelSet::new(&["status"], MAX_STATUSES);
        let metrics = Self {
            unmatched: routes.admit(&[UNMATCHED])?,
            other_status: statuses.admit(&["other"])?,
            requests: registry.sparse_counters(
                "http_requests_total",
                "HTTP requests answered; status 499 means that the client left before the answer.",
                (each(), (routes.clone(), statuses.clone())),
            )?,
            durations: registry.traced_histograms(
                "http_request_duration_seconds",
                "Seconds from a request's head to its answer's head.",
                LATENCY_BUCKETS,
                (each(), routes.clone()),
            )?,
            in_flight: registry.gauge("http_requests_in_flight", "HTTP requests being handled now.")?,
            routes,
            statuses,
        };
        for (method, path) in declared {
            let route = metrics.routes.admit(&[path])?;
            metrics.expose(*method, route, &USUAL_STATUSES);
        }
        metrics.expose(Method::Get, metrics.unmatched, &[404]);
        metrics.expose(Method::Post, metrics.unmatched, &[404]);
        Ok(metrics)
    }

    fn expose(&self, method: Method, route: Member, statuses: &[u16]) {
        self.durations.with((method, route));
        for &status in statuses {
            self.requests.with((method, (route, self.status(status))));
        }
    }

    fn status(&self, status: u16) -> Member {
        self.statuses.admit(&[&status.to_string()]).unwrap_or(self.other_status)
    }

    /// Starts counting one request; `route` is the matched template.
    pub(super) fn start(self: &Arc<Self>, method: Method, route: Option<&str>, context: &RequestContext) -> InFlight {
        self.in_flight.inc();
        let route = route.and_then(|template| self.routes.get(&[template])).unwrap_or(self.unmatched);
        let (metrics, context) = (self.clone(), context.clone());
        let started = Instant::now();
        InFlight {
            metrics,
            method,
            route,
            started,
            status: CLIENT_CLOSED,
            refusal: Some(ErrorCode::Cancelled),
            context,
        }
    }
}

/// One request being handled. It is counted when this is dropped, and its span ends: a request whose client left is
/// dropped without an answer and counts as 499.
pub(super) struct InFlight {
    metrics: Arc<HttpMetrics>,
    method: Method,
    route: Member,
    started: Instant,
    status: u16,
    refusal: Option<ErrorCode>,
    context: RequestContext,
}

impl InFlight {
    pub(super) fn answered(&mut self, status: u16, refusal: Option<ErrorCode>) {
        (self.status, self.refusal) = (status, refusal);
    }

    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let metrics = &self.metrics;
        let ended = Instant::now();
        let seconds = ended.duration_since(self.started).as_secs_f64();
        metrics.in_flight.dec();
        metrics.requests.with((self.method, (self.route, metrics.status(self.status)))).inc();
        metrics.durations.with((self.method, self.route)).observe(seconds, Some(&self.context.trace));
        span::end(&self.context.span, ended, (self.status, self.refusal));
    }
}

/// The server's metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// Registered twice on one registry, for example.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// More routes than the `route` label has room for.
    #[error("more than {MAX_ROUTES} routes: {0}")]
    Routes(#[from] LabelSetFull),
}
