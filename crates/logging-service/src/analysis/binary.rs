//! The scores of a binary classifier: counted by what was true, and how well they tell the two classes apart.
//!
//! Rule of thumb: a score is counted under the name of the class that it is the probability of. Under the name of the other
//! class it is the mirrored score, so it does not matter which of the two was declared as positive at that time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tally;
use super::exact_sum::ExactSum;
use super::probability_grid::{PROBABILITY_BINS, mirrored, probability_bin};

/// The most classes under whose names scores are counted; a binary classifier has two.
const MOST_CLASSES: usize = 4;

/// The score of one of two classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositiveScore {
    /// The class.
    #[serde(rename = "p")]
    pub class: String,
    /// Its probability.
    #[serde(rename = "s")]
    pub score: f64,
    /// The other one of the two; absent where its name is not known.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

impl PositiveScore {
    /// Whether a class can be one of the two. A score says nothing of a third one.
    pub fn may_be_about(&self, class: &str) -> bool {
        self.class == class || self.other.as_ref().is_none_or(|other| other == class)
    }
}

/// Scores of labelled predictions by bin, of those of the class and of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LabelledScores {
    /// Scores where the class was true.
    #[serde(rename = "p")]
    positive: Tally,
    /// Scores where it was not.
    #[serde(rename = "n")]
    negative: Tally,
    /// Σ (score − truth)², where the truth is 1 or 0.
    #[serde(rename = "b")]
    squares: ExactSum,
}

/// The scores by the name of their class, bounded: those that come first in the alphabet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct BinaryScores(BTreeMap<String, LabelledScores>);

/// How well a binary classifier tells its two classes apart.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BinaryQuality {
    /// The positive class; absent where none is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// Labelled predictions with a score.
    pub samples: u64,
    /// The area under the ROC curve, of the binned scores; absent where only one of the classes was ever true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auc: Option<f64>,
    /// How far the area of the scores themselves may be from it at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auc_error: Option<f64>,
    /// The mean of (score − truth)², where the truth is 1 or 0.
    pub brier: f64,
    /// The average precision of the binned scores, Σ (Rₙ − Rₙ₋₁)·Pₙ; absent where no class is declared as positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_precision: Option<f64>,
    /// The precision of the positive class, as the model itself decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Its recall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Its F1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
}

impl LabelledScores {
    fn merge(&mut self, other: &Self) {
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
        self.squares.add(&other.squares, 1);
    }

    /// The same scores as those of the other class.
    fn mirrored(&self) -> Self {
        let mirror = |tally: &Tally| {
            let mut mirrored_tally = Tally::default();
            tally.iter().for_each(|(bin, count)| mirrored_tally.add(mirrored(bin), count));
            mirrored_tally
        };
        Self { positive: mirror(&self.negative), negative: mirror(&self.positive), squares: self.squares.clone() }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn totals(&self) -> [f64; 2] {
        [&self.positive, &self.negative].map(|tally| tally.total() as f64)
    }

    /// The bins with their counts of positives and negatives, the lowest score first.
    fn bins(&self) -> BTreeMap<u16, [f64; 2]> {
        let mut bins = BTreeMap::<u16, [f64; 2]>::new();
        for (which, tally) in [&self.positive, &self.negative].into_iter().enumerate() {
            tally.iter().for_each(|(bin, count)| bins.entry(bin).or_default()[which] += count as f64);
        }
        bins
    }

    /// The area under the ROC curve, and how far that of the scores themselves may be from it.
    ///
    /// Mann and Whitney's U: the share of the pairs of a positive and a negative in which the positive has the higher
    /// score. A pair in one bin counts half, so each may be wrong by a half.
    fn area(&self) -> Option<(f64, f64)> {
        let [positives, negatives] = self.totals();
        let pairs = positives * negatives;
        let (mut below, mut won, mut tied) = (0.0, 0.0, 0.0);
        for [positive, negative] in self.bins().into_values() {
            won += positive * below;
            tied += positive * negative / 2.0;
            below += negative;
        }
        (pairs > 0.0).then(|| ((won + tied) / pairs, tied / pairs))
    }

    fn average_precision(&self) -> Option<f64> {
        let [positives, _] = self.totals();
        let (mut hits, mut chosen, mut sum) = (0.0, 0.0, 0.0);
        for [positive, negative] in self.bins().into_values().rev() {
            hits += positive;
            chosen += positive + negative;
            sum += positive / positives * (hits / chosen);
        }
        (positives > 0.0).then_some(sum)
    }
}

impl BinaryScores {
    /// Counts a score `times` times; negative times take it back.
    pub(super) fn add(&mut self, score: &PositiveScore, is_true: bool, times: i64) {
        let Some(bin) = probability_bin(score.score) else { return };
        let mut added = LabelledScores::default();
        let tally = if is_true { &mut added.positive } else { &mut added.negative };
        tally.add(bin, times);
        let truth = f64::from(u8::from(is_true));
        added.squares.add(&ExactSum::of_square(score.score - truth), times);
        self.merge_class(&score.class, &added);
    }

    /// Adds all of the other.
    pub(super) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(class, scores)| self.merge_class(class, scores));
    }

    /// Whether nothing is counted.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tallies, and how many bins their grid has.
    pub(super) fn tallies(&self) -> impl Iterator<Item = (u16, &Tally)> {
        self.0.values().flat_map(|scores| [&scores.positive, &scores.negative]).map(|tally| (PROBABILITY_BINS, tally))
    }

    /// What follows from the scores; nothing where there are none, or more classes than two.
    pub(super) fn quality(&self, positive: Option<&str>) -> Option<BinaryQuality> {
        let of = positive.or_else(|| self.0.keys().next().map(String::as_str))?;
        let others: Vec<_> = self.0.iter().filter(|(class, _)| *class != of).collect();
        let mut scores = self.0.get(of).cloned().unwrap_or_default();
        match others[..] {
            [] => {}
            [(_, other)] => scores.merge(&other.mirrored()),
            _ => return None,
        }
        let [positives, negatives] = scores.totals();
        let samples = positives + negatives;
        if samples <= 0.0 {
            return None;
        }
        let area = scores.area();
        Some(BinaryQuality {
            positive: positive.map(str::to_owned),
            samples: samples as u64,
            auc: area.map(|(area, _)| area),
            auc_error: area.map(|(_, error)| error),
            brier: scores.squares.value() / samples,
            average_precision: positive.and_then(|_| scores.average_precision()),
            precision: None,
            recall: None,
            f1: None,
        })
    }

    fn merge_class(&mut self, class: &str, added: &LabelledScores) {
        let scores = self.0.entry(class.to_owned()).or_default();
        scores.merge(added);
        if scores.is_empty() {
            self.0.remove(class);
        }
        if self.0.len() > MOST_CLASSES {
            self.0.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn scores(class: &str, rows: &[(f64, bool)]) -> BinaryScores {
        let mut scores = BinaryScores::default();
        for (score, is_true) in rows {
            scores.add(&PositiveScore { class: class.to_owned(), score: *score, other: None }, *is_true, 1);
        }
        scores
    }

    const ROWS: [(f64, bool); 4] = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        let quality = scores("yes", &ROWS).quality(Some("yes")).unwrap();
        assert_eq!((quality.auc, quality.auc_error, quality.samples), (Some(0.75), Some(0.0), 4));
        assert!((quality.average_precision.unwrap() - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-15);
        assert!((quality.brier - (0.01 + 0.16 + 0.4225 + 0.04) / 4.0).abs() < 1e-12);
        let tied = scores("yes", &[(0.5, true), (0.5, false)]).quality(None).unwrap();
        assert_eq!((tied.auc, tied.auc_error, tied.average_precision), (Some(0.5), Some(0.5), None));
    }

    #[test]
    fn the_name_under_which_scores_are_counted_makes_no_difference() {
        let other: Vec<(f64, bool)> = ROWS.iter().map(|(score, is_true)| (1.0 - score, !is_true)).collect();
        let mut mixed = scores("yes", &ROWS[..2]);
        mixed.merge(&scores("no", &other[2..]));
        let [mixed, whole] = [mixed, scores("yes", &ROWS)].map(|scores| scores.quality(Some("yes")).unwrap());
        assert_eq!((mixed.auc, mixed.samples), (whole.auc, whole.samples));
        assert!((mixed.brier - whole.brier).abs() < 1e-15);
    }

    #[test]
    fn one_class_alone_has_no_area_and_three_are_not_binary() {
        assert_eq!(scores("yes", &[(0.7, true)]).quality(None).unwrap().auc, None);
        let mut three = scores("a", &ROWS);
        three.merge(&scores("b", &ROWS));
        three.merge(&scores("c", &ROWS));
        assert_eq!(three.quality(Some("a")), None);
        let mut nothing = scores("yes", &ROWS);
        ROWS.iter().for_each(|(score, is_true)| {
            nothing.add(&PositiveScore { class: "yes".to_owned(), score: *score, other: None }, *is_true, -1);
        });
        assert!(nothing.is_empty());
    }
}
