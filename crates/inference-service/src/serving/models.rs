//! The models of the repository: which there are now, and how another state of the folder takes their place.
//!
//! Rule of thumb: what serves is a list that never changes. A reload makes another list beside it and puts it in its
//! place in one step, so a request sees the old models or the new ones, and a version that does not load replaces
//! nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use monitoring::prediction::{PredictionMetrics, PredictionMetricsError};
use monitoring::{ApiError, ErrorCode};
use tracing::{error, info, warn};

use super::gauges::{ModelGauges, Outcome};
use super::seen::Seen;
use super::{Loaded, Model, ModelState, Versions};
use crate::model::{Entry, ModelError, ModelSource, Repository, Runtime};

/// The models, sorted by name.
pub(crate) type ModelList = Arc<Vec<Arc<Model>>>;
/// What serves now, for whoever follows it.
pub(super) type Published = Arc<RwLock<Arc<Now>>>;

/// How models are loaded.
pub(crate) struct Loading {
    /// The folder of the repository.
    pub(crate) folder: PathBuf,
    pub(crate) runtime: Runtime,
    /// Inference threads, each of which has a session of every version.
    pub(crate) threads: usize,
}

/// The models that there are.
pub(crate) struct Models {
    loading: Loading,
    predictions: PredictionMetrics,
    gauges: ModelGauges,
    now: Published,
    /// What was last looked at, by model; locked by the one reload that runs at a time.
    seen: Mutex<Seen>,
}

/// What serves now.
pub(super) struct Now {
    pub(super) models: ModelList,
    /// The name of the model that serves requests that name none.
    default: Option<String>,
}

impl Models {
    /// Finds the models and gives each its metrics; nothing is loaded yet.
    ///
    /// # Errors
    /// Where the metrics are full.
    pub(crate) fn register(
        repository: Repository,
        loading: Loading,
        (predictions, gauges): (PredictionMetrics, ModelGauges),
    ) -> Result<Self, PredictionMetricsError> {
        let default = repository.default_model().map(|model| model.name.clone());
        let mut models = Vec::new();
        for Entry { name, source, .. } in repository.into_entries() {
            let labels =
                source.as_ref().map(|source| source.config.labels.as_deref().unwrap_or_default()).unwrap_or_default();
            let metrics = predictions.model(&name, labels)?;
            gauges.known(&name);
            models.push(Arc::new(Model { name, metrics, state: ModelState::Loading }));
        }
        let now: Published = Arc::new(RwLock::new(Arc::new(Now { models: Arc::new(models), default })));
        gauges.watch(&now);
        Ok(Self { loading, predictions, gauges, now, seen: Mutex::default() })
    }

    /// Looks at the repository, and loads what is new or has changed; says whether anything serves that did not before.
    ///
    /// A folder that has changed is loaded when two looks in a row find it the same, so that nothing is loaded while it is
    /// copied; those of the first look are loaded at once. This takes as long as loading takes.
    pub(crate) fn refresh(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let repository = match Repository::scan(&self.loading.folder) {
            Ok(repository) => repository,
            Err(problem) => {
                if seen.is_news(Some(problem.to_string())) {
                    warn!(%problem, "model_repository_unusable");
                }
                return false;
            }
        };
        seen.is_news(None);
        let default = repository.default_model().map(|model| model.name.clone());
        let entries = repository.into_entries();
        let due = |entry: &&Entry| seen.is_due(entry, self.is_loading(&entry.name));
        let due: Vec<&Entry> = entries.iter().filter(due).collect();
        // All at once: the time of a start is that of the slowest model.
        let loaded: Vec<Option<Model>> = thread::scope(|scope| {
            let loading: Vec<_> = due.iter().map(|entry| scope.spawn(|| self.load(entry))).collect();
            loading.into_iter().map(|thread| thread.join().ok().flatten()).collect()
        });
        let loaded: Vec<Model> = loaded.into_iter().flatten().collect();
        let changed = !loaded.is_empty();
        self.publish(loaded, &entries, default);
        seen.keep(&entries);
        changed
    }

    /// Whether it was never tried to load this model.
    fn is_loading(&self, name: &str) -> bool {
        self.all().iter().any(|model| model.name == name && matches!(model.state, ModelState::Loading))
    }

    /// The model in its new state; `None` if its metrics are full.
    fn load(&self, entry: &Entry) -> Option<Model> {
        let before = self.all().iter().find(|model| model.name == entry.name).cloned();
        let serving = before.as_ref().and_then(|model| model.versions());
        let state = match self.versions(entry, serving) {
            Ok(versions) => {
                self.gauges.reloaded(&entry.name, Outcome::Success);
                ModelState::Ready(versions)
            }
            Err(problem) => {
                error!(model = entry.name, error = problem, "model_load_failed");
                self.gauges.reloaded(&entry.name, Outcome::Failure);
                match serving {
                    // What serves goes on serving.
                    Some(versions) => ModelState::Ready(Versions { problem: Some(problem), ..versions.clone() }),
                    None => ModelState::Failed(problem),
                }
            }
        };
        let metrics = match (&state, before) {
            (ModelState::Ready(versions), _) => versions.serving.metrics.clone(),
            (_, Some(before)) => before.metrics.clone(),
            (_, None) => {
                let metrics = self.predictions.model::<&str>(&entry.name, &[]);
                metrics.inspect_err(|problem| error!(model = entry.name, %problem, "model_has_no_room")).ok()?
            }
        };
        Some(Model { name: entry.name.clone(), metrics, state })
    }

    /// Loads those versions that do not serve already.
    fn versions(&self, entry: &Entry, before: Option<&Versions>) -> Result<Versions, String> {
        let load = |source: &ModelSource| {
            let same = before.and_then(|versions| versions.all().find(|loaded| loaded.is_still(source)));
            same.map_or_else(|| self.load_version(source), |loaded| Ok(loaded.clone()))
        };
        let source = entry.source.as_ref().map_err(ModelError::to_string)?;
        let serving = load(source)?;
        let others: Result<Vec<_>, String> = entry.others.iter().map(load).collect();
        Ok(Versions { serving, others: others?, problem: None })
    }

    fn load_version(&self, source: &ModelSource) -> Result<Arc<Loaded>, String> {
        let Loading { runtime, threads, .. } = &self.loading;
        let loaded = Loaded::load(source, (runtime, *threads), &self.predictions)?;
        let engine = &loaded.engine;
        info!(
            model = engine.name(),
            model_version = engine.version(),
            sha256 = engine.sha256(),
            engine = engine.runtime().as_str(),
            load_seconds = loaded.load_seconds,
            "model_loaded"
        );
        Ok(Arc::new(loaded))
    }

    /// Puts the list of these models, and of those others that are still there, in the place of what serves.
    fn publish(&self, loaded: Vec<Model>, entries: &[Entry], default: Option<String>) {
        let mut models: Vec<Arc<Model>> = loaded.into_iter().map(Arc::new).collect();
        let before = self.all();
        for model in before.iter() {
            if !entries.iter().any(|entry| entry.name == model.name) {
                info!(model = model.name, "model_removed");
            } else if models.iter().all(|new| new.name != model.name) {
                models.push(model.clone());
            }
        }
        models.sort_by(|a, b| a.name.cmp(&b.name));
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Now { models: Arc::new(models), default });
    }

    fn now(&self) -> Arc<Now> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All models, sorted by name.
    pub(crate) fn all(&self) -> ModelList {
        self.now().models.clone()
    }

    /// Whether a request that names no model gets this one.
    pub(crate) fn is_default(&self, model: &Model) -> bool {
        self.now().default.as_ref() == Some(&model.name)
    }

    /// The model with this name, or the default one.
    ///
    /// # Errors
    /// `model_not_found`, listing what there is; `invalid_request` if none was named and none is the default.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Arc<Model>, ApiError> {
        let now = self.now();
        let Now { models, default } = &*now;
        let names = || models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(", ");
        let named = |name: &str| models.iter().find(|model| model.name == name).cloned();
        match name {
            Some(name) => named(name).ok_or_else(|| {
                let sentence = format!("There is no model of this name; there is: {}.", names());
                ApiError::new(ErrorCode::ModelNotFound, sentence)
            }),
            None => default.as_deref().and_then(named).ok_or_else(|| {
                ApiError::new(ErrorCode::InvalidRequest, format!("No model is the default; name one: {}.", names()))
            }),
        }
    }
}
