//! The list of the models that serve now.
//!
//! Rule of thumb: a list never changes; another one takes its place.

use std::sync::{Arc, PoisonError, RwLock};

use super::Model;

/// The models, sorted by name.
pub(crate) type ModelList = Arc<Vec<Arc<Model>>>;

/// What serves at one moment.
#[derive(Default)]
pub(super) struct ServingList {
    pub(super) models: ModelList,
    /// The name of the model that serves requests that name none.
    pub(super) default: Option<String>,
}

/// The list that serves now; empty at first. Clones share it.
#[derive(Clone, Default)]
pub(super) struct PublishedList(Arc<RwLock<Arc<ServingList>>>);

impl PublishedList {
    /// The list that serves now.
    pub(super) fn get(&self) -> Arc<ServingList> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another list in its place.
    pub(super) fn publish(&self, list: ServingList) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
    }
}
