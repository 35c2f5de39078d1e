//! Drift and quality of every model, over the windows that end now.
//!
//! Counts of buckets → sums by window → [`evaluate`] → the metrics of [`families`]. `GET /drift` and `GET /quality` ask
//! for other ranges as well, and read them by themselves.
//!
//! Rule of thumb: a scrape reads what the last evaluation found; only evaluations read the database.

mod families;
mod window;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use monitoring::{Collector, Desc, Gauge, Histogram, LATENCY_BUCKETS, MetricFamily, MetricsError, MetricsRegistry};

use crate::analysis::{DriftReport, QualityReport, ReferenceProfile, compare, quality};
use crate::store::row::floor_microseconds;
use crate::store::windows::{self, ModelWindow};
use crate::store::{Store, StoreError, references};

pub(crate) use window::Window;

/// Models that get series of windows. The names come from whoever may post records, so they are bounded.
const MAX_MODELS: usize = 20;

/// What is known of one model's file over one window.
#[derive(Clone, Debug)]
struct Evaluation {
    model: String,
    latest: Timestamp,
    quality: QualityReport,
    /// Absent where there is no reference.
    drift: Option<DriftReport>,
}

/// Lays the counts of a window beside references and labels.
fn evaluate(sums: &[ModelWindow], profiles: &[ReferenceProfile]) -> Vec<Evaluation> {
    let evaluated = |sum: &ModelWindow| {
        let reference = references::of(profiles, &sum.model, &sum.model_sha256).map(|profile| &profile.counts);
        Evaluation {
            model: sum.model.clone(),
            latest: sum.latest,
            quality: quality(&sum.counts, reference),
            drift: reference.map(|reference| compare(reference, &sum.counts)),
        }
    };
    sums.iter().map(evaluated).collect()
}

/// Evaluates again and again, and keeps what it found for the metrics.
pub(crate) struct Evaluator {
    found: Arc<Mutex<Vec<MetricFamily>>>,
    models: Mutex<BTreeSet<String>>,
    evaluated_at: Gauge,
    seconds: Histogram,
}

impl Evaluator {
    pub(crate) fn register(registry: &MetricsRegistry) -> Result<Self, MetricsError> {
        let found = Arc::<Mutex<Vec<MetricFamily>>>::default();
        registry.collector(Found { families: Arc::clone(&found), descs: families::descs() })?;
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
        let (profiles, evaluations) = store
            .read(move |session| {
                let profiles = references::all(session, None)?;
                let mut evaluations = Vec::new();
                for window in Window::ALL {
                    let range = window.range(now);
                    let sums = windows::sums(session, None, range)?;
                    evaluations.push((window, newest(evaluate(&sums, &profiles))));
                }
                Ok((profiles, evaluations))
            })
            .await?;
        let evaluations = self.bounded(evaluations);
        let families = families::families(&evaluations, &profiles);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = families;
        self.seconds.observe(started.elapsed().as_secs_f64());
        self.evaluated_at.set(Timestamp::now().as_microsecond() as f64 / 1e6);
        Ok(())
    }

    /// Leaves out the models past the bound; the first to come stay.
    fn bounded(&self, mut found: Vec<(Window, Vec<Evaluation>)>) -> Vec<(Window, Vec<Evaluation>)> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, evaluations) in &mut found {
            evaluations.retain(|evaluation| {
                if models.len() < MAX_MODELS {
                    models.insert(evaluation.model.clone());
                }
                models.contains(&evaluation.model)
            });
        }
        found
    }
}

/// Of each model the file that was used last: it is the one in service.
fn newest(evaluations: Vec<Evaluation>) -> Vec<Evaluation> {
    let mut newest: Vec<Evaluation> = Vec::new();
    for evaluation in evaluations {
        match newest.iter_mut().find(|other| other.model == evaluation.model) {
            None => newest.push(evaluation),
            Some(other) if other.latest < evaluation.latest => *other = evaluation,
            Some(_) => {}
        }
    }
    newest
}

/// Gives a scrape what the last evaluation found.
struct Found {
    families: Arc<Mutex<Vec<MetricFamily>>>,
    descs: Vec<Desc>,
}

impl Collector for Found {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
