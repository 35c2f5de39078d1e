//! The registry: what a service exposes on `GET /metrics`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus::core::{Collector, Desc, GenericCounter};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Bucket, Metric, MetricFamily, MetricType};
use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts};

use super::exemplars::{TracedHistogram, TracedVec};
use super::exposition::{self, Exposition};
use super::family::Family;
use super::labels::Labels;
use super::snapshot::{Snapshot, SnapshotCollector};

/// Bucket bounds in seconds for models that answer within milliseconds: from 50 µs to 10 s.
pub const LATENCY_BUCKETS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A metric could not be registered: its name is taken or not a Prometheus name.
#[derive(Debug, thiserror::Error)]
#[error("cannot register the metric {name}: {cause}")]
pub struct MetricsError {
    name: String,
    cause: prometheus::Error,
}

/// The metrics of one service. Clones share the same metrics.
#[derive(Clone)]
pub struct MetricsRegistry {
    registry: prometheus::Registry,
    /// The histograms that have exemplars, by their name.
    pub(super) traced: Arc<RwLock<HashMap<String, TracedVec>>>,
}

impl MetricsRegistry {
    /// A registry that already exposes `build_info{service,version}` and, on Linux, `process_*`.
    ///
    /// # Errors
    /// Never for a plain service name; see [`MetricsError`].
    pub fn new(service: &str, version: &str) -> Result<Self, MetricsError> {
        let metrics = Self { registry: prometheus::Registry::new(), traced: Arc::default() };
        metrics.register("process_*", ProcessCollector::for_self())?;
        let build_info = Opts::new("build_info", "Always 1; the labels say what is running.")
            .const_label("service", service)
            .const_label("version", version);
        let build_info = metrics.register_made("build_info", IntGauge::with_opts(build_info))?;
        build_info.set(1);
        Ok(metrics)
    }

    /// A counter without labels.
    ///
    /// # Errors
    /// [`MetricsError`], as for all methods below.
    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter, MetricsError> {
        self.register_made(name, IntCounter::new(name, help))
    }

    /// A gauge of whole numbers without labels.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, MetricsError> {
        self.register_made(name, IntGauge::new(name, help))
    }

    /// A gauge without labels.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn float_gauge(&self, name: &str, help: &str) -> Result<Gauge, MetricsError> {
        self.register_made(name, Gauge::new(name, help))
    }

    /// A histogram without labels; `buckets` are upper bounds in ascending order.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, MetricsError> {
        self.register_made(name, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
    }

    /// Counters, one for each combination of `labels`; all that exist now are exposed at 0.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn counters<L: Labels>(
        &self,
        name: &str,
        help: &str,
        labels: L,
    ) -> Result<Family<IntCounter, L>, MetricsError> {
        let vec = self.register_made(name, IntCounterVec::new(Opts::new(name, help), &labels.names()))?;
        Ok(Family::new(vec, labels).expose_all())
    }

    /// Counters, each exposed once it was reached through [`Family::with`]: for label sets of which most combinations cannot
    /// happen.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn sparse_counters<L: Labels>(
        &self,
        name: &str,
        help: &str,
        labels: L,
    ) -> Result<Family<IntCounter, L>, MetricsError> {
        let vec = self.register_made(name, IntCounterVec::new(Opts::new(name, help), &labels.names()))?;
        Ok(Family::new(vec, labels))
    }

    /// Gauges, one for each combination of `labels`; all that exist now are exposed at 0.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn gauges<L: Labels>(&self, name: &str, help: &str, labels: L) -> Result<Family<Gauge, L>, MetricsError> {
        let vec = self.register_made(name, GaugeVec::new(Opts::new(name, help), &labels.names()))?;
        Ok(Family::new(vec, labels).expose_all())
    }

    /// Histograms, one for each combination of `labels` that was once reached through [`Family::with`].
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn histograms<L: Labels>(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: L,
    ) -> Result<Family<Histogram, L>, MetricsError> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let vec = self.register_made(name, HistogramVec::new(opts, &labels.names()))?;
        Ok(Family::new(vec, labels))
    }

    /// Histograms as above, whose buckets remember the latest trace that fell into them; OpenMetrics shows it.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn traced_histograms<L: Labels>(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: L,
    ) -> Result<Family<TracedHistogram, L>, MetricsError> {
        let names = labels.names();
        let made = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), &names);
        let vec = self.register_made(name, made.map(|histograms| TracedVec::new(histograms, &names, buckets)))?;
        self.traced.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), vec.clone());
        Ok(Family::new(vec, labels))
    }

    /// A counter whose value is read when it is scraped; `read` must never go down.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn counter_fn(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        self.read_on_scrape(name, help, move |opts| {
            let counter = GenericCounter::<prometheus::core::AtomicU64>::with_opts(opts)?;
            counter.inc_by(read());
            Ok(counter.collect())
        })
    }

    /// A gauge whose value is read when it is scraped.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn gauge_fn(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        self.read_on_scrape(name, help, move |opts| {
            let gauge = Gauge::with_opts(opts)?;
            gauge.set(read());
            Ok(gauge.collect())
        })
    }

    /// Several metrics that are read together, so that they agree with each other in every scrape.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn collector(&self, collector: impl Collector + 'static) -> Result<(), MetricsError> {
        self.register("of a collector", collector)
    }

    /// Several metrics that are set together for each scrape; `name` is for the error.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn snapshot(&self, name: &str, snapshot: prometheus::Result<impl Snapshot>) -> Result<(), MetricsError> {
        let snapshot = snapshot.map_err(|cause| MetricsError { name: name.to_owned(), cause })?;
        self.register(name, SnapshotCollector::new(snapshot))
    }

    /// Every metric as it is now, in the form that the client asked for in its `Accept` header.
    #[must_use]
    pub fn render(&self, form: Exposition) -> String {
        let traced = self.traced.read().unwrap_or_else(PoisonError::into_inner);
        exposition::render(&self.registry.gather(), form, &traced)
    }

    /// How many series a scrape has now: a histogram has one for each bucket, and two.
    #[must_use]
    pub fn series(&self) -> usize {
        let of_histogram = |metric: &Metric| {
            let bounds = metric.get_histogram().get_bucket().iter().map(Bucket::upper_bound);
            bounds.filter(|bound| bound.is_finite()).count() + 3
        };
        let of_family = |family: &MetricFamily| match family.get_field_type() {
            MetricType::HISTOGRAM => family.get_metric().iter().map(of_histogram).sum(),
            _ => family.get_metric().len(),
        };
        self.registry.gather().iter().map(of_family).sum()
    }

    fn read_on_scrape<F>(&self, name: &'static str, help: &'static str, read: F) -> Result<(), MetricsError>
    where
        F: Fn(Opts) -> prometheus::Result<Vec<MetricFamily>> + Send + Sync + 'static,
    {
        let opts = Opts::new(name, help);
        let failed = |cause| MetricsError { name: name.to_owned(), cause };
        let desc = prometheus::core::Describer::describe(&opts).map_err(failed)?;
        self.register(name, ScrapedMetric { desc, opts, read })
    }

    pub(super) fn register_made<M: Collector + Clone + 'static>(
        &self,
        name: &str,
        made: prometheus::Result<M>,
    ) -> Result<M, MetricsError> {
        let metric = made.map_err(|cause| MetricsError { name: name.to_owned(), cause })?;
        self.register(name, metric.clone())?;
        Ok(metric)
    }

    fn register(&self, name: &str, collector: impl Collector + 'static) -> Result<(), MetricsError> {
        let failed = |cause| MetricsError { name: name.to_owned(), cause };
        self.registry.register(Box::new(collector)).map_err(failed)
    }
}

/// A metric that a closure makes anew at each scrape.
struct ScrapedMetric<F> {
    desc: Desc,
    opts: Opts,
    read: F,
}

impl<F> Collector for ScrapedMetric<F>
where
    F: Fn(Opts) -> prometheus::Result<Vec<MetricFamily>> + Send + Sync,
{
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.read)(self.opts.clone()).unwrap_or_default()
    }
}
