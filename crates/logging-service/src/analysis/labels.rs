//! The counts of predictions whose true labels are known.
//!
//! Rule of thumb: a label is added with one sign and taken back with the other. So a revision is two calls, and the counts
//! of a difference may be negative.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::confidence_units::units_above_edge;
use super::grid::LAG;
use super::{Feature, Tally};

/// The most pairs of a predicted and a true class that are counted by name; the rest are counted together.
pub const MAX_PAIRS: usize = 10_000;

/// Longer lags are counted as ten years, which keeps the sum far from its limits.
const LONGEST_LAG_SECONDS: f64 = 315_576_000.0;

/// A prediction whose true label is known.
#[derive(Clone, Copy, Debug)]
pub struct LabelledObservation<'a> {
    /// The class that the model predicted.
    pub predicted: &'a str,
    /// The true class.
    pub truth: &'a str,
    /// The probability of the predicted class.
    pub confidence: f64,
    /// The time from the prediction to its label; 0 for a label that came before its prediction.
    pub lag_seconds: f64,
}

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
    /// LabelledObservation predictions by bin of their confidence.
    #[serde(rename = "b")]
    pub by_confidence: Tally,
    /// Correct predictions by bin of their confidence.
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
}

impl LabelCounts {
    /// Adds a label, or takes it back.
    pub fn add(&mut self, label: &LabelledObservation<'_>, sign: LabelSign) {
        let sign = sign.factor();
        let correct = if label.predicted == label.truth { sign } else { 0 };
        self.labelled += sign;
        self.correct += correct;
        self.add_pair(label.predicted, label.truth, sign);
        if let Some(bin) = Feature::Confidence.bin(label.confidence) {
            self.by_confidence.add(bin, sign);
            self.correct_by_confidence.add(bin, correct);
            self.confidence_sums.add(bin, sign * units_above_edge(bin, label.confidence));
        }
        if label.lag_seconds.is_finite() {
            let lag = label.lag_seconds.clamp(0.0, LONGEST_LAG_SECONDS);
            self.lags.add(LAG.bin(lag), sign);
            self.lag_milliseconds += sign * (lag * 1e3).round() as i64;
        }
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
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

    fn label<'a>(predicted: &'a str, truth: &'a str) -> LabelledObservation<'a> {
        LabelledObservation { predicted, truth, confidence: 0.875, lag_seconds: 90.25 }
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
        counts
            .add(&LabelledObservation { lag_seconds: 1e300, confidence: f64::NAN, ..label("a", "a") }, LabelSign::Add);
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
