//! What was sent and what came back.

use std::collections::BTreeMap;

use super::counters::{PredictionCounter, PredictionCounts};
use super::request::Episode;

/// What became of one request.
#[derive(Debug)]
pub(super) struct RequestOutcome {
    /// When it was made.
    pub(super) episode: Episode,
    /// Predictions that it asked for.
    pub(super) items: u64,
    /// Seconds until the whole answer was there.
    pub(super) seconds: f64,
    /// The answer.
    pub(super) answer: PredictAnswer,
    /// The truths that were told of it.
    pub(super) labels: SentLabels,
}

/// True labels on their way to the logging service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SentLabels {
    pub(super) sent: u64,
    /// How many it has taken.
    pub(super) taken: u64,
    /// Why it has not taken the others.
    pub(super) problem: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(super) enum PredictAnswer {
    /// Predictions of this model.
    Predictions(String, Vec<PredictionSays>),
    /// A refusal with this code.
    Refusal(String),
    /// Nothing, or nothing that can be understood, for this reason.
    Nothing(String),
}

/// What is looked at of one prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PredictionSays {
    /// A class, with a confidence from 0 to 1.
    Class { confidence: f64, defect: bool },
    /// A number.
    Number(f64),
}

/// Everything so far.
#[derive(Default)]
pub(super) struct RequestTally {
    /// Requests that were answered with predictions.
    pub(super) answered: u64,
    /// Requests that were refused.
    pub(super) refused: u64,
    /// Requests that got no answer.
    pub(super) unanswered: u64,
    /// Predictions that were asked for without getting an answer: the service may have counted them or not.
    pub(super) uncertain: u64,
    /// The last reason why there was no answer.
    pub(super) last_problem: Option<String>,
    /// What the service should have counted.
    pub(super) counts: PredictionCounts,
    /// What the models said, by model and episode.
    pub(super) qualities: BTreeMap<(String, Episode), ModelQuality>,
    /// The truths that were told.
    pub(super) labels: SentLabels,
    seconds: Vec<f64>,
    /// How many of `seconds` came before the present interval.
    told: usize,
}

/// What a model said in one episode.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ModelQuality {
    classes: u64,
    confidence: f64,
    defects: u64,
    numbers: u64,
    sum: f64,
}

impl ModelQuality {
    /// Mean confidence; `None` of a model that predicts numbers.
    pub(super) fn confidence(&self) -> Option<f64> {
        (self.classes > 0).then(|| self.confidence / self.classes as f64)
    }

    /// Share of the predictions that name a defect; `None` of a model that predicts numbers.
    pub(super) fn defects(&self) -> Option<f64> {
        (self.classes > 0).then(|| self.defects as f64 / self.classes as f64)
    }

    /// Mean of the predicted numbers; `None` of a model that predicts classes.
    pub(super) fn value(&self) -> Option<f64> {
        (self.numbers > 0).then(|| self.sum / self.numbers as f64)
    }

    fn add(&mut self, says: PredictionSays) {
        match says {
            PredictionSays::Class { confidence, defect } => {
                self.classes += 1;
                self.confidence += confidence;
                self.defects += u64::from(defect);
            }
            PredictionSays::Number(value) => {
                self.numbers += 1;
                self.sum += value;
            }
        }
    }
}

impl RequestTally {
    /// Takes in one outcome.
    pub(super) fn add(&mut self, outcome: RequestOutcome) {
        self.labels.sent += outcome.labels.sent;
        self.labels.taken += outcome.labels.taken;
        if outcome.labels.problem.is_some() {
            self.labels.problem = outcome.labels.problem;
        }
        match outcome.answer {
            PredictAnswer::Predictions(model, predictions) => {
                self.answered += 1;
                self.seconds.push(outcome.seconds);
                let quality = self.qualities.entry((model.clone(), outcome.episode)).or_default();
                predictions.iter().for_each(|says| quality.add(*says));
                self.counts.add(PredictionCounter::Predicted(model), predictions.len() as u64);
            }
            PredictAnswer::Refusal(code) => {
                self.refused += 1;
                self.counts.add(PredictionCounter::Refused(code), outcome.items);
            }
            PredictAnswer::Nothing(problem) => {
                self.unanswered += 1;
                self.uncertain += outcome.items;
                self.last_problem = Some(problem);
            }
        }
    }

    /// Requests that have ended, with or without an answer.
    pub(super) fn ended(&self) -> u64 {
        self.answered + self.refused + self.unanswered
    }

    /// Median and 95th percentile of the seconds of the answers since the last call.
    pub(super) fn recent_latency(&mut self) -> Option<[f64; 2]> {
        let recent = percentiles(&self.seconds[self.told..]);
        self.told = self.seconds.len();
        recent
    }

    /// The same of all answers.
    pub(super) fn latency(&self) -> Option<[f64; 2]> {
        percentiles(&self.seconds)
    }
}

/// Median and 95th percentile, or `None` of nothing.
fn percentiles(values: &[f64]) -> Option<[f64; 2]> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some([0.5, 0.95].map(|quantile| values[(last as f64 * quantile).round() as usize]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn outcome(items: u64, answer: PredictAnswer) -> RequestOutcome {
        RequestOutcome { episode: Episode::Drift, items, seconds: 0.5, answer, labels: SentLabels::default() }
    }

    #[test]
    fn predictions_are_counted_one_by_one_and_requests_as_a_whole() {
        let mut tally = RequestTally::default();
        let predictions =
            [(0.5, true), (0.75, false)].map(|(confidence, defect)| PredictionSays::Class { confidence, defect });
        tally.add(outcome(2, PredictAnswer::Predictions("a".into(), predictions.into())));
        tally.add(outcome(4, PredictAnswer::Refusal("overloaded".into())));
        tally.add(outcome(3, PredictAnswer::Nothing("gone".into())));
        assert_eq!((tally.answered, tally.refused, tally.unanswered, tally.uncertain), (1, 1, 1, 3));
        let counted: Vec<u64> = tally.counts.beside(&PredictionCounts::default()).map(|(_, mine, _)| mine).collect();
        assert_eq!(counted, [2, 4]);
        let quality = tally.qualities[&("a".to_owned(), Episode::Drift)];
        assert_eq!((quality.confidence(), quality.defects(), quality.value()), (Some(0.625), Some(0.5), None));
    }

    #[test]
    fn latency_is_told_once_for_each_interval_and_at_the_end_for_all() {
        let mut tally = RequestTally { seconds: (1..=101).map(f64::from).collect(), ..RequestTally::default() };
        assert_eq!(tally.recent_latency(), Some([51.0, 96.0]));
        assert_eq!(tally.recent_latency(), None);
        assert_eq!(tally.latency(), Some([51.0, 96.0]));
        assert_eq!(percentiles(&[3.0]), Some([3.0, 3.0]));
    }
}
