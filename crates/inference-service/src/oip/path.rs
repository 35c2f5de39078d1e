//! The model that a path names.

use std::sync::Arc;

use monitoring::ApiError;
use serde::Deserialize;

use crate::app::App;
use crate::model::Engine;

/// The model that a path names, perhaps with its version.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelPath {
    pub(super) model: String,
    pub(super) version: Option<String>,
}

impl ModelPath {
    /// # Errors
    /// `model_not_found` and `not_ready`.
    pub(super) fn engine(&self, app: &App) -> Result<Arc<Engine>, ApiError> {
        app.models.find(Some(&self.model))?.engine(self.version.as_deref()).cloned()
    }
}
