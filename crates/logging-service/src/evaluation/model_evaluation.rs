//! What is known of a model over a window: its counts beside reference and labels.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prediction_record::ModelDeclaration;

use super::window::EvaluationWindow;
use crate::analysis::{DriftReport, DriftRules, QualityReport, ReferenceProfile, compare_by, quality, quality_by};
use crate::store::references;
use crate::store::windows::ModelWindow;

/// What is known of one model over one window.
#[derive(Clone, Debug)]
pub(super) struct ModelEvaluation {
    pub(super) model: String,
    /// When the latest bucket of its file begins.
    pub(super) latest: Timestamp,
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
            latest: sum.latest,
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
    /// Evaluates of each model the file that was used last, which is the one in service.
    pub(super) fn of_newest_files(window: EvaluationWindow, sums: &[ModelWindow], known: &ModelKnowledge) -> Self {
        let mut models: Vec<ModelEvaluation> = Vec::new();
        for sum in sums {
            match models.iter_mut().find(|other| other.model == sum.model) {
                None => models.push(ModelEvaluation::of(window, sum, known)),
                Some(other) if other.latest < sum.latest => *other = ModelEvaluation::of(window, sum, known),
                Some(_) => {}
            }
        }
        Self { window, models }
    }

    /// Takes out the evaluation of one model.
    pub(super) fn take(&mut self, model: &str) -> Self {
        Self { window: self.window, models: self.models.extract_if(.., |other| other.model == model).collect() }
    }
}
