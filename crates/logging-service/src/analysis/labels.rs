//! The counts of predictions whose true labels are known.
//!
//! Rule of thumb: a label is added with one sign and taken back with the other. So a revision is two calls, and the counts
//! of a difference may be negative.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::confidence_units::units_above_edge;
use super::counts_error::CountsError;
use super::grid::LAG;
use super::labelled_observation::{ClassOutcome, LabelledObservation, LabelledOutcome};
use super::{BinaryScores, Feature, Tally, TrueClassScores, ValueErrors};

/// The most pairs of a predicted and a true class that are counted by name; the rest are counted together.
pub const MAX_PAIRS: usize = 10_000;

/// Longer lags are counted as ten years, which keeps the sum far from its limits.
const LONGEST_LAG_SECONDS: f64 = 315_576_000.0;

/// Whether a label is added or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSign {
    /// The label is new.
    Add,
    /// The label was revised: what it added is taken back.
    TakeBack,
}

impl LabelSign {
    fn factor(self) -> i64 {
        match self {
            Self::Add => 1,
            Self::TakeBack => -1,
        }
    }
}

/// How often one class was predicted where another one, or the same, was true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassPair<'a> {
    /// The class that was predicted.
    pub predicted: &'a str,
    /// The true class.
    pub truth: &'a str,
    /// How often; negative in the counts of a difference.
    pub count: i64,
}

/// Counts of labelled predictions. They are signed, because a revision may be counted apart from the original label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LabelCounts {
    /// Predictions with a label.
    #[serde(rename = "n")]
    pub labelled: i64,
    /// Predictions that were right.
    #[serde(rename = "r")]
    pub correct: i64,
    /// True labels by predicted label.
    #[serde(rename = "c")]
    confusion: BTreeMap<String, BTreeMap<String, i64>>,
    /// Predictions of pairs past [`MAX_PAIRS`].
    #[serde(rename = "o")]
    pub other_pairs: i64,
    /// Labelled predictions that have a confidence, by bin of their confidence.
    #[serde(rename = "b")]
    pub by_confidence: Tally,
    /// Correct ones of them by bin of their confidence.
    #[serde(rename = "rb")]
    pub correct_by_confidence: Tally,
    /// Sums of the confidences in each bin of the confidence, in units of 2⁻³² above the bin's lower edge.
    #[serde(rename = "s")]
    pub confidence_sums: Tally,
    /// Labels by bin of their lag.
    #[serde(rename = "l")]
    pub lags: Tally,
    /// The sum of the lags. Microseconds would overflow at some million labels that are a month late.
    #[serde(rename = "lm")]
    pub lag_milliseconds: i64,
    /// The errors of regressions.
    #[serde(rename = "v", skip_serializing_if = "ValueErrors::is_empty")]
    pub values: ValueErrors,
    /// The probabilities of the true classes.
    #[serde(rename = "t", skip_serializing_if = "TrueClassScores::is_empty")]
    pub true_classes: TrueClassScores,
    /// The scores of binary classifiers.
    #[serde(rename = "p", skip_serializing_if = "BinaryScores::is_empty")]
    pub binary: BinaryScores,
    /// Predictions whose true label is none of the model's classes.
    #[serde(rename = "x", skip_serializing_if = "is_zero")]
    pub outside: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl LabelCounts {
    /// Adds a label, or takes it back.
    pub fn add(&mut self, label: &LabelledObservation, sign: LabelSign) {
        let sign = sign.factor();
        self.labelled += sign;
        match &label.outcome {
            LabelledOutcome::Class(class) => self.add_class(class, sign),
            LabelledOutcome::Value(value) => self.values.add(value, sign),
        }
        if label.lag_seconds.is_finite() {
            let lag = label.lag_seconds.clamp(0.0, LONGEST_LAG_SECONDS);
            self.lags.add(LAG.bin(lag), sign);
            self.lag_milliseconds += sign * (lag * 1e3).round() as i64;
        }
    }

    /// Labelled predictions of a class. They are summed up, and not what is left beside the numbers: what is no number
    /// either must not become a class.
    pub fn classified(&self) -> i64 {
        self.pairs().fold(self.other_pairs, |sum, pair| sum.saturating_add(pair.count))
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        self.values.merge(&other.values);
        self.true_classes.merge(&other.true_classes);
        self.binary.merge(&other.binary);
        self.outside = self.outside.saturating_add(other.outside);
        self.labelled = self.labelled.saturating_add(other.labelled);
        self.correct = self.correct.saturating_add(other.correct);
        self.other_pairs = self.other_pairs.saturating_add(other.other_pairs);
        for ClassPair { predicted, truth, count } in other.pairs() {
            self.add_pair(predicted, truth, count);
        }
        self.by_confidence.merge(&other.by_confidence);
        self.correct_by_confidence.merge(&other.correct_by_confidence);
        self.confidence_sums.merge(&other.confidence_sums);
        self.lags.merge(&other.lags);
        self.lag_milliseconds = self.lag_milliseconds.saturating_add(other.lag_milliseconds);
    }

    /// The pairs of a predicted and a true class, in alphabetical order.
    pub fn pairs(&self) -> impl Iterator<Item = ClassPair<'_>> {
        self.confusion
            .iter()
            .flat_map(|(predicted, truths)| truths.iter().map(|(truth, &count)| ClassPair { predicted, truth, count }))
    }

    /// Whether nothing is counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add_class(&mut self, class: &ClassOutcome, sign: i64) {
        let correct = if class.predicted == class.truth { sign } else { 0 };
        self.correct += correct;
        self.add_pair(&class.predicted, &class.truth, sign);
        let known = class.confidence.and_then(|confidence| Some((confidence, Feature::Confidence.bin(confidence)?)));
        if let Some((confidence, bin)) = known {
            self.by_confidence.add(bin, sign);
            self.correct_by_confidence.add(bin, correct);
            self.confidence_sums.add(bin, sign * units_above_edge(bin, confidence));
        }
        self.outside += if class.is_outside { sign } else { 0 };
        if let Some(score) = &class.truth_score {
            self.true_classes.add(score, sign);
        }
        if let Some(positive) = class.positive.as_ref().filter(|positive| positive.may_be_about(&class.truth)) {
            self.binary.add(positive, positive.class == class.truth, sign);
        }
    }

    /// The tallies, and how many bins the grid of each has. Confidences may be summed up to any number in a bin.
    fn tallies(&self) -> impl Iterator<Item = (u16, &Tally)> {
        let of_confidence = [&self.by_confidence, &self.correct_by_confidence];
        let of_confidence = of_confidence.into_iter().map(|tally| (Feature::Confidence.bins(), tally));
        let own = of_confidence.chain([(LAG.bins(), &self.lags), self.values.tally()]);
        own.chain(self.true_classes.tallies()).chain(self.binary.tallies())
    }

    /// Whether a bin is counted that its grid does not have; it would later be looked up outside of the grid.
    pub(super) fn leaves_the_grid(&self) -> bool {
        let sums = [(Feature::Confidence.bins(), &self.confidence_sums)];
        self.tallies().chain(sums).any(|(bins, tally)| tally.last_bin().is_some_and(|last| last >= bins))
    }

    /// Checks that these can be the counts of labels of at most `most` predictions.
    ///
    /// # Errors
    /// [`CountsError::Wrong`] says what is wrong.
    pub(super) fn check(&self, most: u64) -> Result<(), CountsError> {
        let is_negative = |(_, tally): (u16, &Tally)| tally.iter().any(|(_, count)| count < 0);
        if self.tallies().any(is_negative) || self.pairs().any(|pair| pair.count < 0) {
            return Err(CountsError::Wrong("a count is negative"));
        }
        // A prediction is counted once for each number of best classes.
        if self.tallies().any(|(_, tally)| tally.total().unsigned_abs() > most.saturating_mul(3)) {
            return Err(CountsError::Wrong("a label is counted more often than there are predictions"));
        }
        Ok(())
    }

    fn add_pair(&mut self, predicted: &str, truth: &str, count: i64) {
        if count == 0 {
            return;
        }
        if let Some(truths) = self.confusion.get_mut(predicted)
            && let Some(known) = truths.get_mut(truth)
        {
            *known = known.saturating_add(count);
            if *known == 0 {
                truths.remove(truth);
                if truths.is_empty() {
                    self.confusion.remove(predicted);
                }
            }
            return;
        }
        self.confusion.entry(predicted.to_owned()).or_default().insert(truth.to_owned(), count);
        if self.confusion.values().map(BTreeMap::len).sum::<usize>() > MAX_PAIRS {
            self.give_up_last();
        }
    }

    /// Gives up the last pair of the alphabet, so that merged parts equal the whole; see [`super::ClassCounts`].
    fn give_up_last(&mut self) {
        if let Some(mut last) = self.confusion.last_entry() {
            if let Some((_, count)) = last.get_mut().pop_last() {
                self.other_pairs = self.other_pairs.saturating_add(count);
            }
            if last.get().is_empty() {
                last.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn label(predicted: &str, truth: &str) -> LabelledObservation {
        LabelledObservation::class(predicted, truth, Some(0.875), 90.25)
    }

    #[test]
    fn a_label_counts_in_all_places_and_taken_back_in_none() {
        let mut counts = LabelCounts::default();
        counts.add(&label("cat", "cat"), LabelSign::Add);
        counts.add(&label("cat", "dog"), LabelSign::Add);
        let pair = |truth| ClassPair { predicted: "cat", truth, count: 1 };
        assert_eq!((counts.labelled, counts.correct, counts.lag_milliseconds), (2, 1, 180_500));
        assert_eq!(counts.pairs().collect::<Vec<_>>(), [pair("cat"), pair("dog")]);
        assert_eq!((counts.by_confidence.get(87), counts.correct_by_confidence.get(87)), (2, 1));
        counts.add(&label("cat", "dog"), LabelSign::TakeBack);
        counts.add(&label("cat", "cat"), LabelSign::TakeBack);
        assert!(counts.is_empty());
    }

    #[test]
    fn early_and_broken_lags_do_no_harm() {
        let mut counts = LabelCounts::default();
        counts.add(&LabelledObservation { lag_seconds: -5.0, ..label("a", "a") }, LabelSign::Add);
        counts.add(&LabelledObservation { lag_seconds: f64::NAN, ..label("a", "a") }, LabelSign::Add);
        counts.add(&LabelledObservation::class("a", "a", Some(f64::NAN), 1e300), LabelSign::Add);
        assert_eq!(counts.labelled, 3);
        assert_eq!(counts.lags.total(), 2);
        assert_eq!(counts.lag_milliseconds, 315_576_000_000);
        assert_eq!(counts.by_confidence.total(), 2);
    }

    #[test]
    fn pairs_are_bounded() {
        let mut counts = LabelCounts::default();
        for number in (0..MAX_PAIRS + 10).rev() {
            counts.add(&label(&format!("{number:06}"), "x"), LabelSign::Add);
        }
        assert_eq!(counts.pairs().count(), MAX_PAIRS);
        assert_eq!(counts.other_pairs, 10);
        assert_eq!(counts.pairs().next().unwrap().predicted, "000000");
    }
}
