//! The same numbers as the metrics, for whoever asks the service itself: those of one version since it was loaded.
//!
//! Rule of thumb: what is counted here is counted where the metric is, by the same call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// What has been counted so far. The numbers are read one after another, while predictions go on.
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

    /// Requests that got this far.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Total {
        self.phases[phase.index()]
    }
}

#[derive(Default)]
struct Sum {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Sum {
    fn add(&self, seconds: f64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // Casts of floats saturate, and do not go below 0.
        self.nanoseconds.fetch_add((seconds * 1e9) as u64, Ordering::Relaxed);
    }

    fn read(&self) -> Total {
        Total { count: self.count.load(Ordering::Relaxed), nanoseconds: self.nanoseconds.load(Ordering::Relaxed) }
    }
}

/// The numbers of one version.
#[derive(Default)]
pub(super) struct Tally {
    predictions: AtomicU64,
    executions: AtomicU64,
    /// Milliseconds since 1970.
    last: AtomicU64,
    requests: [Sum; Outcome::ALL.len()],
    phases: [Sum; Phase::ALL.len()],
}

impl Tally {
    pub(super) fn ended(&self, outcome: Outcome, items: u64, seconds: f64) {
        self.requests[outcome.index()].add(seconds);
        if outcome == Outcome::Success {
            self.predictions.fetch_add(items, Ordering::Relaxed);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.last.fetch_max(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn phase(&self, phase: Phase, seconds: f64) {
        self.phases[phase.index()].add(seconds);
    }

    pub(super) fn executed(&self) {
        self.executions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Counted {
        let last = self.last.load(Ordering::Relaxed);
        Counted {
            predictions: self.predictions.load(Ordering::Relaxed),
            executions: self.executions.load(Ordering::Relaxed),
            last: (last > 0).then(|| UNIX_EPOCH + Duration::from_millis(last)),
            requests: std::array::from_fn(|index| self.requests[index].read()),
            phases: std::array::from_fn(|index| self.phases[index].read()),
        }
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
