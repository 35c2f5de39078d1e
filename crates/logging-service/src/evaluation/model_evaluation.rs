//! What is known of a model over a window: its counts beside reference and labels.

use jiff::Timestamp;

use super::window::EvaluationWindow;
use crate::analysis::{DriftReport, QualityReport, ReferenceProfile, compare, quality};
use crate::store::references;
use crate::store::windows::ModelWindow;

/// What is known of one model over one window.
#[derive(Clone, Debug)]
pub(super) struct ModelEvaluation {
    pub(super) model: String,
    /// When the latest bucket of its file begins.
    latest: Timestamp,
    pub(super) quality: QualityReport,
    /// Absent where there is no reference.
    pub(super) drift: Option<DriftReport>,
}

impl ModelEvaluation {
    /// Compares the counts of a model's file with reference and labels.
    fn of(sum: &ModelWindow, profiles: &[ReferenceProfile]) -> Self {
        let reference = references::of(profiles, &sum.model, &sum.model_sha256).map(|profile| &profile.counts);
        Self {
            model: sum.model.clone(),
            latest: sum.latest,
            quality: quality(&sum.counts, reference),
            drift: reference.map(|reference| compare(reference, &sum.counts)),
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
    pub(super) fn of_newest_files(
        window: EvaluationWindow,
        sums: &[ModelWindow],
        profiles: &[ReferenceProfile],
    ) -> Self {
        let mut models: Vec<ModelEvaluation> = Vec::new();
        for sum in sums {
            match models.iter_mut().find(|other| other.model == sum.model) {
                None => models.push(ModelEvaluation::of(sum, profiles)),
                Some(other) if other.latest < sum.latest => *other = ModelEvaluation::of(sum, profiles),
                Some(_) => {}
            }
        }
        Self { window, models }
    }
}
