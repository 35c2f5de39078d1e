//! How often the values of each declared feature are refused.
//!
//! Rule of thumb: the label is a feature of a loaded model and nothing that a request says. Of all models together so many
//! features have series of their own; the others are counted as `other`.

use std::sync::Arc;

use monitoring::prediction::OTHER;
use monitoring::{Counter, Each, LabelLease, LeasedFamily, LeasedSet, MetricsError, MetricsRegistry, each};

use crate::model::features::RefusalReason;
use crate::model::{Engine, ModelFeatures};

/// Features of all models that have series of their own.
const MOST_FEATURES: usize = 800;

/// Most series of features, where so many models have series of their own: those of each feature, and of what is counted as
/// `other` of each model, of `other` and of `unknown`.
pub(crate) fn series_of_features(models: usize) -> usize {
    (MOST_FEATURES + models + 2).saturating_mul(<RefusalReason as monitoring::LabelEnum>::ALL.len())
}

/// Where the refusals of all models are counted.
#[derive(Clone)]
pub(super) struct FeatureRefusalFamily {
    features: LeasedSet,
    refusals: Arc<LeasedFamily<Counter, Each<RefusalReason>>>,
}

/// Where the refusals of one version's features are counted, in the order of its features.
#[derive(Clone)]
pub(crate) struct FeatureRefusals {
    features: Vec<LabelLease>,
    refusals: Arc<LeasedFamily<Counter, Each<RefusalReason>>>,
}

impl FeatureRefusalFamily {
    pub(super) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let features = LeasedSet::new(&["model", "feature"], MOST_FEATURES);
        let help = "Requests that were refused for a value of this feature, by what was wrong with it.";
        let refusals = registry.leased_counters("prediction_feature_refusals_total", help, &features, each())?;
        Ok(Self { features, refusals: Arc::new(refusals) })
    }

    /// Exposes the series of a version's features, under this name of its model.
    pub(super) fn of(&self, model: &str, engine: &Engine) -> FeatureRefusals {
        let lease = |name: &str| {
            let own = if model == OTHER { None } else { self.features.lease(&[model, name]).ok() };
            own.unwrap_or_else(|| self.features.lease_reserved(&[model, OTHER]))
        };
        let columns = engine.features().into_iter().flat_map(ModelFeatures::columns);
        let features: Vec<LabelLease> = columns.map(|column| lease(&column.declaration.name)).collect();
        for feature in &features {
            for reason in <RefusalReason as monitoring::LabelEnum>::ALL {
                self.refusals.with(feature, *reason);
            }
        }
        FeatureRefusals { features, refusals: self.refusals.clone() }
    }
}

impl FeatureRefusals {
    /// Counts a refusal of the feature at this place.
    pub(crate) fn count(&self, place: usize, reason: RefusalReason) {
        if let Some(feature) = self.features.get(place) {
            self.refusals.with(feature, reason).inc();
        }
    }
}
