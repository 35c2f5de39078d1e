//! Loads and unloads models by order.
//!
//! Rule of thumb: an order is about one model, and the looks at the folders leave that model alone until its folder
//! changes.

use std::sync::Arc;

use monitoring::{ApiError, ErrorCode};
use tracing::info;

use super::{Models, not_found};
use crate::serving::serving_list::ServingList;
use crate::serving::{Model, ModelState};

impl Models {
    /// Loads every version in one model's folder now, also what has not changed, and gives the model when it serves. A load
    /// that is under way comes to its end first. This takes as long as loading takes.
    ///
    /// # Errors
    /// `model_not_found`; `invalid_input` with what keeps the folder from being loaded, while what served before goes on.
    pub(crate) fn load(&self, name: &str) -> Result<Arc<Model>, ApiError> {
        let mut seen = self.seen();
        let unfit = |problem: String| ApiError::new(ErrorCode::InvalidInput, problem);
        let repository = self.loader.folder.scan().map_err(|problem| unfit(problem.to_string()))?;
        let default = repository.default_model().map(|model| model.name.clone());
        let entries = repository.into_entries();
        let Some(entry) = entries.iter().find(|entry| entry.name == name) else {
            return Err(not_found(entries.iter().map(|entry| entry.name.as_str())));
        };
        seen.mark_dealt_with(entry);
        let model = self.state_of(entry, true);
        self.publish(vec![model], &entries, default);
        drop(seen);
        let model = self.find(Some(name))?;
        let problem = match &model.state {
            ModelState::Ready(versions) => versions.problem.clone(),
            ModelState::Failed(problem) => Some(problem.clone()),
            // It was unloaded by another call since.
            ModelState::Loading | ModelState::Unloaded => None,
        };
        match problem {
            Some(problem) => Err(unfit(format!("The model {name} could not be loaded: {problem}"))),
            None => {
                self.changed.notify_one();
                Ok(model)
            }
        }
    }

    /// Completes when a model was loaded by order, which [`Models::refresh`] does not report.
    pub(crate) async fn loaded_by_order(&self) {
        self.changed.notified().await;
    }

    /// Stops a model from serving until it is loaded by order or its folder changes. What it has under way is answered.
    ///
    /// # Errors
    /// `model_not_found`.
    pub(crate) fn unload(&self, name: &str) -> Result<Arc<Model>, ApiError> {
        let mut seen = self.seen();
        let before = self.find(Some(name))?;
        if let Ok(repository) = self.loader.folder.scan()
            && let Some(entry) = repository.into_entries().iter().find(|entry| entry.name == name)
        {
            seen.mark_dealt_with(entry);
        }
        let unloaded = Arc::new(Model { state: ModelState::Unloaded, ..Model::clone(&before) });
        let now = self.published.get();
        let replaced = |model: &Arc<Model>| if model.name == name { unloaded.clone() } else { model.clone() };
        let models = Arc::new(now.models.iter().map(replaced).collect());
        self.published.publish(ServingList { models, default: now.default.clone() });
        info!(model = name, "model_unloaded");
        Ok(unloaded)
    }
}
