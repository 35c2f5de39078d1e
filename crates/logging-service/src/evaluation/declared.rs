//! What is declared about the evaluated models, as metrics that the rules join.
//!
//! Rule of thumb: a rule is written for all models. What differs between them is a number of the metrics: a threshold, an
//! owner, a mute.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monitoring::{Desc, MetricFamily};
use prediction_record::{AlertThresholds, ModelDeclaration, Task};

use super::gauges::{EvaluationGauges, FamilyDefinition};
use crate::analysis::PsiThresholds;

const THRESHOLD: FamilyDefinition = FamilyDefinition {
    name: "logging_model_threshold",
    help: "From when on it is an alarm: what is declared about the model, else what is shipped for all models.",
    labels: &["model", "threshold"],
};
const INFO: FamilyDefinition = FamilyDefinition {
    name: "logging_model_info",
    help: "Always 1; the labels say who owns the model and what it does, and are empty where nobody has declared it.",
    labels: &["model", "owner", "task"],
};
const MUTED: FamilyDefinition = FamilyDefinition {
    name: "logging_model_muted",
    help: "1 while the alerts about the model are silent because somebody has declared so, else 0.",
    labels: &["model"],
};

const ALL: [FamilyDefinition; 3] = [THRESHOLD, INFO, MUTED];

/// The descriptions of these families.
pub(super) fn descs() -> impl Iterator<Item = Desc> {
    ALL.into_iter().filter_map(FamilyDefinition::desc)
}

/// The families about these models; `now` decides whether a mute is still in force.
pub(super) fn families(
    models: &[String],
    declarations: &BTreeMap<String, ModelDeclaration>,
    now: Timestamp,
) -> Vec<MetricFamily> {
    let gauges = EvaluationGauges::new(&ALL);
    let nothing = ModelDeclaration::default();
    for model in models {
        let declared = declarations.get(model).unwrap_or(&nothing);
        for (name, threshold) in effective(declared.thresholds).named() {
            if let Some(threshold) = threshold {
                gauges.set(THRESHOLD, &[model, name], threshold);
            }
        }
        let owner = declared.owner.as_deref().unwrap_or_default();
        gauges.set(INFO, &[model, owner, declared.task.map(Task::as_str).unwrap_or_default()], 1.0);
        let is_muted = declared.mute.as_ref().is_some_and(|mute| mute.until > now);
        gauges.set(MUTED, &[model], f64::from(u8::from(is_muted)));
    }
    gauges.collect()
}

/// The thresholds that hold of a model: its own, and for PSI those that are shipped. How good a model has to be, nobody can
/// know for all of them.
fn effective(declared: AlertThresholds) -> AlertThresholds {
    let PsiThresholds { warning, drift } = PsiThresholds::of(declared);
    AlertThresholds { psi_warning: Some(warning), psi_drift: Some(drift), ..declared }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::SignedDuration;
    use prediction_record::Mute;

    use super::*;

    fn series(families: &[MetricFamily]) -> Vec<(String, Vec<String>, f64)> {
        let of = |family: &MetricFamily| {
            let name = family.name().to_owned();
            let series = family.get_metric().iter();
            series
                .map(|metric| {
                    let labels = metric.get_label().iter().map(|label| label.value().to_owned()).collect();
                    (name.clone(), labels, metric.get_gauge().get_value())
                })
                .collect::<Vec<_>>()
        };
        families.iter().flat_map(of).collect()
    }

    #[test]
    fn what_is_declared_goes_before_what_is_shipped_and_a_mute_ends() {
        let now = Timestamp::UNIX_EPOCH;
        let declaration = ModelDeclaration {
            owner: Some("risk".to_owned()),
            task: Some(Task::Regression),
            thresholds: AlertThresholds { psi_drift: Some(0.4), mae: Some(12.0), ..AlertThresholds::default() },
            mute: Some(Mute { until: now + SignedDuration::from_secs(60), reason: None }),
            ..ModelDeclaration::default()
        };
        let models = ["house".to_owned(), "other".to_owned()];
        let declarations =
            [("house".to_owned(), declaration), ("absent".to_owned(), ModelDeclaration::default())].into();
        let found = series(&families(&models, &declarations, now));
        let one = |name: &str, labels: &[&str], value: f64| {
            (name.to_owned(), labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>(), value)
        };
        let expected = [
            one("logging_model_threshold", &["house", "mae"], 12.0),
            one("logging_model_threshold", &["house", "psi_drift"], 0.4),
            one("logging_model_threshold", &["house", "psi_warning"], 0.1),
            one("logging_model_threshold", &["other", "psi_drift"], 0.25),
            one("logging_model_threshold", &["other", "psi_warning"], 0.1),
            one("logging_model_info", &["house", "risk", "regression"], 1.0),
            one("logging_model_info", &["other", "", ""], 1.0),
            one("logging_model_muted", &["house"], 1.0),
            one("logging_model_muted", &["other"], 0.0),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(expected.iter().all(|series| found.contains(series)), "{found:?}");
        let later = series(&families(&models, &declarations, now + SignedDuration::from_secs(60)));
        assert!(later.contains(&one("logging_model_muted", &["house"], 0.0)));
    }
}
