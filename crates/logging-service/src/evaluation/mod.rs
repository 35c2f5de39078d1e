//! Drift and quality of every model, over the windows that end now.
//!
//! Counts of buckets → sums by window → [`WindowEvaluation`] → the metrics of [`families`]. `GET /drift` and `GET /quality` ask for
//! other ranges as well, and read them by themselves.
//!
//! Rule of thumb: a scrape reads what the last evaluation found; only evaluations read the database.

mod families;
mod model_evaluation;
mod window;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use monitoring::{Collector, Desc, Gauge, Histogram, LATENCY_BUCKETS, MetricFamily, MetricsError, MetricsRegistry};

use crate::store::time::floor_microseconds;
use crate::store::windows;
use crate::store::{Store, StoreError, declarations, references};
use families::MAX_MODELS;
use model_evaluation::{ModelKnowledge, WindowEvaluation};

pub(crate) use window::EvaluationWindow;

/// Evaluates again and again, and keeps what it found for the metrics.
pub(crate) struct Evaluator {
    found: Arc<Mutex<Vec<MetricFamily>>>,
    models: Mutex<BTreeSet<String>>,
    evaluated_at: Gauge,
    seconds: Histogram,
}

impl Evaluator {
    /// An evaluator that has found nothing yet.
    ///
    /// # Errors
    /// [`MetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let found = Arc::<Mutex<Vec<MetricFamily>>>::default();
        registry.collector(EvaluationCollector { families: Arc::clone(&found), descs: families::descs() })?;
        Ok(Self {
            found,
            models: Mutex::default(),
            evaluated_at: registry.float_gauge(
                "logging_evaluation_timestamp_seconds",
                "Unix time of the last evaluation of drift and quality; 0 before the first.",
            )?,
            seconds: registry.histogram("logging_evaluation_seconds", "Seconds of one evaluation.", LATENCY_BUCKETS)?,
        })
    }

    /// Evaluates every window.
    ///
    /// # Errors
    /// The store's; what was found before stays.
    pub(crate) async fn evaluate(&self, store: &Store) -> Result<(), StoreError> {
        let started = Instant::now();
        let now = floor_microseconds(Timestamp::now());
        let (known, mut evaluations) = store
            .read(move |session| {
                let profiles = references::all(session, None)?;
                let known = ModelKnowledge { profiles, declared: declarations::effective(session, None)? };
                let mut evaluations = Vec::new();
                for window in EvaluationWindow::ALL {
                    let range = window.range(now);
                    let sums = windows::sums(session, None, range)?;
                    evaluations.push(WindowEvaluation::of_newest_files(window, &sums, &known));
                }
                Ok((known, evaluations))
            })
            .await?;
        self.bound_models(&mut evaluations);
        let families = families::families(&evaluations, &known.profiles);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = families;
        self.seconds.observe(started.elapsed().as_secs_f64());
        self.evaluated_at.set(Timestamp::now().as_microsecond() as f64 / 1e6);
        Ok(())
    }

    /// Leaves out the models past the bound; the first to come stay.
    fn bound_models(&self, evaluations: &mut [WindowEvaluation]) {
        let mut known = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        for evaluation in evaluations {
            evaluation.models.retain(|model| {
                if known.len() < MAX_MODELS {
                    known.insert(model.model.clone());
                }
                known.contains(&model.model)
            });
        }
    }
}

/// Gives a scrape what the last evaluation found.
struct EvaluationCollector {
    families: Arc<Mutex<Vec<MetricFamily>>>,
    descs: Vec<Desc>,
}

impl Collector for EvaluationCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
