//! The probabilities that a classification gave to the true classes: the logarithmic loss, and the accuracy of the best k.
//!
//! Rule of thumb: what a prediction does not say is not made up. Where one of the true classes has no known probability,
//! there is no logarithmic loss at all, because the unknown ones would be the worst.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tally;
use super::exact_sum::ExactSum;

/// The numbers of best classes among which the true class is looked for.
const BEST: [u16; 3] = [1, 3, 5];

/// Probabilities nearer to 0 than this count as this, as in scikit-learn.
const LEAST_PROBABILITY: f64 = f64::EPSILON;

/// What one prediction says about the class that was true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrueClassScore {
    /// Its probability; absent where the prediction does not say it.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Its place among the classes that the prediction ranks, from 1; 0 where it is not among them.
    #[serde(rename = "r", default)]
    pub rank: u16,
    /// How many classes the prediction ranks.
    #[serde(rename = "k", default)]
    pub ranked: u16,
    /// Whether it is none of the declared classes. The prediction says nothing of it then, and never could.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_outside: bool,
}

/// Sums over the true classes of labelled predictions that have a confidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TrueClassScores {
    /// True classes whose probability is known.
    #[serde(rename = "n")]
    known: i64,
    /// True classes whose probability is not known.
    #[serde(rename = "u")]
    unknown: i64,
    /// Σ −ln probability.
    #[serde(rename = "l")]
    losses: ExactSum,
    /// Predictions that rank at least k classes, by k.
    #[serde(rename = "k")]
    ranked: Tally,
    /// Predictions of these whose true class is among the best k.
    #[serde(rename = "h")]
    hits: Tally,
}

/// How often the true class was among the k most probable ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct TopAccuracy {
    /// How many of the most probable classes are looked at: 1, 3 or 5.
    pub k: u16,
    /// The share of the labelled predictions that rank so many classes, 0 to 1.
    pub accuracy: f64,
}

impl TrueClassScores {
    /// Counts a prediction `times` times; negative times take it back.
    pub(super) fn add(&mut self, score: &TrueClassScore, times: i64) {
        match score.probability {
            Some(probability) => {
                self.known += times;
                let loss = -probability.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY).ln();
                self.losses.add(&ExactSum::of(loss), times);
            }
            None if score.is_outside => {}
            None => self.unknown += times,
        }
        for k in BEST.into_iter().filter(|k| *k <= score.ranked) {
            self.ranked.add(k, times);
            if (1..=k).contains(&score.rank) {
                self.hits.add(k, times);
            }
        }
    }

    /// Adds all of the other.
    pub(super) fn merge(&mut self, other: &Self) {
        self.known = self.known.saturating_add(other.known);
        self.unknown = self.unknown.saturating_add(other.unknown);
        self.losses.add(&other.losses, 1);
        self.ranked.merge(&other.ranked);
        self.hits.merge(&other.hits);
    }

    /// Whether nothing is counted.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The tallies, and the bins that they can have.
    pub(super) fn tallies(&self) -> [(u16, &Tally); 2] {
        [&self.ranked, &self.hits].map(|tally| (BEST[BEST.len() - 1] + 1, tally))
    }

    /// The mean of −ln of the true class's probability.
    pub(super) fn log_loss(&self) -> Option<f64> {
        (self.known > 0 && self.unknown == 0).then(|| self.losses.value() / self.known as f64)
    }

    /// How often the true class was among the best k, as far as predictions rank so many.
    pub(super) fn top_accuracies(&self) -> Vec<TopAccuracy> {
        let of = |k: u16| {
            let ranked = self.ranked.get(k);
            (ranked > 0).then(|| TopAccuracy { k, accuracy: self.hits.get(k) as f64 / ranked as f64 })
        };
        BEST.into_iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn score(probability: Option<f64>, rank: u16, ranked: u16) -> TrueClassScore {
        TrueClassScore { probability, rank, ranked, is_outside: false }
    }

    #[test]
    fn losses_and_ranks_are_counted_as_far_as_they_are_known() {
        let mut scores = TrueClassScores::default();
        let rows = [score(Some(0.5), 1, 5), score(Some(0.25), 2, 5), score(Some(0.0), 0, 5), score(Some(0.125), 1, 1)];
        rows.iter().for_each(|row| scores.add(row, 1));
        let eps = f64::EPSILON;
        let expected = -(0.5_f64.ln() + 0.25_f64.ln() + eps.ln() + 0.125_f64.ln()) / 4.0;
        assert!((scores.log_loss().unwrap() - expected).abs() < 1e-12);
        let top: Vec<_> = scores.top_accuracies().iter().map(|top| (top.k, top.accuracy)).collect();
        assert_eq!(top, [(1, 0.5), (3, 2.0 / 3.0), (5, 2.0 / 3.0)]);
        scores.add(&score(None, 0, 3), 1);
        assert_eq!(scores.log_loss(), None, "the unknown ones are the worst");
        scores.add(&score(None, 0, 3), -1);
        let outside = TrueClassScore { is_outside: true, ..score(None, 0, 3) };
        scores.add(&outside, 1);
        assert!((scores.log_loss().unwrap() - expected).abs() < 1e-12, "it is left out");
        assert_eq!(scores.top_accuracies()[1].accuracy, 0.5, "and no prediction of it was right");
        scores.add(&outside, -1);
        rows.iter().for_each(|row| scores.add(row, -1));
        assert!(scores.is_empty());
    }
}
