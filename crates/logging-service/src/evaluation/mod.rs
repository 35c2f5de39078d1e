//! Drift and quality of every model, over the windows that end now.
//!
//! Counts of buckets → sums by window → [`WindowEvaluation`] → the metrics of [`families`]. `GET /drift` and `GET /quality` ask for
//! other ranges as well, and read them by themselves.
//!
//! Rule of thumb: a scrape reads what the last evaluation found; only evaluations read the database.

mod choice;
mod declared;
mod detector;
mod families;
mod feature_faults;
mod gauges;
mod in_service;
mod model_evaluation;
mod published;
mod reading;
mod segments;
mod sudden;
mod window;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use monitoring::{
    Collector, Desc, Each, Family, Gauge, Histogram, LATENCY_BUCKETS, MetricFamily, MetricsError, MetricsRegistry,
    each, label_enum,
};

use crate::store::time::floor_microseconds;
use crate::store::{Store, StoreError};
use choice::{ModelCandidate, ModelChoice};
use published::PublishedFamilies;
use reading::{EvaluationReading, KeptSums};

pub(crate) use window::EvaluationWindow;

label_enum! {
    /// Why a model has no series of windows.
    enum LeftOutReason: "reason" {
        /// There are too many models.
        Models = "models",
        /// The models before it have so many features and classes that there is no room for its series.
        Series = "series",
    }
}

/// Evaluates again and again, and keeps what it found for the metrics.
pub(crate) struct Evaluator {
    found: Arc<Mutex<Vec<MetricFamily>>>,
    chosen: Mutex<BTreeSet<String>>,
    sums: Mutex<KeptSums>,
    left_out: Family<Gauge, Each<LeftOutReason>>,
    evaluated_at: Gauge,
    try_every: Duration,
    tried_at: Gauge,
    seconds: Histogram,
}

impl Evaluator {
    /// An evaluator that has found nothing yet; it tries its detector of drift again and again after `try_every`.
    ///
    /// # Errors
    /// [`MetricsError`] where a name is taken.
    pub(crate) fn register(registry: &MetricsRegistry, try_every: Duration) -> Result<Self, MetricsError> {
        let found = Arc::<Mutex<Vec<MetricFamily>>>::default();
        registry.collector(EvaluationCollector {
            families: Arc::clone(&found),
            descs: families::descs()
                .into_iter()
                .chain(declared::descs())
                .chain(sudden::descs())
                .chain(segments::descs())
                .chain(detector::descs())
                .collect(),
        })?;
        Ok(Self {
            found,
            chosen: Mutex::default(),
            sums: Mutex::default(),
            left_out: registry.gauges(
                "logging_models_left_out",
                "Models with predictions, a reference or a declaration that have no series of windows.",
                each(),
            )?,
            evaluated_at: registry.float_gauge(
                "logging_evaluation_timestamp_seconds",
                "Unix time of the last evaluation of drift and quality; 0 before the first.",
            )?,
            try_every,
            tried_at: registry.float_gauge(
                "logging_detector_timestamp_seconds",
                "Unix time at which known drifts were last put before the detector; 0 before the first.",
            )?,
            seconds: registry.histogram("logging_evaluation_seconds", "Seconds of one evaluation.", LATENCY_BUCKETS)?,
        })
    }

    /// Evaluates every window; gives the models that have series, the most important one first.
    ///
    /// # Errors
    /// The store's; what was found before stays.
    pub(crate) async fn evaluate(&self, store: &Store) -> Result<Vec<String>, StoreError> {
        let started = Instant::now();
        let now = Timestamp::now();
        let try_every = self.try_every;
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (reading, sums) =
            store.read(move |session| Ok((sums.evaluate(session, floor_microseconds(now), try_every)?, sums))).await?;
        *self.sums.lock().unwrap_or_else(PoisonError::into_inner) = sums;
        // Another program may have declared something in the same database.
        store.follow_declarations().await?;
        if reading.is_tried_now {
            self.tried_at.set(now.as_microsecond() as f64 / 1e6);
        }
        let chosen = self.publish(reading, now);
        self.seconds.observe(started.elapsed().as_secs_f64());
        self.evaluated_at.set(Timestamp::now().as_microsecond() as f64 / 1e6);
        Ok(chosen)
    }

    /// Replaces the families by those of an evaluation, as far as there is room.
    fn publish(&self, reading: EvaluationReading, now: Timestamp) -> Vec<String> {
        let EvaluationReading { mut known, windows: mut evaluations, left_out, sudden, segments, trials, .. } = reading;
        let vouched = known.profiles.iter().map(|profile| &profile.model).chain(known.declared.keys());
        let vouched = vouched.map(|model| ModelCandidate::vouched_for(model));
        let busy = evaluations.iter().flat_map(|window| &window.models);
        let busy = busy.map(|model| ModelCandidate::busy(&model.model, model.quality.predictions));
        let choice = self.choose(vouched.chain(busy));
        let mut published = PublishedFamilies::default();
        for model in choice.ranked() {
            let own: Vec<_> = evaluations.iter_mut().map(|window| window.take(model)).collect();
            let profiles: Vec<_> = known.profiles.extract_if(.., |profile| profile.model == *model).collect();
            let windows = families::families(&own, &profiles);
            let beside = [sudden.families(model), segments.families(model), trials.families(model)].concat();
            published.add_model([windows, beside].concat());
        }
        published.add(declared::families(choice.ranked(), &known.declared, now));
        self.left_out.with(LeftOutReason::Models).set((choice.left_out() as u64 + left_out) as f64);
        self.left_out.with(LeftOutReason::Series).set(published.left_out() as f64);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = published.into_families();
        choice.into_ranked()
    }

    /// Chooses the models that have series until the next evaluation.
    fn choose<'m>(&self, candidates: impl Iterator<Item = ModelCandidate<'m>>) -> ModelChoice {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let choice = ModelChoice::among(candidates, &chosen);
        *chosen = choice.ranked().iter().cloned().collect();
        choice
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
