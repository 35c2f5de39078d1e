//! The models of the repository and how far each has come.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use monitoring::prediction::{ModelMetrics, PredictionMetrics, PredictionMetricsError};
use monitoring::{ApiError, ErrorCode};
use tracing::{error, info};

use crate::metrics::ModelGauges;
use crate::model::{Engine, Entry, ModelError, ModelSource, Repository, Runtime, Session};

/// How far a model has come.
pub(crate) enum ModelState {
    Ready(Arc<Engine>),
    Failed(String),
}

/// One model of the repository.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) metrics: ModelMetrics,
    /// Its position among the models, which finds its session on an inference thread.
    pub(crate) index: usize,
    source: Result<ModelSource, ModelError>,
    state: OnceLock<ModelState>,
}

/// The models of the repository, sorted by name.
pub(crate) struct Models {
    models: Vec<Arc<Model>>,
    default: Option<usize>,
    runtime: Runtime,
    gauges: ModelGauges,
}

impl Models {
    /// Gives each model its metrics; nothing is loaded yet.
    pub(crate) fn register(
        (repository, runtime): (Repository, Runtime),
        predictions: &PredictionMetrics,
        gauges: ModelGauges,
    ) -> Result<Self, PredictionMetricsError> {
        let default = repository.default_model().map(|model| model.name.clone());
        let mut models = Vec::new();
        for (index, Entry { name, source, .. }) in repository.into_entries().into_iter().enumerate() {
            let labels = source.as_ref().map(|source| source.config.labels.as_slice()).unwrap_or_default();
            let metrics = predictions.model(&name, labels)?;
            gauges.known(&name);
            models.push(Arc::new(Model { name, metrics, index, source, state: OnceLock::new() }));
        }
        let default = models.iter().position(|model| Some(&model.name) == default.as_ref());
        Ok(Self { models, default, runtime, gauges })
    }

    /// Loads all models at once and warms them up: for each thread, the sessions in the models' order.
    /// A model that fails is logged and serves nobody; the others serve.
    pub(crate) fn load(&self, threads: usize) -> Vec<Vec<Option<Session>>> {
        let by_model: Vec<Vec<Option<Session>>> = thread::scope(|scope| {
            let loading: Vec<_> =
                self.models.iter().map(|model| scope.spawn(|| self.load_one(model, threads))).collect();
            let nothing = || (0..threads).map(|_| None).collect();
            loading.into_iter().map(|thread| thread.join().unwrap_or_else(|_| nothing())).collect()
        });
        let mut by_thread: Vec<Vec<Option<Session>>> = (0..threads).map(|_| Vec::new()).collect();
        for sessions in by_model {
            for (thread, session) in by_thread.iter_mut().zip(sessions) {
                thread.push(session);
            }
        }
        by_thread
    }

    fn load_one(&self, model: &Model, threads: usize) -> Vec<Option<Session>> {
        let started = Instant::now();
        let loaded = match &model.source {
            Ok(source) => Engine::load(source, &self.runtime)
                .and_then(|engine| Ok((warmed_up(&engine, threads)?, engine)))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let seconds = started.elapsed().as_secs_f64();
        let (state, sessions) = match loaded {
            Ok((sessions, engine)) => {
                let (name, version, sha256) = (engine.name(), engine.version(), engine.sha256());
                let runtime = engine.runtime().as_str();
                info!(
                    model = name,
                    model_version = version,
                    sha256,
                    engine = runtime,
                    load_seconds = seconds,
                    "model_loaded"
                );
                self.gauges.loaded([name, version, sha256, runtime], seconds);
                (ModelState::Ready(Arc::new(engine)), sessions.into_iter().map(Some).collect())
            }
            Err(problem) => {
                error!(model = model.name, error = problem, "model_load_failed");
                (ModelState::Failed(problem), (0..threads).map(|_| None).collect())
            }
        };
        // A model is loaded once, so there is nothing to replace.
        let _ = model.state.set(state);
        sessions
    }

    /// All models, sorted by name.
    pub(crate) fn all(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// Whether a request that names no model gets this one.
    pub(crate) fn is_default(&self, model: &Model) -> bool {
        self.default == Some(model.index)
    }

    /// The model with this name, or the default one.
    ///
    /// # Errors
    /// `model_not_found`, listing what there is; `invalid_request` if none was named and none is the default.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<&Arc<Model>, ApiError> {
        let names = || self.models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(", ");
        match name {
            Some(name) => self.models.iter().find(|model| model.name == name).ok_or_else(|| {
                ApiError::new(
                    ErrorCode::ModelNotFound,
                    format!("There is no model of this name; there is: {}.", names()),
                )
            }),
            None => self.default.and_then(|index| self.models.get(index)).ok_or_else(|| {
                ApiError::new(ErrorCode::InvalidRequest, format!("No model is the default; name one: {}.", names()))
            }),
        }
    }
}

impl Model {
    /// How far it has come; `None` while it loads.
    pub(crate) fn state(&self) -> Option<&ModelState> {
        self.state.get()
    }

    /// The path of its model.onnx, if its model.toml is in order.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.source.as_ref().ok().map(|source| source.file.as_path())
    }

    /// The loaded model, if it is of the version that was asked for.
    ///
    /// # Errors
    /// `not_ready` while it loads or if it failed to; `model_not_found` for another version.
    pub(crate) fn engine(&self, version: Option<&str>) -> Result<&Arc<Engine>, ApiError> {
        let not_ready = |sentence: String| ApiError::new(ErrorCode::NotReady, sentence);
        let engine = match self.state.get() {
            None => return Err(not_ready(format!("The model {} is loading.", self.name)).retry_after(1.0)),
            Some(ModelState::Failed(problem)) => {
                let sentence = format!("The model {} could not be loaded; GET /models says why.", self.name);
                return Err(not_ready(sentence).retry_after(60.0).caused_by(problem));
            }
            Some(ModelState::Ready(engine)) => engine,
        };
        match version {
            Some(version) if version != engine.version() => Err(ApiError::new(
                ErrorCode::ModelNotFound,
                format!("The model {} serves version {} only.", self.name, engine.version()),
            )),
            _ => Ok(engine),
        }
    }
}

fn warmed_up(engine: &Engine, sessions: usize) -> Result<Vec<Session>, ModelError> {
    (0..sessions)
        .map(|_| {
            let mut session = engine.session()?;
            session.warm_up()?;
            Ok(session)
        })
        .collect()
}
