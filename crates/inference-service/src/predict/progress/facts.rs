//! What is known of one prediction request so far.

use std::sync::Arc;

use monitoring::RequestContext;
use monitoring::prediction::UNKNOWN_MODEL;
use prediction_record::Tags;

use super::failure::LoggedFailure;
use crate::model::Engine;
use crate::predict::decoded_item::LoggedInput;
use crate::serving::{LoadedVersion, Model};

/// Seconds of each phase, `None` for a phase that was not reached, and of all together.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::predict) struct PhaseTimings {
    pub(in crate::predict) decode: Option<f64>,
    pub(in crate::predict) queue: Option<f64>,
    pub(in crate::predict) inference: Option<f64>,
    pub(in crate::predict) total: f64,
}

/// What log line, span and records say of a request.
pub(super) struct RequestFacts {
    pub(super) context: RequestContext,
    pub(super) model: Option<Arc<Model>>,
    pub(super) version: Option<Arc<LoadedVersion>>,
    /// How many items the request has; 1 until they are counted.
    pub(super) items: usize,
    /// What the prediction log keeps of each item, once they are decoded; empty if predictions are not logged.
    pub(super) inputs: Vec<LoggedInput>,
    pub(super) timings: PhaseTimings,
    /// The segments that its predictions belong to.
    pub(super) tags: Tags,
}

impl RequestFacts {
    pub(super) fn new(context: RequestContext) -> Self {
        Self {
            context,
            model: None,
            version: None,
            items: 1,
            inputs: Vec::new(),
            timings: PhaseTimings::default(),
            tags: Tags::new(),
        }
    }

    pub(super) fn model_name(&self) -> &str {
        self.model.as_ref().map_or(UNKNOWN_MODEL, |model| &model.name)
    }

    pub(super) fn version_name(&self) -> Option<&str> {
        self.engine().map(Engine::version)
    }

    pub(super) fn engine(&self) -> Option<&Engine> {
        self.version.as_deref().map(|version| &*version.engine)
    }

    /// Counts what was refused, where that was a value of a feature.
    pub(super) fn count_refused_feature(&self, failure: &LoggedFailure<'_>) {
        if let (Some(version), Some(refused)) = (&self.version, failure.refused) {
            version.feature_refusals.count(refused.place, refused.reason);
        }
    }
}
