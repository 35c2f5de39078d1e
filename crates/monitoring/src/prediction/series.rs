//! The series of one model, and those of the classes of one version of it.
//!
//! Rule of thumb: whoever counts holds the series together with the lease of their labels.

use std::sync::{Arc, OnceLock};

use super::families::PredictionFamilies;
use super::labels::{OTHER, PredictionOutcome, PredictionPhase};
use crate::http::ErrorCode;
use crate::metrics::{
    Counter, Each, Histogram, LabelEnum, LabelLease, LabelledMetric, LeasedFamily, NoLabels, TracedHistogram,
};

/// The series of one model. All of them are in the scrape while this is held.
pub(super) struct ModelSeries {
    pub(super) lease: LabelLease,
    pub(super) batch_size: Histogram,
    pub(super) confidence: Histogram,
    pub(super) engine_refusals: Counter,
    attempts: Box<[Counter]>,
    latency: Box<[TracedHistogram]>,
    phases: Box<[TracedHistogram]>,
    /// Codes that are not of predictions have a series once they happen.
    errors: Box<[OnceLock<Counter>]>,
    families: Arc<PredictionFamilies>,
}

impl ModelSeries {
    pub(super) fn expose(families: &Arc<PredictionFamilies>, lease: LabelLease) -> Self {
        let series = Self {
            attempts: series_of(&families.attempts, &lease),
            latency: series_of(&families.latency, &lease),
            phases: series_of(&families.phases, &lease),
            batch_size: families.batch_size.with(&lease, NoLabels),
            confidence: families.confidence.with(&lease, NoLabels),
            engine_refusals: families.engine_refusals.with(&lease, NoLabels),
            errors: ErrorCode::ALL.iter().map(|_| OnceLock::new()).collect(),
            families: families.clone(),
            lease,
        };
        for code in ErrorCode::ALL.iter().filter(|code| code.is_of_predictions()) {
            series.errors(*code);
        }
        series
    }

    pub(super) fn attempts(&self, outcome: PredictionOutcome) -> &Counter {
        &self.attempts[outcome.index()]
    }

    pub(super) fn latency(&self, outcome: PredictionOutcome) -> &TracedHistogram {
        &self.latency[outcome.index()]
    }

    pub(super) fn phase(&self, phase: PredictionPhase) -> &TracedHistogram {
        &self.phases[phase.index()]
    }

    pub(super) fn errors(&self, code: ErrorCode) -> &Counter {
        self.errors[code.index()].get_or_init(|| self.families.errors.with(&self.lease, code))
    }
}

fn series_of<M: LabelledMetric, E: LabelEnum>(family: &LeasedFamily<M, Each<E>>, lease: &LabelLease) -> Box<[M]> {
    E::ALL.iter().map(|value| family.with(lease, *value)).collect()
}

/// The series of the classes of one version.
pub(super) struct ClassSeries {
    classes: usize,
    /// Of the first classes.
    named: Vec<LeasedCounter>,
    /// Of the rest, where there was no room for all.
    other: Option<LeasedCounter>,
}

struct LeasedCounter {
    counter: Counter,
    _lease: LabelLease,
}

impl ClassSeries {
    /// The series of these classes of the model with this label; `own` of them have series of their own, if there is room.
    pub(super) fn expose<C: AsRef<str>>(
        families: &PredictionFamilies,
        model: &LabelLease,
        classes: &[C],
        own: usize,
    ) -> Self {
        let label = model.values().first().map(String::as_str).unwrap_or_default();
        let leased =
            |lease: LabelLease| LeasedCounter { counter: families.by_class.with(&lease, NoLabels), _lease: lease };
        let leases = classes.iter().take(own).map_while(|class| families.classes.lease(&[label, class.as_ref()]).ok());
        let named = leases.map(leased);
        let named: Vec<LeasedCounter> = named.collect();
        let is_short = named.len() < classes.len();
        let other = is_short.then(|| leased(families.classes.lease_reserved(&[label, OTHER])));
        Self { classes: classes.len(), named, other }
    }

    /// Where predictions of a class are counted; `None` if there is no such class.
    pub(super) fn of(&self, class: usize) -> Option<&Counter> {
        if class >= self.classes {
            return None;
        }
        self.named.get(class).or(self.other.as_ref()).map(|leased| &leased.counter)
    }

    /// How many classes have series of their own.
    pub(super) fn named(&self) -> usize {
        self.named.len()
    }
}
