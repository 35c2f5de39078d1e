//! The fixed grid on which the probabilities of a positive class are counted: the grid of numbers from both ends.
//!
//! A probability below one half has the bin of the number, one above it the mirrored bin of the number that is left to 1. So
//! a rare positive class with scores of 0.001 is told apart as finely as one with scores of 0.999, and exchanging the two
//! classes mirrors the bins. A score is never further than 0.4 % of itself, or of what is left to 1, from its bin's middle.

use prediction_record::{NUMBER_BINS, number_bin};

/// The bin of 0 on the grid of numbers.
const ZERO: u16 = NUMBER_BINS / 2;
/// Bins of the numbers below one half: 19 doublings above 2⁻²⁰, and the bin of 0.
const HALF: u16 = 19 * 128 + 1;
/// How many bins the grid has.
pub(super) const PROBABILITY_BINS: u16 = 2 * HALF;

/// The bin of a probability; `None` for what is none.
pub(super) fn probability_bin(probability: f64) -> Option<u16> {
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    let from_end = |distance: f64| number_bin(distance).map(|bin| (bin - ZERO).min(HALF - 1));
    if probability < 0.5 { from_end(probability) } else { from_end(1.0 - probability).map(mirrored) }
}

/// The bin of what is left to 1.
pub(super) fn mirrored(bin: u16) -> u16 {
    PROBABILITY_BINS - 1 - bin
}

/// The middle of a bin: the probability that stands for all in it.
#[cfg(test)]
pub(super) fn probability_bin_middle(bin: u16) -> f64 {
    use prediction_record::number_bin_middle;
    if bin < HALF { number_bin_middle(ZERO + bin) } else { 1.0 - number_bin_middle(ZERO + mirrored(bin)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_and_the_middle_have_bins_of_their_own() {
        assert_eq!([probability_bin(0.0), probability_bin(1.0)], [Some(0), Some(PROBABILITY_BINS - 1)]);
        assert_eq!([probability_bin(0.5), probability_bin(0.499_999)], [Some(HALF), Some(HALF - 1)]);
        assert_eq!([probability_bin(-0.1), probability_bin(1.1), probability_bin(f64::NAN)], [None; 3]);
    }

    proptest! {
        #[test]
        fn bins_are_in_order_and_as_near_as_is_said(a in 0.0_f64..=1.0, b in 0.0_f64..=1.0) {
            let [low, high] = [a.min(b), a.max(b)].map(|score| probability_bin(score).unwrap());
            prop_assert!(low <= high && high < PROBABILITY_BINS);
            let apart = (probability_bin_middle(low) - a.min(b)).abs();
            prop_assert!(apart <= 2_f64.powi(-20) + a.min(b).min(1.0 - a.min(b)) / 128.0, "{}", apart);
        }
    }
}
