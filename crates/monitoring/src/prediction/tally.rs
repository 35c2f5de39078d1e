//! The numbers of one version of a model since it was loaded, for clients that ask the service itself.
//!
//! Rule of thumb: one call counts both here and in the metrics, so that the two agree.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::labels::{PredictionOutcome, PredictionPhase};
use crate::metrics::LabelEnum as _;

/// How often something happened, and how long it took altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountedTime {
    /// How often.
    pub count: u64,
    /// How long all of them took together, in nanoseconds.
    pub nanoseconds: u64,
}

/// What has been counted so far. A request is counted as a whole or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct PredictionCounts {
    /// Predictions that the model answered.
    pub predictions: u64,
    /// Times that the model ran.
    pub executions: u64,
    /// When the last of the requests ended; `None` before the first.
    pub last: Option<SystemTime>,
    requests: [CountedTime; PredictionOutcome::ALL.len()],
    phases: [CountedTime; PredictionPhase::ALL.len()],
}

impl PredictionCounts {
    /// How many requests ended like this, and how long they took.
    #[must_use]
    pub fn requests(&self, outcome: PredictionOutcome) -> CountedTime {
        self.requests[outcome.index()]
    }

    /// How often and how long the requests that succeeded were in this phase.
    #[must_use]
    pub fn phase(&self, phase: PredictionPhase) -> CountedTime {
        self.phases[phase.index()]
    }
}

impl CountedTime {
    fn add(&mut self, seconds: f64) {
        self.count += 1;
        // Casts of floats saturate, and do not go below 0.
        self.nanoseconds = self.nanoseconds.saturating_add((seconds * 1e9) as u64);
    }
}

/// How long each phase of a request took, in seconds; `None` for phases that it did not reach.
pub(super) type PhaseSeconds = [Option<f64>; PredictionPhase::ALL.len()];

/// The numbers of one version.
#[derive(Default)]
pub(super) struct VersionTally(Mutex<PredictionCounts>);

impl VersionTally {
    fn counted(&self) -> MutexGuard<'_, PredictionCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ended(&self, outcome: PredictionOutcome, items: u64, seconds: f64, phases: &PhaseSeconds) {
        let mut counted = self.counted();
        counted.requests[outcome.index()].add(seconds);
        counted.last = Some(SystemTime::now());
        if outcome == PredictionOutcome::Success {
            counted.predictions += items;
            for (total, seconds) in counted.phases.iter_mut().zip(phases) {
                seconds.iter().for_each(|seconds| total.add(*seconds));
            }
        }
    }

    pub(super) fn executed(&self) {
        self.counted().executions += 1;
    }

    pub(super) fn read(&self) -> PredictionCounts {
        *self.counted()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::http::ErrorCode;
    use crate::metrics::{Exposition, MetricsRegistry};
    use crate::prediction::{PredictedClass, PredictionMetrics, PredictionOutcome, PredictionPhase};

    #[test]
    fn a_version_counts_what_the_metrics_count_from_its_own_start() {
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let predictions = PredictionMetrics::register(&registry).unwrap();
        let (old, new) = (predictions.model("m", &["a"]), predictions.model("m", &["a"]));
        assert!(old.counts().last.is_none());
        for version in [&old, &new, &new] {
            let mut attempt = version.start();
            attempt.set_items(2);
            attempt.record_phase(PredictionPhase::Inference, 0.5);
            version.executed();
            attempt.succeed(&[PredictedClass { class: 0, confidence: 0.5 }; 2]);
        }
        new.start().fail(ErrorCode::Overloaded);
        drop(old.start());
        let text = registry.render(Exposition::Classic);
        for (series, value) in [
            (r#"predictions_total{model="m",status="success"}"#, old.counts().predictions + new.counts().predictions),
            (r#"predictions_total{model="m",status="error"}"#, 2),
            (r#"prediction_phase_seconds_count{model="m",phase="inference"}"#, 3),
        ] {
            assert!(text.contains(&format!("{series} {value}\n")), "{series} is not {value}: {text}");
        }
        let (old, new) = (old.counts(), new.counts());
        assert_eq!((old.predictions, new.predictions, new.executions), (2, 4, 2));
        assert_eq!(
            (old.requests(PredictionOutcome::Error).count, new.requests(PredictionOutcome::Error).count),
            (1, 1)
        );
        assert_eq!(new.phase(PredictionPhase::Inference).nanoseconds, 1_000_000_000);
        assert_eq!(new.phase(PredictionPhase::Queue).count, 0);
        assert!(new.last.is_some());
    }
}
