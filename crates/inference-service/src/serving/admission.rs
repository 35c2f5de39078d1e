//! Which requests get into the queue, and what the refusal of the others says.

use std::sync::Arc;

use monitoring::{ApiError, ErrorCode, MetricsError, MetricsRegistry};

use super::job::QueuedJob;
use super::lanes::QueueFull;
use super::queue::{HeldPlaces, LaneQueue};
use super::{Flow, Models};

/// Hands out places. An item holds one from before it is decoded until an inference thread takes it.
#[derive(Clone)]
pub(crate) struct Admission {
    pub(super) queue: LaneQueue<QueuedJob>,
    threads: usize,
}

/// Places in the queue, given back when dropped.
pub(crate) struct QueueSlots(pub(super) HeldPlaces<QueuedJob>);

impl Admission {
    /// A queue with `limit` places for so many threads.
    pub(crate) fn register(limit: usize, threads: usize, registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let queue = LaneQueue::new(limit, threads);
        let depth = queue.clone();
        registry.gauge_fn(
            "prediction_queue_depth",
            "Items admitted that no inference thread has taken yet.",
            move || depth.held() as f64,
        )?;
        let queue_limit = registry.gauge("prediction_queue_limit", "Items that may wait; more are refused.")?;
        queue_limit.set(limit as i64);
        Ok(Self { queue, threads })
    }

    /// Takes places for `items` of a model, all or none. Where several models serve, each leaves some to the others.
    ///
    /// # Errors
    /// `overloaded`, with the seconds that it takes to run what stands in the way.
    pub(crate) fn admit(&self, flow: &Arc<Flow>, items: usize, models: &Models) -> Result<QueueSlots, ApiError> {
        let alone = !models.several_serve();
        self.queue.admit(flow, items, alone).map(QueueSlots).map_err(|full| self.refusal(&full))
    }

    fn refusal(&self, full: &QueueFull) -> ApiError {
        let sentence = format!("{} items are waiting already; try again later or send less at once.", full.held);
        ApiError::new(ErrorCode::Overloaded, sentence).retry_after(full.work_ahead / self.threads as f64)
    }
}
