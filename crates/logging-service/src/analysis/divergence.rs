//! How far two distributions over the same bins lie apart.
//!
//! Rule of thumb: each function takes counts, documents its formula, and is 0 for equal shares. In the formulas p are the
//! shares of the window and q those of the reference, n and m their totals, F and G their cumulated shares. Neither side
//! may be empty; [`super::compare`] ensures it.

use statrs::function::gamma::gamma_ur;

/// The least share that PSI assumes for an empty bin, however large the sample is.
pub const EMPTY_SHARE: f64 = 1e-4;

/// The least σ by which distances are divided. A constant feature has σ = 0, which would make any distance infinite.
pub const SMALLEST_SIGMA: f64 = 1e-3;

/// The χ² test of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquaredTest {
    /// Σ (O−E)²/E over both samples and all bins that are not empty in both of them.
    pub statistic: f64,
    /// The degrees of freedom: the number of those bins minus 1.
    pub freedom: u32,
    /// The probability of a statistic at least as large if there is no drift.
    pub p_value: f64,
    /// Cramér's V = √(χ²/(n+m)), 0 to 1: the statistic, independent of the size of the samples.
    pub cramers_v: f64,
    /// The smaller one of the statistic and of the likelihood ratio G = 2·Σ O·ln(O/E), which for many predictions is the
    /// same (Wilks 1938).
    ///
    /// Far out, where the looks of a week are judged, neither is χ² by itself: three predictions where a tenth of one is
    /// expected have χ² 84 and occur once in 6,000 times; an empty bin where ten are expected has G 20. Each is small
    /// where the other is too large.
    pub cautious: f64,
}

/// Counts as shares of their sum.
pub fn shares(counts: &[u64]) -> Vec<f64> {
    let total: u64 = counts.iter().sum();
    counts.iter().map(|count| *count as f64 / total as f64).collect()
}

/// Population stability index, Σ (p−q)·ln(p/q), with [`empty_share`] for a bin that is empty on one side only.
///
/// The symmetric Kullback–Leibler divergence (Jeffreys 1946), under its name in credit scoring (Siddiqi 2006).
pub fn psi(current: &[u64], reference: &[u64]) -> f64 {
    let floors = (empty_share(current.iter().sum()), empty_share(reference.iter().sum()));
    let pairs = shares(current).into_iter().zip(shares(reference));
    let occupied = pairs.filter(|(p, q)| *p > 0.0 || *q > 0.0);
    let or = |share: f64, floor: f64| if share > 0.0 { share } else { floor };
    let floored = occupied.map(|(p, q)| (or(p, floors.0), or(q, floors.1)));
    floored.map(|(p, q)| (p - q) * (p / q).ln()).sum()
}

/// The share that PSI assumes for an empty bin, whose logarithm would be infinite: half a prediction, but at least
/// [`EMPTY_SHARE`]. With the constant alone, one empty bin of a small sample would look like drift.
pub fn empty_share(samples: u64) -> f64 {
    (0.5 / samples as f64).max(EMPTY_SHARE)
}

/// Jensen–Shannon distance, √(½·KL(p‖a) + ½·KL(q‖a)) with a = (p+q)/2 and logarithms to the base 2; 0 to 1.
///
/// The divergence is from Lin 1991; Endres and Schindelin 2003 show that its root is a metric.
pub fn jensen_shannon(current: &[u64], reference: &[u64]) -> f64 {
    let part = |share: f64, middle: f64| if share > 0.0 { share * (share / middle).log2() } else { 0.0 };
    let pairs = shares(current).into_iter().zip(shares(reference));
    let divergence: f64 = pairs.map(|(p, q)| part(p, f64::midpoint(p, q)) + part(q, f64::midpoint(p, q))).sum();
    (divergence / 2.0).max(0.0).sqrt()
}

/// Kolmogorov–Smirnov, max |F−G| at the edges of the bins; 0 to 1.
pub fn kolmogorov_smirnov(current: &[u64], reference: &[u64]) -> f64 {
    differences(current, reference).map(f64::abs).fold(0.0, f64::max)
}

/// The probability of a Kolmogorov–Smirnov distance at least as large if there is no drift, for large samples:
/// 2·Σ (−1)^(k−1)·exp(−2k²λ²) with λ = D·√(nm/(n+m)).
///
/// Smirnov 1948. Distances between binned samples are smaller than between raw ones, so it errs on the side of no drift.
pub fn kolmogorov_p_value(distance: f64, n: u64, m: u64) -> f64 {
    let (n, m) = (n as f64, m as f64);
    let lambda = distance * (n * m / (n + m)).sqrt();
    // Below 0.2 the value is 1 to 16 digits, and the series would need many terms.
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * lambda * lambda).exp() * if k % 2 == 1 { 2.0 } else { -2.0 };
    (1..=40).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// Wasserstein distance ∫|F−G|dx between the middles of the bins, over max(σ of the reference, [`SMALLEST_SIGMA`]).
///
/// Evidently normalises in the same way: in standard deviations, features of different units can be compared.
pub fn wasserstein(current: &[u64], reference: &[u64], positions: &[f64]) -> f64 {
    let gaps = positions.windows(2).map(|pair| pair[1] - pair[0]);
    let distance: f64 = differences(current, reference).zip(gaps).map(|(difference, gap)| difference.abs() * gap).sum();
    distance / sigma(reference, positions).max(SMALLEST_SIGMA)
}

/// The standard deviation of counts that lie at positions.
pub fn sigma(counts: &[u64], positions: &[f64]) -> f64 {
    let shares = shares(counts);
    let mean: f64 = shares.iter().zip(positions).map(|(share, x)| share * x).sum();
    let variance: f64 = shares.iter().zip(positions).map(|(share, x)| share * (x - mean) * (x - mean)).sum();
    variance.sqrt()
}

/// χ² test of homogeneity (Pearson 1900) and Cramér's V (Cramér 1946); no continuity correction.
pub fn chi_squared(current: &[u64], reference: &[u64]) -> ChiSquaredTest {
    let n = current.iter().sum::<u64>() as f64;
    let m = reference.iter().sum::<u64>() as f64;
    let [mut statistic, mut likelihood] = [0.0; 2];
    let mut bins = 0_u32;
    for (now, then) in current.iter().zip(reference).filter(|(now, then)| **now + **then > 0) {
        let (now, then) = (*now as f64, *then as f64);
        for (observed, expected) in [(now, (now + then) * n / (n + m)), (then, (now + then) * m / (n + m))] {
            statistic += (observed - expected).powi(2) / expected;
            likelihood += if observed > 0.0 { 2.0 * observed * (observed / expected).ln() } else { 0.0 };
        }
        bins += 1;
    }
    let freedom = bins.saturating_sub(1);
    let testable = freedom > 0 && statistic > 0.0;
    let p_value = if testable { gamma_ur(f64::from(freedom) / 2.0, statistic / 2.0) } else { 1.0 };
    let cautious = statistic.min(likelihood.max(0.0));
    ChiSquaredTest { statistic, freedom, p_value, cramers_v: (statistic / (n + m)).sqrt(), cautious }
}

/// L∞, max |p−q|, which Vertex AI uses for classes; 0 to 1.
pub fn l_infinity(current: &[u64], reference: &[u64]) -> f64 {
    let pairs = shares(current).into_iter().zip(shares(reference));
    pairs.map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
}

/// F−G at the upper edge of each bin. Cumulated counts are whole numbers, so nothing is rounded twice.
fn differences<'a>(current: &'a [u64], reference: &'a [u64]) -> impl Iterator<Item = f64> + 'a {
    let n = current.iter().sum::<u64>() as f64;
    let m = reference.iter().sum::<u64>() as f64;
    current.iter().zip(reference).scan((0_u64, 0_u64), move |(f, g), (now, then)| {
        *f += now;
        *g += then;
        Some(*f as f64 / n - *g as f64 / m)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    type Distance = fn(&[u64], &[u64]) -> f64;

    fn two_samples() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
        let counts = || vec(0_u64..1_000, 2..15);
        (counts(), counts()).prop_map(|(mut first, mut second)| {
            let shorter = first.len().min(second.len());
            first.truncate(shorter);
            second.truncate(shorter);
            first[0] += 1;
            second[shorter - 1] += 1;
            (first, second)
        })
    }

    proptest! {
        #[test]
        fn distances_are_symmetric_and_bounded((p, q) in two_samples()) {
            let symmetric: [Distance; 5] =
                [psi, jensen_shannon, kolmogorov_smirnov, l_infinity, |p, q| chi_squared(p, q).cramers_v];
            for (index, distance) in symmetric.into_iter().enumerate() {
                let value = distance(&p, &q);
                prop_assert!((value - distance(&q, &p)).abs() < 1e-12);
                prop_assert!(value >= 0.0 && value.is_finite());
                prop_assert!(index == 0 || value <= 1.0 + 1e-12, "{index}: {value}");
            }
            let p_value = chi_squared(&p, &q).p_value;
            prop_assert!((0.0..=1.0).contains(&p_value));
        }

        #[test]
        fn equal_shares_have_no_distance((p, _) in two_samples(), factor in 1_u64..9) {
            let q: Vec<u64> = p.iter().map(|count| count * factor).collect();
            let positions: Vec<f64> = (0..p.len()).map(|index| index as f64).collect();
            for value in [
                psi(&p, &q),
                jensen_shannon(&p, &q),
                kolmogorov_smirnov(&p, &q),
                wasserstein(&p, &q, &positions),
                chi_squared(&p, &q).cramers_v,
                l_infinity(&p, &q),
            ] {
                prop_assert!(value.abs() < 1e-7, "{value}");
            }
        }
    }

    #[test]
    fn apart_is_as_far_as_can_be() {
        let (p, q) = ([10, 0], [0, 20]);
        assert_eq!(jensen_shannon(&p, &q), 1.0);
        assert_eq!(kolmogorov_smirnov(&p, &q), 1.0);
        assert_eq!(l_infinity(&p, &q), 1.0);
        assert!((chi_squared(&p, &q).cramers_v - 1.0).abs() < 1e-12);
        // Half a prediction of 10 is 0.05, of 20 it is 0.025; of very many it is the least.
        assert!((psi(&p, &q) - (0.975 * 40_f64.ln() + 0.95 * 20_f64.ln())).abs() < 1e-9);
        assert!((psi(&[100_000, 0], &[0, 100_000]) - 2.0 * (1.0 - 1e-4) * 1e4_f64.ln()).abs() < 1e-9);
        assert_eq!(wasserstein(&p, &q, &[0.0, 0.5]), 500.0);
    }

    #[test]
    fn the_kolmogorov_series_is_continuous_where_it_is_cut() {
        assert!((kolmogorov_p_value(0.2000001 * 2_f64.sqrt(), 1, 1) - 1.0).abs() < 1e-9);
        assert!(kolmogorov_p_value(1.0, 10_000, 10_000) < 1e-300);
    }
}
