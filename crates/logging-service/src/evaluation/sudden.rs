//! Sudden changes in the five minutes that fill now and in those before, as metrics.
//!
//! Rule of thumb: a change stays in the metrics while its five minutes are among these, so that it does not flicker where
//! new ones begin with few predictions.

use std::collections::BTreeMap;

use monitoring::{Desc, MetricFamily};

use super::gauges::{EvaluationGauges, FamilyDefinition};
use super::model_evaluation::ModelKnowledge;
use crate::analysis::{DriftRules, sudden_changes};
use crate::store::references;
use crate::store::windows::ModelWindow;

const SUDDEN: FamilyDefinition = FamilyDefinition {
    name: "logging_drift_sudden",
    help: "1 if the feature has suddenly become different from the model's reference within the last minutes, else 0.",
    labels: &["model", "feature"],
};
const EVIDENCE: FamilyDefinition = FamilyDefinition {
    name: "logging_drift_sudden_evidence",
    help: "Evidence of the last minutes that the feature is not as in the reference; from 1 on chance does not explain it.",
    labels: &["model", "feature"],
};

const ALL: [FamilyDefinition; 2] = [SUDDEN, EVIDENCE];

/// The descriptions of these families.
pub(super) fn descs() -> impl Iterator<Item = Desc> {
    ALL.into_iter().filter_map(FamilyDefinition::desc)
}

/// What the last minutes say of one feature.
#[derive(Clone, Copy, Debug, Default)]
struct SuddenState {
    is_sudden: bool,
    evidence: f64,
}

/// The state of every feature of the models that have a reference.
#[derive(Clone, Debug, Default)]
pub(super) struct SuddenEvaluation(BTreeMap<String, BTreeMap<String, SuddenState>>);

impl SuddenEvaluation {
    /// Judges the counts of buckets, each for itself.
    pub(super) fn of(buckets: &[ModelWindow], known: &ModelKnowledge) -> Self {
        let mut models = BTreeMap::<String, BTreeMap<String, SuddenState>>::new();
        for bucket in buckets {
            let Some(profile) = references::of(&known.profiles, &bucket.model, &bucket.model_sha256) else { continue };
            let rules = DriftRules::once().of_model(known.declared.get(&bucket.model));
            let features = models.entry(bucket.model.clone()).or_default();
            for change in sudden_changes(&rules, &profile.counts, &bucket.counts) {
                let state = features.entry(change.feature).or_default();
                state.is_sudden |= change.is_sudden;
                state.evidence = state.evidence.max(change.evidence);
            }
        }
        Self(models)
    }

    /// The families of one model.
    pub(super) fn families(&self, model: &str) -> Vec<MetricFamily> {
        let gauges = EvaluationGauges::new(&ALL);
        for (feature, state) in self.0.get(model).into_iter().flatten() {
            gauges.set(SUDDEN, &[model, feature], f64::from(u8::from(state.is_sudden)));
            gauges.set(EVIDENCE, &[model, feature], state.evidence);
        }
        gauges.collect()
    }
}
