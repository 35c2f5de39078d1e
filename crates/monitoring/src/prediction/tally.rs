//! The same numbers as the metrics, for whoever asks the service itself: those of one version since it was loaded.
//!
//! Rule of thumb: what is counted here is counted where the metric is, by the same call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Outcome, Phase};
use crate::metrics::LabelEnum as _;

/// How often something happened, and how long it took altogether.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// How often.
    pub count: u64,
    /// Nanoseconds of all together.
    pub nanoseconds: u64,
}

/// What has been counted so far: of each request all or nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Predictions that the model answered.
    pub predictions: u64,
    /// Times that the model ran.
    pub executions: u64,
    /// When the last of the requests ended; `None` before the first.
    pub last: Option<SystemTime>,
    requests: [Total; Outcome::ALL.len()],
    phases: [Total; Phase::ALL.len()],
}

impl Counted {
    /// Requests that ended so.
    #[must_use]
    pub fn requests(&self, outcome: Outcome) -> Total {
        self.requests[outcome.index()]
    }

    /// This phase of the requests that succeeded.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Total {
        self.phases[phase.index()]
    }
}

impl Total {
    fn add(&mut self, seconds: f64) {
        self.count += 1;
        // Casts of floats saturate, and do not go below 0.
        self.nanoseconds = self.nanoseconds.saturating_add((seconds * 1e9) as u64);
    }
}

/// The seconds of a request's phases, as far as it got.
pub(super) type Phases = [Option<f64>; Phase::ALL.len()];

/// The numbers of one version.
#[derive(Default)]
pub(super) struct Tally(Mutex<Counted>);

impl Tally {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ended(&self, outcome: Outcome, items: u64, seconds: f64, phases: &Phases) {
        let mut counted = self.counted();
        counted.requests[outcome.index()].add(seconds);
        counted.last = Some(SystemTime::now());
        if outcome == Outcome::Success {
            counted.predictions += items;
            for (total, seconds) in counted.phases.iter_mut().zip(phases) {
                seconds.iter().for_each(|seconds| total.add(*seconds));
            }
        }
    }

    pub(super) fn executed(&self) {
        self.counted().executions += 1;
    }

    pub(super) fn read(&self) -> Counted {
        *self.counted()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::http::ErrorCode;
    use crate::metrics::{Exposition, MetricsRegistry};
    use crate::prediction::{Answer, Outcome, Phase, PredictionMetrics};

    #[test]
    fn a_version_counts_what_the_metrics_count_from_its_own_start() {
        let registry = MetricsRegistry::new("test", "1").unwrap();
        let predictions = PredictionMetrics::register(&registry).unwrap();
        let (old, new) = (predictions.model("m", &["a"]).unwrap(), predictions.model("m", &["a"]).unwrap());
        assert!(old.counted().last.is_none());
        for version in [&old, &new, &new] {
            let mut attempt = version.start();
            attempt.items(2);
            attempt.phase(Phase::Inference, 0.5);
            version.executed();
            attempt.succeed(&[Answer { class: 0, confidence: 0.5 }; 2]);
        }
        new.start().fail(ErrorCode::Overloaded);
        drop(old.start());
        let text = registry.render(Exposition::Classic);
        for (series, value) in [
            (r#"predictions_total{model="m",status="success"}"#, old.counted().predictions + new.counted().predictions),
            (r#"predictions_total{model="m",status="error"}"#, 2),
            (r#"prediction_phase_seconds_count{model="m",phase="inference"}"#, 3),
        ] {
            assert!(text.contains(&format!("{series} {value}\n")), "{series} is not {value}: {text}");
        }
        let (old, new) = (old.counted(), new.counted());
        assert_eq!((old.predictions, new.predictions, new.executions), (2, 4, 2));
        assert_eq!((old.requests(Outcome::Error).count, new.requests(Outcome::Error).count), (1, 1));
        assert_eq!(new.phase(Phase::Inference).nanoseconds, 1_000_000_000);
        assert_eq!(new.phase(Phase::Queue).count, 0);
        assert!(new.last.is_some());
    }
}
