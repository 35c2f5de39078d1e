//! The errors of a regression: counted as exact sums and on the grid of numbers, and what follows from them.
//!
//! Rule of thumb: means, squares and R² come from exact sums; only the quantiles and the share within a tolerance come from
//! the grid, and have its error of 0.4 %.

use prediction_record::{NUMBER_BINS, number_bin, number_bin_edges, number_bin_middle};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::exact_sum::ExactSum;
use super::{Tally, ValueOutcome};

/// Sums over predicted numbers whose true numbers are known; an error is predicted − true.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ValueErrors {
    /// How many there are.
    #[serde(rename = "n")]
    pub count: i64,
    /// Σ error.
    #[serde(rename = "e")]
    errors: ExactSum,
    /// Σ |error|.
    #[serde(rename = "a")]
    magnitudes: ExactSum,
    /// Σ error².
    #[serde(rename = "s")]
    squares: ExactSum,
    /// Σ truth.
    #[serde(rename = "t")]
    truths: ExactSum,
    /// Σ truth².
    #[serde(rename = "q")]
    truth_squares: ExactSum,
    /// |error| by bin of the grid of numbers.
    #[serde(rename = "b")]
    by_magnitude: Tally,
}

/// The quality of a regression.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegressionQuality {
    /// Predictions whose true number is known.
    pub samples: u64,
    /// Mean absolute error, in the unit of the answer.
    pub mae: f64,
    /// Root of the mean squared error, in the unit of the answer.
    pub rmse: f64,
    /// Mean of predicted − true: above 0 where the model says too much.
    pub bias: f64,
    /// Coefficient of determination, 1 − Σ error² / Σ (truth − mean truth)². Absent where all truths are the same, and where
    /// the sums are beyond all floats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// The declared tolerance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// The share of the predictions whose absolute error is at most the tolerance, 0 to 1. An error that is up to 0.8 %
    /// larger may be counted as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_tolerance: Option<f64>,
    /// The median of the absolute error; accurate to 0.4 % of itself, like the other quantiles. Absent, like those, where it is
    /// 2⁴⁰ or more, beyond which errors are not told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_p50: Option<f64>,
    /// The absolute error that 90 % of the predictions do not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_p90: Option<f64>,
    /// The absolute error that 99 % of the predictions do not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_p99: Option<f64>,
}

impl ValueErrors {
    /// Counts a prediction `times` times; negative times take it back.
    pub(super) fn add(&mut self, value: &ValueOutcome, times: i64) {
        // The difference of two numbers of 10³⁰⁸ may be beyond all floats. It counts as the greatest of them, for a label
        // that counts in one figure has to count in all.
        let error = (value.predicted - value.truth).clamp(f64::MIN, f64::MAX);
        let Some(bin) = number_bin(error.abs()).filter(|_| value.truth.is_finite()) else { return };
        self.count += times;
        self.errors.add(&ExactSum::of(error), times);
        self.magnitudes.add(&ExactSum::of(error.abs()), times);
        self.squares.add(&ExactSum::of_square(error), times);
        self.truths.add(&ExactSum::of(value.truth), times);
        self.truth_squares.add(&ExactSum::of_square(value.truth), times);
        self.by_magnitude.add(bin, times);
    }

    /// Adds all of the other.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.errors.add(&other.errors, 1);
        self.magnitudes.add(&other.magnitudes, 1);
        self.squares.add(&other.squares, 1);
        self.truths.add(&other.truths, 1);
        self.truth_squares.add(&other.truth_squares, 1);
        self.by_magnitude.merge(&other.by_magnitude);
    }

    /// Whether nothing is counted.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The tally of the absolute errors, and how many bins its grid has.
    pub(super) fn tally(&self) -> (u16, &Tally) {
        (NUMBER_BINS, &self.by_magnitude)
    }

    /// What follows from the errors; nothing where there are none.
    pub(super) fn quality(&self, tolerance: Option<f64>) -> Option<RegressionQuality> {
        let count = self.by_magnitude.total();
        if self.count <= 0 || count != self.count {
            return None;
        }
        let spread = self.truths.centred_squares(&self.truth_squares, self.count);
        Some(RegressionQuality {
            samples: self.count.unsigned_abs(),
            mae: self.magnitudes.mean(self.count),
            rmse: self.squares.root_mean(self.count),
            bias: self.errors.mean(self.count),
            r2: (spread > 0.0).then(|| 1.0 - self.squares.value() / spread).filter(|r2| r2.is_finite()),
            tolerance,
            within_tolerance: tolerance.map(|tolerance| self.within(tolerance)),
            error_p50: self.quantile(0.5),
            error_p90: self.quantile(0.9),
            error_p99: self.quantile(0.99),
        })
    }

    /// The share of the errors whose bin begins at the tolerance or below it. So an error that is the tolerance itself is
    /// within, and one that is up to 1/128 larger may be.
    fn within(&self, tolerance: f64) -> f64 {
        let inside = self.by_magnitude.iter().filter(|(bin, _)| number_bin_edges(*bin)[0].max(0.0) <= tolerance);
        inside.map(|(_, count)| count).sum::<i64>() as f64 / self.count as f64
    }

    /// The middle of the bin that holds the least error that at least this share does not exceed; the last bin has none.
    fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.count as f64).ceil();
        let mut reached = 0;
        for (bin, count) in self.by_magnitude.iter() {
            reached += count;
            if reached as f64 >= wanted {
                return (bin + 1 < NUMBER_BINS).then(|| number_bin_middle(bin));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn errors(pairs: &[(f64, f64)]) -> ValueErrors {
        let mut errors = ValueErrors::default();
        pairs.iter().for_each(|(predicted, truth)| {
            errors.add(&ValueOutcome { predicted: *predicted, truth: *truth }, 1);
        });
        errors
    }

    #[test]
    fn the_errors_are_those_of_the_formulas() {
        let quality = errors(&[(2.5, 3.0), (0.0, -0.5), (2.0, 2.0), (8.0, 7.0)]).quality(Some(0.75)).unwrap();
        assert_eq!((quality.samples, quality.mae, quality.bias), (4, 0.5, 0.25));
        assert!((quality.rmse - 0.375_f64.sqrt()).abs() < 1e-15);
        assert!((quality.r2.unwrap() - 0.948_608_137_044_967_9).abs() < 1e-15);
        assert_eq!(quality.within_tolerance, Some(0.75));
        assert_eq!(errors(&[(1.0, 0.0), (1.01, 0.0)]).quality(Some(1.0)).unwrap().within_tolerance, Some(0.5));
        let [median, last] = [quality.error_p50, quality.error_p99].map(Option::unwrap);
        assert!((median - 0.5).abs() <= 0.5 / 256.0 && (last - 1.0).abs() <= 1.0 / 256.0);
    }

    #[test]
    fn what_says_nothing_is_absent() {
        assert_eq!(ValueErrors::default().quality(None), None);
        let constant = errors(&[(1.0, 2.0), (3.0, 2.0)]).quality(None).unwrap();
        assert_eq!((constant.r2, constant.within_tolerance), (None, None));
        let none = errors(&[(f64::NAN, 1.0)]);
        assert!(none.is_empty());
    }

    #[test]
    fn an_error_beyond_all_floats_counts_as_the_greatest_of_them() {
        let rows = [(f64::MAX, f64::MIN), (f64::MAX, f64::MIN), (f64::MIN, f64::MAX), (1.0, 1.0)];
        let quality = errors(&rows).quality(Some(1.0)).unwrap();
        assert_eq!((quality.samples, quality.mae, quality.bias), (4, f64::MAX / 4.0 * 3.0, f64::MAX / 4.0));
        assert_eq!((quality.error_p50, quality.error_p99), (None, None), "the grid does not go so far");
        assert!((quality.rmse / f64::MAX - 0.75_f64.sqrt()).abs() < 1e-15, "{}", quality.rmse);
        assert_eq!((quality.within_tolerance, quality.r2), (Some(0.25), None));
        let tiny = f64::from_bits(3);
        let quality = errors(&[(tiny, 0.0), (0.0, tiny)]).quality(None).unwrap();
        assert_eq!((quality.mae, quality.rmse, quality.bias), (tiny, tiny, 0.0));
    }
}
