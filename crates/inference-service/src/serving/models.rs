//! The models of the repository: which there are now, and how another state of the folder takes their place.
//!
//! Rule of thumb: what serves is a list that never changes. A reload makes another list beside it and puts it in its
//! place in one step, so a request sees the old models or the new ones. A version that does not load replaces nothing.

mod orders;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use monitoring::prediction::PredictionMetrics;
use monitoring::{ApiError, ErrorCode};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::metrics::LoadOutcome;
use super::seen_folders::SeenFolders;
use super::serving_list::{ModelList, PublishedList, ServingList};
use super::{Model, ModelLoader, ModelState, ModelVersions};
use crate::model::{ModelError, ModelSource, Repository, RepositoryEntry};

/// Most models that are loaded at the same time, so that many of them take no more memory than these while loading.
const MOST_LOADING: usize = 16;
/// Most models that a refusal names.
const MOST_NAMED: usize = 20;

/// The models that there are.
pub(crate) struct Models {
    loader: ModelLoader,
    published: PublishedList,
    /// What was last seen of the folders. The one reload that runs at a time holds the lock.
    seen: Mutex<SeenFolders>,
    /// A model was loaded by order.
    changed: Notify,
}

impl Models {
    /// Gives each model of the repository its metrics; nothing is loaded yet.
    pub(crate) fn register(repository: Repository, loader: ModelLoader) -> Self {
        let default = repository.default_model().map(|model| model.name.clone());
        let mut models = Vec::new();
        for RepositoryEntry { name, source, .. } in repository.into_entries() {
            let labels = source.as_ref().ok().and_then(|source| source.config.labels.as_deref()).unwrap_or_default();
            let metrics = loader.predictions.model(&name, labels);
            loader.families.add_model(&metrics);
            models.push(Arc::new(Model { name, metrics, state: ModelState::Loading }));
        }
        let published = loader.families.published.clone();
        published.publish(ServingList { models: Arc::new(models), default });
        Self { loader, published, seen: Mutex::default(), changed: Notify::new() }
    }

    /// Looks at the repository, and loads what is new or has changed. True if anything was loaded, or could not be.
    ///
    /// A folder that has changed is loaded when two looks in a row find it the same, so that nothing is loaded while it is
    /// copied; the folders of the first look are loaded at once. This takes as long as loading takes.
    pub(crate) fn refresh(&self) -> bool {
        let mut seen = self.seen();
        let repository = match self.loader.folder.scan() {
            Ok(repository) => repository,
            Err(problem) => {
                if seen.set_problem(Some(problem.to_string())) {
                    warn!(%problem, "model_repository_unusable");
                }
                return false;
            }
        };
        seen.set_problem(None);
        seen.tell_passed_over(repository.passed_over());
        let default = repository.default_model().map(|model| model.name.clone());
        let entries = repository.into_entries();
        let due = |entry: &&RepositoryEntry| seen.note_look(entry, self.is_loading(&entry.name));
        let due: Vec<&RepositoryEntry> = entries.iter().filter(due).collect();
        let mut changed = false;
        self.load_each(&due, |model| {
            changed = true;
            self.publish(vec![model], &entries, default.clone());
        });
        self.publish(Vec::new(), &entries, default);
        seen.retain(&entries);
        changed
    }

    /// Loads these models, several at once, and hands over each as soon as it is loaded: one that takes long keeps none of the
    /// others from serving.
    fn load_each(&self, due: &[&RepositoryEntry], loaded: impl FnMut(Model)) {
        let next = AtomicUsize::new(0);
        let (sender, models) = mpsc::channel();
        let load = |sender: mpsc::Sender<Model>| {
            while let Some(entry) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
                // There is a receiver for as long as anybody loads.
                let _ = sender.send(self.state_of(entry, false));
            }
        };
        thread::scope(|scope| {
            let senders = vec![sender; due.len().min(MOST_LOADING)];
            let loading: Vec<_> = senders.into_iter().map(|sender| scope.spawn(move || load(sender))).collect();
            models.into_iter().for_each(loaded);
            // A panic of one of them was told when it happened.
            loading.into_iter().for_each(|thread| drop(thread.join()));
        });
    }

    /// Whether it was never tried to load this model.
    fn is_loading(&self, name: &str) -> bool {
        self.all().iter().any(|model| model.name == name && matches!(model.state, ModelState::Loading))
    }

    /// Only the holder of this lock changes what serves.
    fn seen(&self) -> MutexGuard<'_, SeenFolders> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model in its new state. What has not changed is loaded only `anew`.
    fn state_of(&self, entry: &RepositoryEntry, anew: bool) -> Model {
        let before = self.all().iter().find(|model| model.name == entry.name).cloned();
        let serving = before.as_ref().and_then(|model| model.versions());
        let (outcome, state) = match self.versions(entry, serving.filter(|_| !anew)) {
            Ok(versions) => {
                // A profile or a text beside the model is no part of it.
                let is_load = serving.is_none_or(|serving| !versions.are_those_of(serving));
                (is_load.then_some(LoadOutcome::Success), ModelState::Ready(versions))
            }
            Err(problem) => {
                error!(model = entry.name, error = problem, "model_load_failed");
                let state = match serving {
                    // What serves goes on serving.
                    Some(versions) => ModelState::Ready(ModelVersions { problem: Some(problem), ..versions.clone() }),
                    None => ModelState::Failed(problem),
                };
                (Some(LoadOutcome::Failure), state)
            }
        };
        let metrics = match (&state, before) {
            (ModelState::Ready(versions), _) => versions.serving.metrics.clone(),
            (_, Some(before)) => before.metrics.clone(),
            (_, None) => self.loader.predictions.model::<&str>(&entry.name, &[]),
        };
        if let Some(outcome) = outcome {
            self.loader.families.count_load(&metrics, outcome);
        }
        Model { name: entry.name.clone(), metrics, state }
    }

    /// Loads the versions that do not serve already.
    fn versions(&self, entry: &RepositoryEntry, before: Option<&ModelVersions>) -> Result<ModelVersions, String> {
        let load = |source: &ModelSource| {
            let same = before.and_then(|versions| versions.all().find(|loaded| loaded.is_still(source)));
            same.map_or_else(|| self.loader.load(source).map(Arc::new), |loaded| Ok(loaded.clone()))
        };
        let source = entry.source.as_ref().map_err(ModelError::to_string)?;
        let serving = load(source)?;
        let others: Result<Vec<_>, String> = entry.others.iter().map(load).collect();
        Ok(ModelVersions { serving, others: others?, problem: None })
    }

    /// Puts a list of these models, and of the others that are still there, in the place of what serves.
    fn publish(&self, loaded: Vec<Model>, entries: &[RepositoryEntry], default: Option<String>) {
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
        self.published.publish(ServingList { models: Arc::new(models), default });
    }

    /// The metrics of their predictions.
    pub(crate) fn predictions(&self) -> &PredictionMetrics {
        &self.loader.predictions
    }

    /// All models, sorted by name.
    pub(crate) fn all(&self) -> ModelList {
        self.published.get().models.clone()
    }

    /// Whether a request that names no model gets this one.
    pub(crate) fn is_default(&self, model: &Model) -> bool {
        self.published.get().default.as_ref() == Some(&model.name)
    }

    /// Whether more than one model serves.
    pub(super) fn several_serve(&self) -> bool {
        self.published.get().models.iter().filter(|model| model.versions().is_some()).nth(1).is_some()
    }

    /// The model with this name, or the default one.
    ///
    /// # Errors
    /// `model_not_found`, listing what there is; `invalid_request` if none was named and none is the default.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Arc<Model>, ApiError> {
        let now = self.published.get();
        let ServingList { models, default } = &*now;
        let names = || models.iter().map(|model| model.name.as_str());
        let named = |name: &str| models.iter().find(|model| model.name == name).cloned();
        match name {
            Some(name) => named(name).ok_or_else(|| not_found(names())),
            None => default.as_deref().and_then(named).ok_or_else(|| {
                let sentence = format!("No model is the default; name one: {}.", listed(names()));
                ApiError::new(ErrorCode::InvalidRequest, sentence)
            }),
        }
    }
}

fn not_found<'a>(names: impl Iterator<Item = &'a str>) -> ApiError {
    ApiError::new(ErrorCode::ModelNotFound, format!("There is no model of this name; there is: {}.", listed(names)))
}

fn listed<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let first: Vec<&str> = names.by_ref().take(MOST_NAMED).collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
