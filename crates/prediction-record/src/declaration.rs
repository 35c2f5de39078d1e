//! What is declared about a model: what its answers and inputs mean, who owns it, and from when on it is an alarm.
//!
//! The inference service reads it from model.toml and sends it along; of a model that is served elsewhere a person says it
//! with `PUT /models/{name}`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Task;

/// Most features that a model declares.
pub const MAX_FEATURES: usize = 500;
/// Most categories of one feature that are counted by name.
pub const MAX_CATEGORIES: usize = 100;
/// Most keys of tags that a model declares, and that a record has.
pub const MAX_TAGS: usize = 8;
/// Most values that a model declares of one tag.
pub const MAX_TAG_VALUES: usize = 20;

/// What is declared about a model. What is absent is not known, and nothing is assumed for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelDeclaration {
    /// What the model does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// The person or team that is told when something is wrong with it; the label `owner` of its alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub owner: Option<String>,
    /// The names of the classes, in the order of their indices. Where they are declared, a number as a label is an index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Which of two classes is the positive one: AUC, log loss, precision and recall are about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// How far a regression's answer may be from the truth and still be counted as right.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub tolerance: Option<f64>,
    /// The features of its input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 500)]
    pub features: Vec<FeatureDeclaration>,
    /// The segments that are counted: the values of each tag. Others are kept in the log, and not counted apart.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Vec<String>>,
    /// From when on it is an alarm.
    #[serde(skip_serializing_if = "AlertThresholds::is_empty")]
    pub thresholds: AlertThresholds,
    /// Whether its alerts are silent for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mute: Option<Mute>,
}

/// A column of a model's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureDeclaration {
    /// Its name in rows, records, metrics and reports.
    #[schema(max_length = 128)]
    pub name: String,
    /// Whether it is a number or one of several names.
    pub kind: FeatureKind,
    /// The least and the greatest number that make sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<f64>>, min_items = 2, max_items = 2)]
    pub range: Option<[f64; 2]>,
    /// The categories that make sense; all if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Whether a row may do without it.
    #[serde(default)]
    pub optional: bool,
    /// What becomes of a number out of range and of a category that is not declared.
    #[serde(default, skip_serializing_if = "OutsidePolicy::is_default")]
    pub outside: OutsidePolicy,
    /// Whether the log keeps its values. They are counted for drift either way.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub keep: bool,
}

/// What a feature's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// Numbers.
    Number,
    /// Names.
    Category,
}

/// What becomes of a value that should not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutsidePolicy {
    /// The request is refused.
    #[default]
    Refuse,
    /// The model gets it, and it is counted as out of range.
    Accept,
}

impl OutsidePolicy {
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// From when on something is an alarm. What is absent has the value that is shipped for all models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertThresholds {
    /// The PSI from which a feature has a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub psi_warning: Option<f64>,
    /// The PSI from which a feature has drifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub psi_drift: Option<f64>,
    /// The greatest share of a feature's values that may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub missing: Option<f64>,
    /// The least accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub accuracy: Option<f64>,
    /// The greatest mean absolute error of a regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub mae: Option<f64>,
    /// The least area under the ROC curve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1)]
    pub auc: Option<f64>,
}

impl AlertThresholds {
    /// Each threshold with its name, the label of its metric.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<f64>); 6] {
        [
            ("psi_warning", self.psi_warning),
            ("psi_drift", self.psi_drift),
            ("missing", self.missing),
            ("accuracy", self.accuracy),
            ("mae", self.mae),
            ("auc", self.auc),
        ]
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Silence about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// Until when.
    #[serde(deserialize_with = "crate::time::time")]
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    pub reason: Option<String>,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference.
fn is_yes(flag: &bool) -> bool {
    *flag
}

impl ModelDeclaration {
    /// What this declares, and for the rest what `shipped` does: a person's word goes before the file's.
    #[must_use]
    pub fn over(self, shipped: Self) -> Self {
        let or = |own: Option<f64>, other: Option<f64>| own.or(other);
        let [own, other] = [self.thresholds, shipped.thresholds];
        Self {
            task: self.task.or(shipped.task),
            owner: self.owner.or(shipped.owner),
            labels: if self.labels.is_empty() { shipped.labels } else { self.labels },
            positive: self.positive.or(shipped.positive),
            tolerance: or(self.tolerance, shipped.tolerance),
            features: if self.features.is_empty() { shipped.features } else { self.features },
            tags: if self.tags.is_empty() { shipped.tags } else { self.tags },
            thresholds: AlertThresholds {
                psi_warning: or(own.psi_warning, other.psi_warning),
                psi_drift: or(own.psi_drift, other.psi_drift),
                missing: or(own.missing, other.missing),
                accuracy: or(own.accuracy, other.accuracy),
                mae: or(own.mae, other.mae),
                auc: or(own.auc, other.auc),
            },
            mute: self.mute.or(shipped.mute),
        }
    }

    /// The declaration of a feature.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&FeatureDeclaration> {
        self.features.iter().find(|feature| feature.name == name)
    }
}
