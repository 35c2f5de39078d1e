//! What the queue knows of one version of a model: its name, what an item of it costs, and how many places it holds.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::model::ModelInstances;

/// Service times are averaged over about so many seconds on a thread: one run that the system has interrupted must not
/// count as many.
const AVERAGED_SECONDS: f64 = 2.0;
/// Least and most runs that are averaged over; the first ones weigh more.
const LEAST_RUNS: f64 = 10.0;
const MOST_RUNS: f64 = 200.0;

/// The items of one version of a model. Flows of the same name share a lane of the queue.
#[derive(Debug)]
pub(crate) struct Flow {
    name: String,
    /// Moving average of an item's seconds on a thread, as the bits of an f64; 0 while nothing is known.
    item_seconds: AtomicU64,
    /// Runs that were averaged so far.
    runs: AtomicU64,
    held: AtomicUsize,
    /// Turns on threads.
    running: AtomicUsize,
    instances: ModelInstances,
    pub(super) batching: BatchPolicy,
}

/// How many items of a flow run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchPolicy {
    /// Most items of one run, at least 1.
    pub(crate) limit: usize,
    /// How long fewer may wait for more.
    pub(crate) max_delay: Duration,
}

impl BatchPolicy {
    /// One at a time.
    pub(crate) const SINGLE: Self = Self { limit: 1, max_delay: Duration::ZERO };
}

impl Flow {
    /// `item_seconds` is what an item took while the model was warmed up.
    pub(crate) fn new(name: &str, item_seconds: f64, batching: BatchPolicy) -> Self {
        let runs = u64::from(item_seconds > 0.0);
        Self {
            name: name.to_owned(),
            item_seconds: item_seconds.to_bits().into(),
            runs: runs.into(),
            held: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            instances: ModelInstances { count: usize::MAX, intra_threads: 1 },
            batching,
        }
    }

    /// The same, with no more turns at a time than there are instances.
    pub(crate) fn of(self, instances: ModelInstances) -> Self {
        Self { instances, ..self }
    }

    /// How many of its turns there can be at a time.
    pub(super) fn instances(&self) -> ModelInstances {
        self.instances
    }

    /// Whether another turn finds an instance that is free.
    pub(super) fn has_free_instance(&self) -> bool {
        self.running.load(Ordering::Relaxed) < self.instances.count
    }

    /// Counts a turn that begins.
    pub(super) fn begin_turn(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a turn.
    pub(super) fn end_turn(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// The model's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Seconds that a thread spends on an item, averaged over the last runs.
    pub(crate) fn item_seconds(&self) -> f64 {
        f64::from_bits(self.item_seconds.load(Ordering::Relaxed))
    }

    /// Counts a run in which a thread has spent this many seconds on each item.
    pub(super) fn record_run(&self, seconds: f64) {
        let average = self.item_seconds();
        let steady = (AVERAGED_SECONDS / average.max(f64::MIN_POSITIVE)).clamp(LEAST_RUNS, MOST_RUNS);
        let weight = 1.0 / steady.min((self.runs.fetch_add(1, Ordering::Relaxed) + 1) as f64);
        let average = average + weight * (seconds - average);
        // Threads may overwrite each other's update; an average does not mind.
        self.item_seconds.store(average.to_bits(), Ordering::Relaxed);
    }

    /// Places in the queue that its items hold.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts places that its items have taken.
    pub(super) fn take_places(&self, places: usize) {
        self.held.fetch_add(places, Ordering::Relaxed);
    }

    /// Counts places that its items have given back.
    pub(super) fn give_back_places(&self, places: usize) {
        self.held.fetch_sub(places, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(first: f64, served: impl IntoIterator<Item = f64>) -> f64 {
        let flow = Flow::new("m", first, BatchPolicy::SINGLE);
        served.into_iter().for_each(|seconds| flow.record_run(seconds));
        flow.item_seconds()
    }

    #[test]
    fn one_run_that_was_interrupted_is_not_taken_for_many() {
        let usual = std::iter::repeat_n(0.002, 500);
        assert!(after(0.002, usual.chain([0.1])) < 0.003);
    }

    #[test]
    fn what_was_measured_at_first_gives_way_to_what_is() {
        assert_eq!(after(0.0, [0.5]), 0.5, "nothing was known");
        assert!((after(0.1, [0.2]) - 0.15).abs() < 1e-9);
        assert!(after(0.001, std::iter::repeat_n(0.004, 10)) > 0.003);
        assert!(after(1.0, std::iter::repeat_n(2.0, 50)) > 1.9, "also of a slow model");
    }
}
