//! The detector of drift, itself watched: it has to see known drifts in a copy of what was counted last.
//!
//! Rule of thumb: nothing is stored and nobody is alarmed; only whether it would have been seen is published.

use std::collections::BTreeMap;

use monitoring::{Desc, MetricFamily};

use super::gauges::{EvaluationGauges, FamilyDefinition};
use super::model_evaluation::ModelKnowledge;
use super::window::EvaluationWindow;
use crate::analysis::{DriftRules, DriftVerdict, Statistic, WindowCounts, compare_by};
use crate::store::references;
use crate::store::windows::ModelWindow;

/// Shares of the predictions that are moved, the smallest first. The last one has to be seen in every feature.
const SHARES: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5];

const SEEN: FamilyDefinition = FamilyDefinition {
    name: "logging_detector_seen_ratio",
    help: "Share of the model's features in which a drift is seen that was put into a copy of the last day's counts, 0 to 1.",
    labels: &["model"],
};
const SMALLEST: FamilyDefinition = FamilyDefinition {
    name: "logging_detector_smallest_drift",
    help: "The smallest PSI of the drifts put into that copy from which on all are seen, of the feature where it is largest.",
    labels: &["model"],
};

const ALL: [FamilyDefinition; 2] = [SEEN, SMALLEST];

/// The descriptions of these families.
pub(super) fn descs() -> impl Iterator<Item = Desc> {
    ALL.into_iter().filter_map(FamilyDefinition::desc)
}

/// What the detector of one model saw.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DetectorTrial {
    seen: f64,
    smallest: Option<f64>,
}

/// What the detector saw, by model.
#[derive(Clone, Debug, Default)]
pub(super) struct DetectorTrials(BTreeMap<String, DetectorTrial>);

impl DetectorTrials {
    /// Tries the detector on copies of the sums of a day, as the window of a day judges them.
    pub(super) fn on<'s>(sums: impl Iterator<Item = &'s ModelWindow>, known: &ModelKnowledge) -> Self {
        let trial = |sum: &ModelWindow| {
            let reference = references::of(&known.profiles, &sum.model, &sum.model_sha256)?;
            let day = DriftRules::watched(EvaluationWindow::Day.seconds());
            let rules = day.of_model(known.declared.get(&sum.model));
            Some((sum.model.clone(), DetectorTrial::of(&rules, sum, &reference.counts)?))
        };
        Self(sums.filter(|sum| sum.counts.predictions > 0).filter_map(trial).collect())
    }

    /// Whether there is a trial of each model that has a reference and predictions in these sums.
    pub(super) fn cover(&self, sums: &[ModelWindow], known: &ModelKnowledge) -> bool {
        let judged = |sum: &&ModelWindow| {
            sum.counts.predictions > 0 && references::of(&known.profiles, &sum.model, &sum.model_sha256).is_some()
        };
        sums.iter().filter(judged).all(|sum| self.0.contains_key(&sum.model))
    }

    /// The families of one model.
    pub(super) fn families(&self, model: &str) -> Vec<MetricFamily> {
        let gauges = EvaluationGauges::new(&ALL);
        if let Some(trial) = self.0.get(model) {
            gauges.set(SEEN, &[model], trial.seen);
            if let Some(smallest) = trial.smallest {
                gauges.set(SMALLEST, &[model], smallest);
            }
        }
        gauges.collect()
    }
}

impl DetectorTrial {
    /// `None` where nothing can be compared.
    fn of(rules: &DriftRules<'_>, sum: &ModelWindow, reference: &WindowCounts) -> Option<Self> {
        let mut smallest = BTreeMap::<String, Option<f64>>::new();
        let mut seen = 0.0;
        for share in SHARES {
            let report = compare_by(rules, reference, &sum.counts.with_drift(share));
            let drifts = report.features.iter().filter(|feature| feature.verdict == DriftVerdict::Drift).count();
            seen = drifts as f64 / report.features.len().max(1) as f64;
            for feature in &report.features {
                let known = smallest.entry(feature.feature.clone()).or_default();
                if feature.verdict != DriftVerdict::Drift {
                    *known = None;
                } else if known.is_none() {
                    let psi = feature.statistics.iter().find(|measured| measured.statistic == Statistic::Psi);
                    *known = psi.map(|psi| psi.value);
                }
            }
        }
        let every: Option<Vec<f64>> = smallest.values().copied().collect();
        (!smallest.is_empty()).then(|| Self { seen, smallest: every.and_then(|all| all.into_iter().reduce(f64::max)) })
    }
}
