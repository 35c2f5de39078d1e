//! What every HTTP server counts: requests, their durations, and how many are running.

use super::method::HttpMethod;
use crate::metrics::{
    Counter, Each, Family, IntGauge, LATENCY_BUCKETS, LabelSet, LabelSetFull, Member, MetricsError, MetricsRegistry,
    TracedHistogram, each,
};
use crate::traces::TraceContext;

/// The route label of requests that match no route.
const UNMATCHED: &str = "unmatched";
/// Statuses that every declared route exposes from the start.
const USUAL_STATUSES: [u16; 12] = [200, 400, 404, 405, 413, 415, 422, 429, 499, 500, 503, 504];
/// Statuses of requests whose heads cannot be read.
const UNREAD_STATUSES: [u16; 4] = [400, 414, 431, 501];
const MAX_ROUTES: usize = 64;
const MAX_STATUSES: usize = 64;

/// The labels of a request.
pub(super) struct HttpRequestLabels {
    pub(super) method: HttpMethod,
    /// The template that matched; `None` where no route did.
    pub(super) route: Option<String>,
}

impl HttpRequestLabels {
    /// The value of the label `route`.
    pub(super) fn route(&self) -> &str {
        self.route.as_deref().unwrap_or(UNMATCHED)
    }
}

type StatusLabels = (Each<HttpMethod>, (LabelSet, LabelSet));

/// The HTTP metrics of one server.
pub(super) struct HttpMetrics {
    routes: LabelSet,
    statuses: LabelSet,
    unmatched: Member,
    other_status: Member,
    requests: Family<Counter, StatusLabels>,
    durations: Family<TracedHistogram, (Each<HttpMethod>, LabelSet)>,
    in_flight: IntGauge,
}

impl HttpMetrics {
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Self, HttpSetupError> {
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
        metrics.expose(HttpMethod::Get, metrics.unmatched, &[404]);
        metrics.expose(HttpMethod::Post, metrics.unmatched, &[404]);
        for status in UNREAD_STATUSES {
            metrics.unread(status);
        }
        Ok(metrics)
    }

    /// Exposes the series of every declared route at 0.
    pub(super) fn declare(&self, declared: &[(HttpMethod, String)]) -> Result<(), HttpSetupError> {
        for (method, path) in declared {
            let route = self.routes.admit(&[path])?;
            self.expose(*method, route, &USUAL_STATUSES);
        }
        Ok(())
    }

    fn expose(&self, method: HttpMethod, route: Member, statuses: &[u16]) {
        self.durations.with((method, route));
        for &status in statuses {
            self.requests.with((method, (route, self.status(status))));
        }
    }

    fn status(&self, status: u16) -> Member {
        self.statuses.admit(&[&status.to_string()]).unwrap_or(self.other_status)
    }

    /// The requests that were refused with this status before their heads were read: nothing is known of their methods, nor
    /// when they began.
    pub(super) fn unread(&self, status: u16) -> &Counter {
        self.requests.with((HttpMethod::Other, (self.unmatched, self.status(status))))
    }

    /// One more request is being handled.
    pub(super) fn started(&self) {
        self.in_flight.inc();
    }

    /// A request has ended, or its client has left.
    pub(super) fn ended(&self, request: &HttpRequestLabels, status: u16, seconds: f64, trace: &TraceContext) {
        self.in_flight.dec();
        let route =
            request.route.as_deref().and_then(|template| self.routes.get(&[template])).unwrap_or(self.unmatched);
        self.requests.with((request.method, (route, self.status(status)))).inc();
        self.durations.with((request.method, route)).observe(seconds, Some(trace));
    }
}

/// The metrics of an HTTP server could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// Registered twice on one registry, for example.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// More routes than the `route` label has room for.
    #[error("more than {MAX_ROUTES} routes: {0}")]
    Routes(#[from] LabelSetFull),
}
