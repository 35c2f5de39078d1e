//! What is known of one prediction request so far.

use std::sync::Arc;

use monitoring::RequestContext;
use monitoring::prediction::UNKNOWN_MODEL;
use prediction_record::Tags;

use crate::model::Engine;
use crate::predict::decode::LoggedInput;
use crate::serving::Model;

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
    pub(super) engine: Option<Arc<Engine>>,
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
            engine: None,
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
        self.engine.as_deref().map(Engine::version)
    }
}
