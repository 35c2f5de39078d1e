//! Histograms whose buckets remember the latest trace that fell into them.
//!
//! Source: OpenMetrics 1.0.0, "Exemplars". The classic text format has no place for them.
//!
//! Rule of thumb: an observation never waits and allocates nothing. Where two fall into a bucket at the same moment, one of
//! them is remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily};
use prometheus::{Histogram, HistogramVec};

use super::family::Metric;
use crate::traces::TraceContext;

/// Stands behind each label value in a series' name.
const SEPARATOR: char = '\u{1f}';

/// A histogram with exemplars.
#[derive(Clone)]
pub struct TracedHistogram {
    histogram: Histogram,
    exemplars: Arc<Exemplars>,
}

impl TracedHistogram {
    /// Observes a value of something that happened in `trace`, which is remembered if it is sampled.
    pub fn observe(&self, value: f64, trace: Option<&TraceContext>) {
        self.histogram.observe(value);
        if let Some(trace) = trace.filter(|trace| trace.is_sampled()) {
            self.exemplars.remember(Exemplar { trace: *trace, value, at: SystemTime::now() });
        }
    }
}

/// One observation, and the trace that it belongs to.
#[derive(Clone, Copy)]
pub(super) struct Exemplar {
    pub(super) trace: TraceContext,
    pub(super) value: f64,
    pub(super) at: SystemTime,
}

/// The latest exemplar of each bucket of a series.
pub(super) struct Exemplars {
    bounds: Arc<[f64]>,
    /// One more than there are bounds.
    latest: Box<[Mutex<Option<Exemplar>>]>,
}

impl Exemplars {
    fn new(bounds: &Arc<[f64]>) -> Self {
        Self { bounds: bounds.clone(), latest: (0..=bounds.len()).map(|_| Mutex::default()).collect() }
    }

    fn remember(&self, exemplar: Exemplar) {
        let bucket = self.bounds.partition_point(|bound| *bound < exemplar.value);
        if let Ok(mut latest) = self.latest[bucket].try_lock() {
            *latest = Some(exemplar);
        }
    }

    /// That of a bucket, counted from the lowest.
    pub(super) fn of(&self, bucket: usize) -> Option<Exemplar> {
        *self.latest.get(bucket)?.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All series of one histogram with exemplars.
#[derive(Clone)]
pub struct TracedVec {
    histograms: HistogramVec,
    names: Arc<[&'static str]>,
    bounds: Arc<[f64]>,
    series: Arc<RwLock<HashMap<String, Arc<Exemplars>>>>,
}

impl TracedVec {
    pub(super) fn new(histograms: HistogramVec, names: &[&'static str], bounds: &[f64]) -> Self {
        Self { histograms, names: names.into(), bounds: bounds.into(), series: Arc::default() }
    }

    /// The exemplars of the series with these labels.
    pub(super) fn exemplars(&self, labels: &[LabelPair]) -> Option<Arc<Exemplars>> {
        let key = key(labels.iter().map(|label| (label.name(), label.value())).collect());
        self.series.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }
}

impl Metric for TracedHistogram {
    type Vec = TracedVec;

    fn series(vec: &TracedVec, values: &[&str]) -> Self {
        let key = key(vec.names.iter().copied().zip(values.iter().copied()).collect());
        let mut series = vec.series.write().unwrap_or_else(PoisonError::into_inner);
        let exemplars = series.entry(key).or_insert_with(|| Arc::new(Exemplars::new(&vec.bounds))).clone();
        Self { histogram: vec.histograms.with_label_values(values), exemplars }
    }
}

impl Collector for TracedVec {
    fn desc(&self) -> Vec<&Desc> {
        self.histograms.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.histograms.collect()
    }
}

/// The series' name: its label values in the order of the labels' names, for a scrape has them in an order of its own.
fn key(mut labels: Vec<(&str, &str)>) -> String {
    labels.sort_unstable();
    let mut key = String::new();
    for (_, value) in labels {
        key.push_str(value);
        key.push(SEPARATOR);
    }
    key
}
