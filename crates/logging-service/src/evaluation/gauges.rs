//! Gauges of an evaluation: a family for each kind of number, with series for models, windows and features.
//!
//! Rule of thumb: the series are made anew by each evaluation, so that what is gone has none.

use monitoring::{Collector as _, Desc, MetricFamily};
use prometheus::core::Describer as _;
use prometheus::{GaugeVec, Opts};

/// A family, before it has series.
#[derive(Clone, Copy)]
pub(super) struct FamilyDefinition {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
}

impl FamilyDefinition {
    fn opts(self) -> Opts {
        Opts::new(self.name, self.help)
    }

    /// How the family is described to the registry.
    pub(super) fn desc(self) -> Option<Desc> {
        let labels = self.labels.iter().map(|label| (*label).to_owned()).collect();
        self.opts().variable_labels(labels).describe().ok()
    }
}

/// A gauge for each family.
pub(super) struct EvaluationGauges(Vec<(&'static str, GaugeVec)>);

impl EvaluationGauges {
    /// Gauges without series.
    pub(super) fn new(families: &[FamilyDefinition]) -> Self {
        let gauge = |family: &FamilyDefinition| Some((family.name, GaugeVec::new(family.opts(), family.labels).ok()?));
        Self(families.iter().filter_map(gauge).collect())
    }

    /// Sets a series of one of the families.
    pub(super) fn set(&self, family: FamilyDefinition, labels: &[&str], value: f64) {
        if let Some((_, gauge)) = self.0.iter().find(|(name, _)| *name == family.name)
            && let Ok(series) = gauge.get_metric_with_label_values(labels)
        {
            series.set(value);
        }
    }

    /// The families that have series.
    pub(super) fn collect(&self) -> Vec<MetricFamily> {
        let families = self.0.iter().flat_map(|(_, gauge)| gauge.collect());
        families.filter(|family| !family.get_metric().is_empty()).collect()
    }
}
