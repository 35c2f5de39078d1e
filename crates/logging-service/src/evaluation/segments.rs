//! Quality and drift of each declared segment over the last day, as metrics.
//!
//! Rule of thumb: a segment is judged as its model is, by the model's own reference. The numbers of all predictions can
//! hide what happens to one group, and even turn it around (Simpson's paradox).

use std::collections::BTreeMap;

use monitoring::{Desc, MetricFamily};

use super::gauges::{EvaluationGauges, FamilyDefinition};
use super::in_service::FilesInService;
use super::model_evaluation::{ModelEvaluation, ModelKnowledge};
use super::window::EvaluationWindow;
use crate::store::windows::ModelWindow;

const LABELS: &[&str] = &["model", "window", "tag", "value"];

const PREDICTIONS: FamilyDefinition = FamilyDefinition {
    name: "logging_segment_predictions",
    help: "Answered predictions of the segment in the window.",
    labels: LABELS,
};
const LABELLED: FamilyDefinition = FamilyDefinition {
    name: "logging_segment_labelled_predictions",
    help: "Predictions of the segment whose true label is known.",
    labels: LABELS,
};
const ACCURACY: FamilyDefinition = FamilyDefinition {
    name: "logging_segment_accuracy",
    help: "Share of the segment's labelled predictions that were right, 0 to 1.",
    labels: LABELS,
};
const VERDICT: FamilyDefinition = FamilyDefinition {
    name: "logging_segment_drift_verdict",
    help: "Worst verdict of the segment's features: 0 no drift, 1 a warning, 2 drift.",
    labels: LABELS,
};

const ALL: [FamilyDefinition; 4] = [PREDICTIONS, LABELLED, ACCURACY, VERDICT];

/// The window over which segments are judged.
pub(super) const WINDOW: EvaluationWindow = EvaluationWindow::Day;

/// The descriptions of these families.
pub(super) fn descs() -> impl Iterator<Item = Desc> {
    ALL.into_iter().filter_map(FamilyDefinition::desc)
}

/// The evaluations of segments, by model and segment.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentEvaluations(BTreeMap<String, BTreeMap<String, ModelEvaluation>>);

impl SegmentEvaluations {
    /// Evaluates each segment that is still declared, of the file in service.
    pub(super) fn of(sums: &[ModelWindow], in_service: &FilesInService, known: &ModelKnowledge) -> Self {
        let mut files = BTreeMap::<(&str, &str), Vec<&ModelWindow>>::new();
        for sum in sums.iter().filter(|sum| is_declared(sum, known)) {
            files.entry((&sum.model, &sum.segment)).or_default().push(sum);
        }
        let mut models = BTreeMap::<String, BTreeMap<String, ModelEvaluation>>::new();
        for sum in files.values().filter_map(|files| in_service.among(files)) {
            let evaluation = ModelEvaluation::of(WINDOW, sum, known);
            models.entry(sum.model.clone()).or_default().insert(sum.segment.clone(), evaluation);
        }
        Self(models)
    }

    /// The families of a model's segments.
    pub(super) fn families(&self, model: &str) -> Vec<MetricFamily> {
        let gauges = EvaluationGauges::new(&ALL);
        for (segment, evaluation) in self.0.get(model).into_iter().flatten() {
            let (tag, value) = segment.split_once('=').unwrap_or((segment, ""));
            let labels = [model, WINDOW.as_str(), tag, value];
            gauges.set(PREDICTIONS, &labels, evaluation.quality.predictions as f64);
            gauges.set(LABELLED, &labels, evaluation.quality.labelled as f64);
            if let Some(accuracy) = evaluation.quality.accuracy {
                gauges.set(ACCURACY, &labels, accuracy);
            }
            if let Some(drift) = &evaluation.drift {
                gauges.set(VERDICT, &labels, f64::from(drift.verdict.level()));
            }
        }
        gauges.collect()
    }
}

fn is_declared(sum: &ModelWindow, known: &ModelKnowledge) -> bool {
    let Some((tag, value)) = sum.segment.split_once('=') else { return false };
    let tags = known.declared.get(&sum.model).map(|declared| &declared.tags);
    tags.and_then(|tags| tags.get(tag)).is_some_and(|values| values.iter().any(|known| known == value))
}
