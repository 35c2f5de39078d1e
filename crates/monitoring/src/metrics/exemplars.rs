//! Histograms whose buckets remember the latest trace that fell into them.
//!
//! Source: OpenMetrics 1.0.0, "Exemplars". The classic text format has no place for them.
//!
//! Rule of thumb: an observation never waits and allocates nothing. If two fall into a bucket at the same moment, one of them
//! is remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily};
use prometheus::{Histogram, HistogramVec};

use super::family::LabelledMetric;
use crate::traces::TraceContext;

/// Ends each label value in the name of a series.
const SEPARATOR: char = '\u{1f}';

/// A histogram with exemplars.
#[derive(Clone)]
pub struct TracedHistogram {
    histogram: Histogram,
    exemplars: Arc<SeriesExemplars>,
}

impl TracedHistogram {
    /// Observes a value. Its bucket remembers `trace` if that is sampled.
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
pub(super) struct SeriesExemplars {
    bounds: Arc<[f64]>,
    /// One for each bound, and one for the bucket above the last.
    latest: Box<[Mutex<Option<Exemplar>>]>,
}

impl SeriesExemplars {
    fn new(bounds: &Arc<[f64]>) -> Self {
        Self { bounds: bounds.clone(), latest: (0..=bounds.len()).map(|_| Mutex::default()).collect() }
    }

    fn remember(&self, exemplar: Exemplar) {
        let bucket = self.bounds.partition_point(|bound| *bound < exemplar.value);
        if let Ok(mut latest) = self.latest[bucket].try_lock() {
            *latest = Some(exemplar);
        }
    }

    /// The exemplar of a bucket; buckets are counted from the lowest.
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
    series: Arc<RwLock<HashMap<String, Arc<SeriesExemplars>>>>,
}

impl TracedVec {
    pub(super) fn new(histograms: HistogramVec, names: &[&'static str], bounds: &[f64]) -> Self {
        Self { histograms, names: names.into(), bounds: bounds.into(), series: Arc::default() }
    }

    /// The exemplars of the series with these labels.
    pub(super) fn exemplars(&self, labels: &[LabelPair]) -> Option<Arc<SeriesExemplars>> {
        let key = key(labels.iter().map(|label| (label.name(), label.value())).collect());
        self.series.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }
}

impl LabelledMetric for TracedHistogram {
    type Vec = TracedVec;

    fn series(vec: &TracedVec, values: &[&str]) -> Self {
        let key = key(vec.names.iter().copied().zip(values.iter().copied()).collect());
        let mut series = vec.series.write().unwrap_or_else(PoisonError::into_inner);
        let exemplars = series.entry(key).or_insert_with(|| Arc::new(SeriesExemplars::new(&vec.bounds))).clone();
        Self { histogram: vec.histograms.with_label_values(values), exemplars }
    }

    fn forget(vec: &TracedVec, values: &[&str]) {
        let key = key(vec.names.iter().copied().zip(values.iter().copied()).collect());
        vec.series.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
        // An error says that there is no such series.
        let _ = vec.histograms.remove_label_values(values);
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

/// Names a series by its label values, sorted by the labels' names, for a scrape gives them in another order.
fn key(mut labels: Vec<(&str, &str)>) -> String {
    labels.sort_unstable();
    let mut key = String::new();
    for (_, value) in labels {
        key.push_str(value);
        key.push(SEPARATOR);
    }
    key
}
