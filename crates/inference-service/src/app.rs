//! What the handlers share.

use std::sync::Arc;

use monitoring::Readiness;
use monitoring::prediction::ModelMetrics;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::outbox::Outbox;
use crate::serving::{Admission, InferencePool, Models};

/// The service's parts. Clones share them.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) readiness: Readiness,
    pub(crate) models: Models,
    pub(crate) unknown_model: ModelMetrics,
    pub(crate) admission: Admission,
    pub(crate) pool: InferencePool,
    pub(crate) outbox: Outbox,
    /// A permit for each large request that may be decoded at the same time; the others wait, until their deadline.
    pub(crate) decoders: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
