//! Metrics that are set together right before each scrape, so that they agree with each other in it.

use std::sync::{Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Metrics that show the state of one thing.
pub trait Snapshot: Send + Sync + 'static {
    /// Sets every metric from one look at the thing.
    fn refresh(&self);
    /// Every metric. None of them is registered by itself.
    fn metrics(&self) -> Vec<&dyn Collector>;
}

/// Refreshes a [`Snapshot`] for each scrape.
pub(super) struct SnapshotCollector<S> {
    snapshot: S,
    scraping: Mutex<()>,
}

impl<S: Snapshot> SnapshotCollector<S> {
    pub(super) fn new(snapshot: S) -> Self {
        Self { snapshot, scraping: Mutex::new(()) }
    }
}

impl<S: Snapshot> Collector for SnapshotCollector<S> {
    fn desc(&self) -> Vec<&Desc> {
        self.snapshot.metrics().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Without the lock, a scrape could read what another one has set halfway.
        let _scraping = self.scraping.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.refresh();
        let families = self.snapshot.metrics().into_iter().flat_map(Collector::collect);
        families.filter(|family| !family.get_metric().is_empty()).collect()
    }
}
