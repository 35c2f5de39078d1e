//! Metrics, structured logs, request spans and health for any axum service.
//!
//! An existing service is instrumented with a few lines. Three to begin with:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let metrics = monitoring::MetricsRegistry::new("my-service", "1.0.0")?;
//! let _logs = monitoring::setup_structured_logging("my-service", "1.0.0", &metrics)?;
//! let readiness = monitoring::Readiness::starting();
//! # Ok(()) }
//! ```
//!
//! Five around the routes, for `GET /metrics`, `/health…`, request ids, spans and HTTP metrics:
//!
//! ```no_run
//! # use monitoring::*;
//! # async fn my_handler() {}
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let metrics = MetricsRegistry::new("my-service", "1.0.0")?;
//! # let readiness = Readiness::starting();
//! let routes = Routes::new()
//!     .post("/predict", my_handler)
//!     .merge(metrics_route(&metrics))
//!     .merge(health_routes(readiness.clone(), HealthReport::default));
//! let app = monitoring::instrument(routes, &metrics, readiness)?;
//! # Ok(()) }
//! ```
//!
//! And a few in a handler that predicts; see [`prediction`]. `examples/predictor.rs` is a whole service.
//!
//! **Architecture Invariant:** this crate knows no model, no image and no database, and starts no
//! server of its own. A label value cannot be made from a request's text: see [`LabelEnum`] and [`LabelSet`].

mod backoff;
mod credentials;
mod health;
mod http;
mod keys;
mod logs;
mod metrics;
pub mod prediction;
mod probe;
mod security;
mod server;
mod tls;
mod traces;

pub use backoff::Backoff;
pub use credentials::{Credential, CredentialError, CredentialMetrics};
pub use health::{HealthReport, Readiness, health_routes};
pub use http::{
    Access, ApiError, ErrorCode, HttpMethod, HttpSetupError, Instrumentation, REQUEST_ID, RequestContext,
    RequestObserver, Routes, TRACEPARENT, describe, discard_body, docs_routes, instrument, media_type, observe,
    read_body, refusals_of,
};
pub use keys::{Keys, OutgoingKey};
pub use logs::{LogGuard, LogsError, setup_structured_logging};
pub use metrics::{
    Collector, Counter, Desc, Each, Exposition, Family, Gauge, Histogram, IntGauge, LATENCY_BUCKETS, LabelEnum,
    LabelSet, LabelSetFull, Labels, MAX_MEMBERS, Member, Metric, MetricFamily, MetricsError, MetricsRegistry,
    TracedHistogram, each, metrics_route,
};
pub use probe::probe;
pub use security::{Security, SecurityError, SecurityOptions};
pub use server::{Drain, Entrance, drain_seconds, serve, shutdown_signal};
pub use tls::{Protocol, Tls, use_ring};
pub use traces::{RequestSpan, SpanError, TraceContext, Traces, TracesError};
