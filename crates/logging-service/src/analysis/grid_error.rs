//! How far a statistic of counts on a grid may be from the same statistic of the raw numbers.
//!
//! Rule of thumb: each bound follows from where a number of a bin can lie, and from nothing that is known of the data. The
//! statistics of ranges (PSI, JS, χ², L∞) have no such error: ranges end where bins of the grid end, so the raw numbers
//! have the same counts in them.

use super::compared::FineCounts;
use super::divergence::{SMALLEST_SIGMA, shares, sigma};

/// The most by which the Kolmogorov–Smirnov distance of the raw numbers may be larger: F and G are exact at the edges of the
/// bins, and within a bin each of them lies between its values at the edges. It is never smaller.
pub(super) fn of_kolmogorov_smirnov(fine: &FineCounts, distance: f64) -> f64 {
    let [mut f, mut g] = [0.0_f64; 2];
    let mut most = distance;
    for (p, q) in shares(&fine.counts.current).into_iter().zip(shares(&fine.counts.reference)) {
        most = most.max((f + p - g).abs()).max((g + q - f).abs());
        f += p;
        g += q;
    }
    most - distance
}

/// The most by which the Wasserstein distance of the raw numbers, in their own standard deviations, may differ from
/// `distance`; `None` where a number may lie arbitrarily far from the middle of its bin.
///
/// With h as the half width of a bin, moving every number to the middle of its bin moves the distance by Σ(p+q)·h at
/// most, and σ by √Σq·h² at most.
pub(super) fn of_wasserstein(fine: &FineCounts, distance: f64) -> Option<f64> {
    let [now, then] = [&fine.counts.current, &fine.counts.reference].map(|counts| shares(counts));
    let moved: f64 = now.iter().zip(&then).zip(&fine.reach).map(|((p, q), reach)| part(p + q, *reach)).sum();
    let spread: f64 = then.iter().zip(&fine.reach).map(|(q, reach)| part(*q, reach * reach)).sum();
    let sigma = sigma(&fine.counts.reference, &fine.positions);
    let [least, used, most] =
        [sigma - spread.sqrt(), sigma, sigma + spread.sqrt()].map(|sigma| sigma.max(SMALLEST_SIGMA));
    let raw = distance * used;
    let error = ((raw + moved) / least - distance).max(distance - (raw - moved).max(0.0) / most);
    error.is_finite().then_some(error)
}

/// A share times a length that may be infinite; nothing that is nowhere has no length.
fn part(share: f64, length: f64) -> f64 {
    if share > 0.0 { share * length } else { 0.0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use prediction_record::{NUMBER_BINS, number_bin, number_bin_edges, number_bin_middle};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::Tally;
    use super::super::divergence::{kolmogorov_smirnov, wasserstein};
    use super::*;

    fn fine(current: &[f64], reference: &[f64]) -> FineCounts {
        let tally = |numbers: &[f64]| {
            let mut tally = Tally::default();
            numbers.iter().for_each(|number| tally.add(number_bin(*number).unwrap(), 1));
            tally
        };
        FineCounts::of_numbers(&tally(reference), &tally(current))
    }

    /// The two distances of raw numbers, each number as a bin of its own.
    fn raw(current: &[f64], reference: &[f64]) -> [f64; 2] {
        let mut all: Vec<f64> = current.iter().chain(reference).copied().collect();
        all.sort_unstable_by(f64::total_cmp);
        all.dedup();
        let counts = |numbers: &[f64]| -> Vec<u64> {
            all.iter().map(|at| numbers.iter().filter(|number| *number == at).count() as u64).collect()
        };
        let (now, then) = (counts(current), counts(reference));
        [kolmogorov_smirnov(&now, &then), wasserstein(&now, &then, &all)]
    }

    proptest! {
        #[test]
        fn raw_numbers_are_within_the_stated_error(
            current in vec(-300.0_f64..900.0, 1..60),
            reference in vec(-9.0_f64..900.0, 2..60),
        ) {
            let fine = fine(&current, &reference);
            let [ks, w] = raw(&current, &reference);
            let binned = kolmogorov_smirnov(&fine.counts.current, &fine.counts.reference);
            prop_assert!(binned <= ks + 1e-12);
            prop_assert!(ks <= binned + of_kolmogorov_smirnov(&fine, binned) + 1e-12);
            let binned = wasserstein(&fine.counts.current, &fine.counts.reference, &fine.positions);
            let error = of_wasserstein(&fine, binned).unwrap();
            prop_assert!((w - binned).abs() <= error + 1e-9, "{w} raw, {binned} binned, {error}");
        }
    }

    #[test]
    fn beyond_the_grid_no_error_is_known() {
        let far = fine(&[1e300], &[1.0, 2.0]);
        assert_eq!(of_wasserstein(&far, 1.0), None);
        let edge = number_bin_edges(NUMBER_BINS - 1)[0];
        assert!(number_bin_middle(NUMBER_BINS - 1) > edge);
    }
}
