//! The faults of features as metric families.
//!
//! Rule of thumb: a model may have hundreds of features. Those that are worst have series, so that what alarms is never
//! left out.

use monitoring::Desc;

use super::gauges::{EvaluationGauges, FamilyDefinition};
use crate::analysis::{DriftReport, FeatureDrift};

/// Features of one model that get series of their own.
const MAX_FEATURES: usize = 100;

const BY_FAULT: &[&str] = &["model", "window", "feature", "fault"];

const RATIO: FamilyDefinition = FamilyDefinition {
    name: "logging_feature_fault_ratio",
    help: "Share of the feature's values that are missing, out of range or unseen; for constant, of the most frequent one.",
    labels: BY_FAULT,
};
const FAULT: FamilyDefinition = FamilyDefinition {
    name: "logging_feature_fault",
    help: "1 where that share is above what is allowed and more than chance, else 0.",
    labels: BY_FAULT,
};
const LEFT_OUT: FamilyDefinition = FamilyDefinition {
    name: "logging_features_left_out",
    help: "Compared features of the model that have no series, because it has too many; the worst have.",
    labels: &["model", "window"],
};

pub(super) const ALL: [FamilyDefinition; 3] = [RATIO, FAULT, LEFT_OUT];

/// The descriptions of these families.
pub(super) fn descs() -> impl Iterator<Item = Desc> {
    ALL.into_iter().filter_map(FamilyDefinition::desc)
}

/// The features that get series: all, or where there are too many the worst, and of equal ones the first.
pub(super) fn shown(report: &DriftReport) -> Vec<&FeatureDrift> {
    let has_fault = |feature: &FeatureDrift| feature.faults.iter().any(|fault| fault.is_fault);
    let mut features: Vec<&FeatureDrift> = report.features.iter().collect();
    if features.len() > MAX_FEATURES {
        features.sort_by_key(|feature| std::cmp::Reverse((feature.verdict.level(), has_fault(feature))));
        features.truncate(MAX_FEATURES);
    }
    features
}

/// Sets the series of a model over a window.
pub(super) fn set(gauges: &EvaluationGauges, model: &str, window: &str, report: &DriftReport) {
    let shown = shown(report);
    gauges.set(LEFT_OUT, &[model, window], (report.features.len() - shown.len()) as f64);
    for feature in shown {
        for found in &feature.faults {
            let labels = [model, window, feature.feature.as_str(), found.fault.as_str()];
            gauges.set(RATIO, &labels, found.share);
            gauges.set(FAULT, &labels, f64::from(u8::from(found.is_fault)));
        }
    }
}

#[cfg(test)]
mod tests {
    use prediction_record::{FeatureValue, FeatureValues};

    use super::*;
    use crate::analysis::{Observation, WindowCounts, compare};

    #[test]
    fn the_worst_features_are_shown() {
        let window = |last: f64| {
            let mut counts = WindowCounts::default();
            for row in 0..200_u32 {
                let value = |column: u32| if column == 149 { last + f64::from(row) } else { f64::from(row) };
                let features: FeatureValues =
                    (0..150).map(|column| (format!("{column:03}"), FeatureValue::Number(value(column)))).collect();
                counts.observe(&Observation { features: Some(&features), ..Observation::default() });
            }
            counts
        };
        let report = compare(&window(0.0), &window(500.0));
        let shown = shown(&report);
        let names: Vec<&str> = shown.iter().map(|feature| feature.feature.as_str()).collect();
        assert_eq!((report.features.len(), names.len()), (150, MAX_FEATURES));
        assert_eq!([names[0], names[1], names[99]], ["149", "000", "098"]);
    }
}
