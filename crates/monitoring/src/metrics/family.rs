//! A metric with labels, as an array of its series.

use std::sync::OnceLock;

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::labels::Labels;

/// A kind of metric that can have labels.
pub trait LabelledMetric: Clone + Send + Sync + 'static {
    /// The registered collection of all series.
    type Vec: Collector + Clone + 'static;
    /// The series with these label values, made if it is new.
    fn series(vec: &Self::Vec, values: &[&str]) -> Self;
    /// Takes the series with these label values out of the scrape, if there is one.
    fn forget(vec: &Self::Vec, values: &[&str]);
}

macro_rules! metric {
    ($($metric:ty => $vec:ty),+) => {
        $(impl LabelledMetric for $metric {
            type Vec = $vec;
            fn series(vec: &$vec, values: &[&str]) -> Self {
                vec.with_label_values(values)
            }
            fn forget(vec: &$vec, values: &[&str]) {
                // An error says that there is no such series.
                let _ = vec.remove_label_values(values);
            }
        })+
    };
}
metric!(IntCounter => IntCounterVec, IntGauge => IntGaugeVec, Gauge => GaugeVec, Histogram => HistogramVec);

/// All series of one metric. Reaching a series is an array access, without hashing or locks.
pub struct Family<M: LabelledMetric, L: Labels> {
    vec: M::Vec,
    labels: L,
    series: Box<[OnceLock<M>]>,
}

impl<M: LabelledMetric, L: Labels> Family<M, L> {
    pub(super) fn new(vec: M::Vec, labels: L) -> Self {
        let series = (0..labels.capacity()).map(|_| OnceLock::new()).collect();
        Self { vec, labels, series }
    }

    /// The series with these label values. It exists, at 0, from the first call on.
    ///
    /// # Panics
    /// If `key` holds a member of another label set that is larger than this family's.
    pub fn with(&self, key: L::Key) -> &M {
        self.series[self.labels.index(key)].get_or_init(|| {
            let values = self.labels.values(key);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            M::series(&self.vec, &values)
        })
    }

    /// Makes every series that the labels allow now, so that each is exposed at 0 before its first event.
    pub(super) fn expose_all(self) -> Self {
        for key in self.labels.keys() {
            self.with(key);
        }
        self
    }
}
