//! The bounded queue in front of the inference threads, as a count of places.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use monitoring::{ApiError, ErrorCode, MetricsError, MetricsRegistry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Weight of the newest run in the average of service times.
const NEWEST_WEIGHT: f64 = 0.1;

/// Hands out places. An item holds one from before it is decoded until an inference thread takes it.
#[derive(Clone)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    limit: usize,
    threads: usize,
    /// Moving average of an item's seconds on a thread, as the bits of an f64.
    service_seconds: Arc<AtomicU64>,
}

/// Places in the queue, given back when dropped.
pub(crate) struct Slots(OwnedSemaphorePermit);

impl Slots {
    /// Takes one place out.
    pub(crate) fn split_one(&mut self) -> Option<Slots> {
        self.0.split(1).map(Slots)
    }
}

impl Admission {
    pub(crate) fn register(limit: usize, threads: usize, registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let admission =
            Self { places: Arc::new(Semaphore::new(limit)), limit, threads, service_seconds: Arc::default() };
        let depth = admission.clone();
        registry.gauge_fn(
            "prediction_queue_depth",
            "Items admitted that no inference thread has taken yet.",
            move || depth.depth() as f64,
        )?;
        let queue_limit = registry.gauge("prediction_queue_limit", "Items that may wait; more are refused.")?;
        queue_limit.set(limit as i64);
        Ok(admission)
    }

    /// Places for `items`, all or none.
    ///
    /// # Errors
    /// `overloaded`, with the seconds after which the queue should have room.
    pub(crate) fn admit(&self, items: usize) -> Result<Slots, ApiError> {
        let wanted = u32::try_from(items).unwrap_or(u32::MAX);
        let refused = |_| {
            let seconds = self.depth() as f64 * self.service_seconds() / self.threads as f64;
            let sentence = format!("{} items are waiting already; try again later or send less at once.", self.depth());
            ApiError::new(ErrorCode::Overloaded, sentence).retry_after(seconds)
        };
        self.places.clone().try_acquire_many_owned(wanted).map(Slots).map_err(refused)
    }

    /// A thread has spent this many seconds on an item.
    pub(crate) fn served(&self, seconds: f64) {
        let average = self.service_seconds();
        let average = if average == 0.0 { seconds } else { average + NEWEST_WEIGHT * (seconds - average) };
        // Threads may overwrite each other's update; an average does not mind.
        self.service_seconds.store(average.to_bits(), Ordering::Relaxed);
    }

    fn depth(&self) -> usize {
        self.limit - self.places.available_permits().min(self.limit)
    }

    fn service_seconds(&self) -> f64 {
        f64::from_bits(self.service_seconds.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn admission(limit: usize) -> Admission {
        Admission::register(limit, 2, &MetricsRegistry::new("test", "1").unwrap()).unwrap()
    }

    #[test]
    fn a_batch_gets_all_its_places_or_none() {
        let admission = admission(4);
        let mut three = admission.admit(3).ok().unwrap();
        assert!(admission.admit(2).is_err());
        let one = three.split_one().unwrap();
        drop(three);
        assert_eq!(admission.depth(), 1);
        drop(one);
        assert!(admission.admit(4).is_ok());
    }

    #[test]
    fn retry_after_is_depth_times_service_time_over_threads() {
        let admission = admission(100);
        admission.served(0.5);
        let _all = admission.admit(100).ok().unwrap();
        let refusal = admission.admit(1).err().unwrap();
        assert_eq!(refusal.code, ErrorCode::Overloaded);
        assert_eq!(refusal.retry_after_seconds, Some(25));
    }
}
