//! What is known of a model over a window: its counts beside reference and labels.

use std::collections::BTreeMap;

use prediction_record::ModelDeclaration;

use super::window::EvaluationWindow;
use crate::analysis::{DriftReport, DriftRules, QualityReport, ReferenceProfile, compare_by, quality, quality_by};
use crate::store::references;
use crate::store::windows::ModelWindow;

/// What is known of one model over one window.
#[derive(Clone, Debug)]
pub(super) struct ModelEvaluation {
    pub(super) model: String,
    pub(super) quality: QualityReport,
    /// Absent where there is no reference.
    pub(super) drift: Option<DriftReport>,
}

/// What is known of the models apart from their predictions.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelKnowledge {
    pub(super) profiles: Vec<ReferenceProfile>,
    /// What is declared, by model.
    pub(super) declared: BTreeMap<String, ModelDeclaration>,
}

impl ModelEvaluation {
    /// Compares the counts of a model's file with reference and labels.
    pub(super) fn of(window: EvaluationWindow, sum: &ModelWindow, known: &ModelKnowledge) -> Self {
        let reference = references::of(&known.profiles, &sum.model, &sum.model_sha256).map(|profile| &profile.counts);
        let rules = DriftRules::watched(window.seconds()).of_model(known.declared.get(&sum.model));
        Self {
            model: sum.model.clone(),
            quality: match known.declared.get(&sum.model) {
                Some(declared) => quality_by(declared, &sum.counts, reference),
                None => quality(&sum.counts, reference),
            },
            drift: reference.map(|reference| compare_by(&rules, reference, &sum.counts)),
        }
    }
}

/// The evaluations of one window.
#[derive(Clone, Debug)]
pub(super) struct WindowEvaluation {
    pub(super) window: EvaluationWindow,
    /// One of each model.
    pub(super) models: Vec<ModelEvaluation>,
}

impl WindowEvaluation {
    /// Evaluates sums, one of each model.
    pub(super) fn of<'s>(
        window: EvaluationWindow,
        sums: impl Iterator<Item = &'s ModelWindow>,
        known: &ModelKnowledge,
    ) -> Self {
        Self { window, models: sums.map(|sum| ModelEvaluation::of(window, sum, known)).collect() }
    }

    /// Takes out the evaluation of one model.
    pub(super) fn take(&mut self, model: &str) -> Self {
        Self { window: self.window, models: self.models.extract_if(.., |other| other.model == model).collect() }
    }
}
