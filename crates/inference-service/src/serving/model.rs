//! One model of the repository, as it is at one moment.

use std::sync::Arc;

use monitoring::prediction::ModelMetrics;
use monitoring::{ApiError, ErrorCode};

use super::LoadedVersion;
use crate::model::Engine;

/// How far a model has come.
#[derive(Clone)]
pub(crate) enum ModelState {
    Loading,
    Ready(ModelVersions),
    Failed(String),
    /// It was told by order to stop serving.
    Unloaded,
}

/// The versions of a model that can be asked for.
#[derive(Clone)]
pub(crate) struct ModelVersions {
    /// The one that serves requests that name none.
    pub(crate) serving: Arc<LoadedVersion>,
    /// The others; the highest first.
    pub(crate) others: Vec<Arc<LoadedVersion>>,
    /// Why the newest state of the folder does not serve, where it could not be loaded.
    pub(crate) problem: Option<String>,
}

/// One model of the repository. It never changes; another one takes its place.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) name: String,
    /// For requests that are refused before their version is known.
    pub(crate) metrics: ModelMetrics,
    pub(crate) state: ModelState,
}

impl ModelVersions {
    /// All of them, the one that serves first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<LoadedVersion>> {
        [&self.serving].into_iter().chain(&self.others)
    }

    /// Whether the same versions serve here as there, and nothing was wrong there.
    pub(super) fn are_those_of(&self, before: &Self) -> bool {
        let is_same = |(one, other): (&Arc<LoadedVersion>, &Arc<LoadedVersion>)| Arc::ptr_eq(one, other);
        let is_as_long = self.others.len() == before.others.len();
        before.problem.is_none() && is_as_long && self.all().zip(before.all()).all(is_same)
    }
}

impl Model {
    /// Its versions, if it serves.
    pub(crate) fn versions(&self) -> Option<&ModelVersions> {
        match &self.state {
            ModelState::Ready(versions) => Some(versions),
            ModelState::Loading | ModelState::Failed(_) | ModelState::Unloaded => None,
        }
    }

    /// The names of the versions that can be asked for, the one that serves first.
    pub(crate) fn version_names(&self) -> Vec<String> {
        let versions = self.versions().into_iter().flat_map(ModelVersions::all);
        versions.map(|loaded| loaded.engine.version().to_owned()).collect()
    }

    /// This version, or the one that serves.
    ///
    /// # Errors
    /// `not_ready` while it loads, if it failed to, and while it is unloaded; `model_not_found` for another version.
    pub(crate) fn version(&self, version: Option<&str>) -> Result<&Arc<LoadedVersion>, ApiError> {
        let not_ready = |sentence: String| ApiError::new(ErrorCode::NotReady, sentence);
        let versions = match &self.state {
            ModelState::Loading => {
                return Err(not_ready(format!("The model {} is loading.", self.name)).retry_after(1.0));
            }
            ModelState::Failed(problem) => {
                let sentence = format!("The model {} could not be loaded; GET /models says why.", self.name);
                return Err(not_ready(sentence).retry_after(60.0).caused_by(problem));
            }
            ModelState::Unloaded => {
                return Err(not_ready(format!("The model {} is unloaded.", self.name)).retry_after(60.0));
            }
            ModelState::Ready(versions) => versions,
        };
        let Some(version) = version else { return Ok(&versions.serving) };
        versions.all().find(|loaded| loaded.engine.version() == version).ok_or_else(|| {
            let there_is: Vec<&str> = versions.all().map(|loaded| loaded.engine.version()).collect();
            let sentence = format!("The model {} serves version {} only.", self.name, there_is.join(" and "));
            ApiError::new(ErrorCode::ModelNotFound, sentence)
        })
    }

    /// The engine of this version, or of the one that serves.
    ///
    /// # Errors
    /// As [`Model::version`].
    pub(crate) fn engine(&self, version: Option<&str>) -> Result<&Arc<Engine>, ApiError> {
        self.version(version).map(|loaded| &loaded.engine)
    }
}
