//! The fixed grid on which the numbers of features and of regressions are counted.
//!
//! Each power of two is divided into 128 equal bins, on both sides of zero. So the grid needs to know nothing of the data:
//! it counts prices and probabilities alike, and a value is never further than 1/256 (0.4 %) of itself from the middle of
//! its bin. Whole numbers up to 256 have bins of their own.
//!
//! Rule of thumb: the bin of a number is read out of its bits, so every machine finds the same one.

/// Bins of each doubling.
const PER_OCTAVE: u16 = 128;
/// Numbers below 2^-20 (about 10⁻⁶) are counted as 0.
const LOWEST_EXPONENT: i16 = -20;
/// Numbers from 2^40 (about 10¹²) on share the outermost bins.
const HIGHEST_EXPONENT: i16 = 40;
/// Bins of the positive numbers, without the outermost one.
const POSITIVE: u16 = (HIGHEST_EXPONENT - LOWEST_EXPONENT) as u16 * PER_OCTAVE;
/// The bin of 0. Negative numbers lie below it, positive ones above.
const ZERO: u16 = POSITIVE + 1;

/// How many bins the grid has.
pub const NUMBER_BINS: u16 = 2 * POSITIVE + 3;

/// How far a number inside of the grid is from the middle of its bin at most, as a share of the number.
pub const NUMBER_GRID_ERROR: f64 = 1.0 / 256.0;

/// The bin of a number, 0 to [`NUMBER_BINS`] − 1, in the order of the numbers; `None` for one that is not finite.
#[must_use]
pub fn number_bin(value: f64) -> Option<u16> {
    if !value.is_finite() {
        return None;
    }
    let from_zero = magnitude_bin(value.abs());
    Some(if value < 0.0 { ZERO - from_zero } else { ZERO + from_zero })
}

/// The bin of a positive number, counted from zero: 0 for what counts as zero.
fn magnitude_bin(magnitude: f64) -> u16 {
    let bits = magnitude.to_bits();
    // Eleven bits of exponent and the first seven of the fraction, which are the 128 equal parts of an octave.
    let octave = (bits >> 52) as i16 - 1023;
    if octave < LOWEST_EXPONENT {
        return 0;
    }
    if octave >= HIGHEST_EXPONENT {
        return POSITIVE + 1;
    }
    let part = ((bits >> 45) & 0x7f) as u16;
    (octave - LOWEST_EXPONENT) as u16 * PER_OCTAVE + part + 1
}

/// The lower and the upper edge of a bin. The outermost bins also hold what lies beyond them, and the bin of 0 what lies
/// between −2^-20 and 2^-20.
#[must_use]
pub fn number_bin_edges(bin: u16) -> [f64; 2] {
    let bin = bin.min(NUMBER_BINS - 1);
    let [inner, outer] = magnitude_edges(bin.abs_diff(ZERO));
    match bin.cmp(&ZERO) {
        std::cmp::Ordering::Less => [-outer, -inner],
        std::cmp::Ordering::Equal => [-outer, outer],
        std::cmp::Ordering::Greater => [inner, outer],
    }
}

/// The middle of a bin: the number that stands for all numbers in it.
#[must_use]
pub fn number_bin_middle(bin: u16) -> f64 {
    let [lower, upper] = number_bin_edges(bin);
    f64::midpoint(lower, upper)
}

fn magnitude_edges(from_zero: u16) -> [f64; 2] {
    if from_zero == 0 {
        return [0.0, 2_f64.powi(i32::from(LOWEST_EXPONENT))];
    }
    let [octave, part] = [(from_zero - 1) / PER_OCTAVE, (from_zero - 1) % PER_OCTAVE];
    let base = 2_f64.powi(i32::from(LOWEST_EXPONENT) + i32::from(octave));
    let edge = |part: u16| base * (1.0 + f64::from(part) / f64::from(PER_OCTAVE));
    [edge(part), edge(part + 1)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_bin_holds_its_edge_and_its_middle() {
        for bin in 0..NUMBER_BINS {
            let [lower, upper] = number_bin_edges(bin);
            assert!(lower < upper, "{bin}");
            assert_eq!(number_bin(number_bin_middle(bin)), Some(bin));
            assert!(bin + 1 == NUMBER_BINS || number_bin_edges(bin + 1)[0] == upper, "{bin}");
        }
    }

    #[test]
    fn what_lies_beyond_is_in_the_outermost_bins_and_what_is_no_number_in_none() {
        assert_eq!(number_bin(f64::MAX), Some(NUMBER_BINS - 1));
        assert_eq!(number_bin(f64::MIN), Some(0));
        assert_eq!([number_bin(0.0), number_bin(-0.0), number_bin(1e-300)], [Some(ZERO); 3]);
        assert_eq!([number_bin(f64::NAN), number_bin(f64::INFINITY)], [None; 2]);
    }

    #[test]
    fn small_whole_numbers_have_bins_of_their_own() {
        let bins: std::collections::BTreeSet<_> = (-256..=256).map(|number| number_bin(f64::from(number))).collect();
        assert_eq!(bins.len(), 513);
    }

    proptest! {
        #[test]
        fn the_bins_are_in_the_order_of_the_numbers(a in any::<f64>(), b in any::<f64>()) {
            if let (Some(first), Some(second)) = (number_bin(a.min(b)), number_bin(a.max(b))) {
                prop_assert!(first <= second);
            }
        }

        #[test]
        fn the_middle_is_as_near_as_is_said(exponent in -20.0_f64..40.0, negative in any::<bool>()) {
            let number = exponent.exp2() * if negative { -1.0 } else { 1.0 };
            let middle = number_bin_middle(number_bin(number).unwrap());
            prop_assert!((middle - number).abs() <= number.abs() * NUMBER_GRID_ERROR * (1.0 + 1e-12));
        }
    }
}
