//! A store of a command's own, beside the one of a service that may be running.

use std::sync::Arc;

use crate::store::{CommitSummary, DatabaseUrl, Store, StoreError, StoreObserver, StoreOptions};

/// Nobody watches a command's store.
struct NoObserver;

impl StoreObserver for NoObserver {
    fn committed(&self, _: &CommitSummary) {}
    fn availability_changed(&self, _: bool) {}
    fn commit_failed(&self, _: &StoreError) {}
}

/// Starts a store on the database.
///
/// # Errors
/// The store's.
pub(crate) fn start(database: &DatabaseUrl) -> Result<Store, StoreError> {
    Store::start(StoreOptions::new(database.clone()), Arc::new(NoObserver))
}
