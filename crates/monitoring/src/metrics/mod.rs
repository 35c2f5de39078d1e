//! Metrics: a registry with typed registration, and the label types that keep every family bounded.

mod exemplars;
mod exposition;
mod family;
mod labels;
mod leased_family;
mod leased_registry;
mod leases;
mod registry;
pub(crate) mod route;
mod snapshot;

pub use exemplars::TracedHistogram;
pub use exposition::Exposition;
pub use family::{Family, LabelledMetric};
pub use labels::{Each, LabelEnum, LabelSet, LabelSetFull, Labels, MAX_MEMBERS, Member, each};
pub use leased_family::{LeasedFamily, NoLabels};
pub use leases::{LabelLease, LeasedSet};
pub use prometheus::core::{Collector, Desc};
pub use prometheus::proto::MetricFamily;
pub use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter as Counter, IntGauge};
pub use registry::{LATENCY_BUCKETS, MetricsError, MetricsRegistry};
pub use route::metrics_route;
pub use snapshot::Snapshot;
