#![doc = include_str!("../README.md")]

mod backoff;
mod credentials;
mod file_modes;
mod hangup;
mod health;
mod http;
mod keys;
mod logs;
mod memory;
mod metrics;
mod off_worker;
pub mod prediction;
mod probe;
mod security;
mod server;
mod settings;
mod tls;
mod traces;

pub use backoff::Backoff;
pub use credentials::{Credential, CredentialError, CredentialMetrics};
pub use file_modes::{keep_new_files_private, warn_of_wide_modes};
pub use hangup::Hangup;
pub use health::{HealthReport, Readiness, health_routes};
pub use http::{
    Access, AllowedOrigin, ApiError, ErrorCode, HeadRefusals, HttpMethod, HttpSetupError, Instrumentation, KeyName,
    PathAlias, REQUEST_ID, RefusalPage, RequestContext, RequestObserver, Routes, TRACEPARENT, describe, discard_body,
    docs_routes, instrument, is_packed, media_type, observe, read_body, refusals_by, refusals_of, unpack_gzip,
};
pub use keys::{ApiKeys, OutgoingKey};
pub use logs::{LogGuard, LogsError, setup_structured_logging, without_numbers};
pub use memory::{
    ConnectionEnd, HeldKind, Hold, MemoryLimit, MemoryRoom, ServiceTime, memory_limit, memory_room, pieces, room_bytes,
};
pub use metrics::{
    Collector, Counter, Desc, Each, Exposition, Family, Gauge, Histogram, HistogramOpts, IntGauge, LATENCY_BUCKETS,
    LabelEnum, LabelLease, LabelSet, LabelSetFull, LabelledMetric, Labels, LeasedFamily, LeasedSet, MAX_MEMBERS,
    Member, MetricFamily, MetricsError, MetricsRegistry, NoLabels, Snapshot, TracedHistogram, each, metrics_route,
};
pub use off_worker::off_worker;
pub use probe::probe;
pub use security::{Security, SecurityError, SecurityOptions};
pub use server::{AddressRange, ConnectionOptions, Doors, Drain, Entrance, drain_seconds, serve, shutdown_signal};
pub use settings::parse_settings;
pub use tls::{Protocol, Tls, use_ring};
pub use traces::{RequestSpan, SpanError, TraceContext, Traces, TracesError};
