//! The families of all models, up to a bound on their series.
//!
//! Rule of thumb: a scrape with too many samples is refused as a whole, so the last models are left out before that.

use std::collections::BTreeMap;

use monitoring::MetricFamily;

/// Series of windows that are published at most; `prometheus.yml` refuses a scrape of more than 40,000.
const MAX_SERIES: usize = 25_000;

/// Families by name.
#[derive(Debug, Default)]
pub(super) struct PublishedFamilies {
    by_name: BTreeMap<String, MetricFamily>,
    series: usize,
    left_out: usize,
}

impl PublishedFamilies {
    /// Adds the families of a model, or none of them where there is no room for all.
    pub(super) fn add_model(&mut self, families: Vec<MetricFamily>) {
        let series: usize = families.iter().map(|family| family.get_metric().len()).sum();
        if self.series.saturating_add(series) > MAX_SERIES {
            self.left_out += 1;
        } else {
            self.series += series;
            self.add(families);
        }
    }

    /// Adds families whose series are few.
    pub(super) fn add(&mut self, families: Vec<MetricFamily>) {
        for mut family in families {
            match self.by_name.get_mut(family.name()) {
                Some(known) => known.mut_metric().append(family.mut_metric()),
                None => drop(self.by_name.insert(family.name().to_owned(), family)),
            }
        }
    }

    /// Models that there was no room for.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    /// All families.
    pub(super) fn into_families(self) -> Vec<MetricFamily> {
        self.by_name.into_values().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use monitoring::Collector as _;
    use prometheus::{GaugeVec, Opts};

    use super::*;

    fn family(model: &str, series: usize) -> Vec<MetricFamily> {
        let gauge = GaugeVec::new(Opts::new("drift", "Drift."), &["model", "feature"]).unwrap();
        (0..series).for_each(|feature| gauge.with_label_values(&[model, &feature.to_string()]).set(1.0));
        gauge.collect()
    }

    #[test]
    fn a_model_is_published_whole_or_left_out() {
        let mut published = PublishedFamilies::default();
        published.add_model(family("first", MAX_SERIES - 10));
        published.add_model(family("large", 11));
        published.add_model(family("small", 10));
        assert_eq!(published.left_out(), 1);
        let families = published.into_families();
        assert_eq!(families.iter().map(|family| family.get_metric().len()).collect::<Vec<_>>(), [MAX_SERIES]);
    }
}
