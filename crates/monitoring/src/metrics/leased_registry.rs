//! Registration of the metrics whose first labels are leased.

use std::sync::PoisonError;

use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};

use super::exemplars::{TracedHistogram, TracedVec};
use super::labels::Labels;
use super::leased_family::LeasedFamily;
use super::leases::LeasedSet;
use super::registry::{MetricsError, MetricsRegistry};

impl MetricsRegistry {
    /// Counters for each row of `leased` and each combination of `labels` that is asked for.
    ///
    /// # Errors
    /// [`MetricsError`], as for all methods below.
    pub fn leased_counters<L: Labels>(
        &self,
        name: &str,
        help: &str,
        leased: &LeasedSet,
        labels: L,
    ) -> Result<LeasedFamily<IntCounter, L>, MetricsError> {
        let vec = self.register_made(name, IntCounterVec::new(Opts::new(name, help), &names(leased, &labels)))?;
        Ok(LeasedFamily::new(vec, leased, labels))
    }

    /// Gauges for each row of `leased` and each combination of `labels` that is asked for.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn leased_gauges<L: Labels>(
        &self,
        name: &str,
        help: &str,
        leased: &LeasedSet,
        labels: L,
    ) -> Result<LeasedFamily<Gauge, L>, MetricsError> {
        let vec = self.register_made(name, GaugeVec::new(Opts::new(name, help), &names(leased, &labels)))?;
        Ok(LeasedFamily::new(vec, leased, labels))
    }

    /// Histograms for each row of `leased`; `opts` has their name, help and buckets.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn leased_histograms(
        &self,
        opts: HistogramOpts,
        leased: &LeasedSet,
    ) -> Result<LeasedFamily<Histogram, super::NoLabels>, MetricsError> {
        let name = opts.common_opts.name.clone();
        let vec = self.register_made(&name, HistogramVec::new(opts, leased.names()))?;
        Ok(LeasedFamily::new(vec, leased, super::NoLabels))
    }

    /// Histograms with exemplars for each row of `leased` and each combination of `labels` that is asked for.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn leased_traced_histograms<L: Labels>(
        &self,
        opts: HistogramOpts,
        leased: &LeasedSet,
        labels: L,
    ) -> Result<LeasedFamily<TracedHistogram, L>, MetricsError> {
        let (name, buckets) = (opts.common_opts.name.clone(), opts.buckets.clone());
        let names = names(leased, &labels);
        let made = HistogramVec::new(opts, &names).map(|histograms| TracedVec::new(histograms, &names, &buckets));
        let vec = self.register_made(&name, made)?;
        self.traced.write().unwrap_or_else(PoisonError::into_inner).insert(name, vec.clone());
        Ok(LeasedFamily::new(vec, leased, labels))
    }
}

fn names<L: Labels>(leased: &LeasedSet, labels: &L) -> Vec<&'static str> {
    [leased.names(), &labels.names()].concat()
}
