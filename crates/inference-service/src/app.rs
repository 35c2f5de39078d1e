//! What the handlers share.

use std::sync::Arc;

use monitoring::prediction::{ModelMetrics, PredictionMetrics, UNKNOWN_MODEL};
use monitoring::{MemoryRoom, MetricsRegistry, Readiness};

use crate::config::Config;
use crate::error::RunServiceError;
use crate::model::Runtimes;
use crate::outbox::Outbox;
use crate::serving::{Admission, Decoders, InferencePool, ModelLoader, ModelMetricFamilies, Models, SeriesBudget};

/// The service's name in logs and metrics.
pub const SERVICE: &str = "inference-service";

/// The service's parts. Clones share them.
#[derive(Clone)]
pub(crate) struct App(Arc<AppParts>);

pub(crate) struct AppParts {
    pub(crate) config: Config,
    pub(crate) readiness: Readiness,
    pub(crate) models: Models,
    /// The metrics of requests whose model is not known, or not yet.
    pub(crate) unknown_model: ModelMetrics,
    pub(crate) series: SeriesBudget,
    pub(crate) admission: Admission,
    pub(crate) pool: InferencePool,
    pub(crate) outbox: Outbox,
    /// The memory that clients can make the service hold.
    pub(crate) room: MemoryRoom,
    /// Turns for what takes long to decode.
    pub(crate) decoders: Decoders,
}

impl App {
    /// Scans the model repository, registers the metrics and starts the inference threads. No model is loaded yet.
    ///
    /// # Errors
    /// [`RunServiceError`].
    pub(crate) fn start(
        config: Config,
        registry: &MetricsRegistry,
        readiness: Readiness,
        outbox: Outbox,
    ) -> Result<Self, RunServiceError> {
        let repository = config.repository().scan().map_err(RunServiceError::Repository)?;
        let predictions = PredictionMetrics::register_bounded(registry, config.metrics.bounds())?;
        let threads = config.threads();
        let runtimes = Runtimes::start(config.engine, config.onnxruntime_library.as_deref(), threads)?;
        let unknown_model = predictions.model::<&str>(UNKNOWN_MODEL, &[]);
        let families = ModelMetricFamilies::register(registry, &predictions)?;
        let loader = ModelLoader { folder: config.repository(), runtimes, predictions, families };
        let models = Models::register(repository, loader);
        let room = MemoryRoom::register(monitoring::room_bytes(config.memory_room), registry)?;
        let admission = Admission::register(config.queue_limit as usize, threads, registry)?;
        Ok(Self(Arc::new(AppParts {
            readiness,
            models,
            unknown_model,
            series: SeriesBudget::start(registry, &config.metrics),
            pool: InferencePool::start(threads, &admission)?,
            admission,
            outbox,
            decoders: Decoders::new(threads, room.clone()),
            room,
            config,
        })))
    }
}

impl std::ops::Deref for App {
    type Target = AppParts;
    fn deref(&self) -> &AppParts {
        &self.0
    }
}
