//! Sudden, gross changes: a test of the last minutes that may be looked at as often as one likes.
//!
//! Evidence is an e-value, a bet against "nothing has changed" that gains nothing on average if that is true. The stake
//! is the likelihood of reference and window as two distributions, each mixed over all distributions (Krichevsky and
//! Trofimov 1981); the price is the largest likelihood that one common distribution can have (universal inference,
//! Wasserman, Ramdas and Balakrishnan 2020). The price is never below the likelihood of the true distribution, so the
//! reference's own error of estimation is paid for, and by Ville's inequality the evidence ever reaches 1/α within a
//! bucket with probability α at most, however often it is looked at and whenever counting stops.
//!
//! Rule of thumb: each bucket of five minutes bets anew, with α = [`SUDDEN_RATE`] a week, divided by the buckets of a week
//! and by the features.

use statrs::function::gamma::ln_gamma;

use super::WindowCounts;
use super::bins::ComparedCounts;
use super::compared::{ComparedFeature, compared_features};
use super::divergence;
use super::drift_rules::{DriftRules, SUDDEN_RATE};

/// Buckets of a week, each of which bets anew.
const BUCKETS_A_WEEK: f64 = 2_016.0;
/// Most bins of a bet. Each costs a stake, so the rarest are one bin together.
const MAX_BINS: usize = 8;

/// How far the evidence against one feature goes.
#[derive(Clone, Debug, PartialEq)]
pub struct SuddenChange {
    /// The feature's name.
    pub feature: String,
    /// Predictions of the bucket that have it.
    pub samples: u64,
    /// ln(evidence) / ln(1/α): from 1 on, chance does not explain it.
    pub evidence: f64,
    /// Population stability index of the bucket.
    pub psi: f64,
    /// Whether chance does not explain it, and the PSI is one of drift.
    pub is_sudden: bool,
}

/// Judges what has been counted of one bucket of five minutes, complete or not.
pub fn sudden_changes(rules: &DriftRules<'_>, reference: &WindowCounts, bucket: &WindowCounts) -> Vec<SuddenChange> {
    if bucket.predictions == 0 {
        return Vec::new();
    }
    let compared = compared_features(reference, bucket);
    let needed = needed_evidence(compared.len());
    compared.iter().map(|feature| judge(feature, needed, rules.psi_thresholds().drift)).collect()
}

fn judge(feature: &ComparedFeature<'_>, needed: f64, drift: f64) -> SuddenChange {
    let evidence = log_evidence(&coarse(&feature.bins)) / needed;
    let psi = divergence::psi(&feature.bins.current, &feature.bins.reference);
    let is_sudden = evidence >= 1.0 && psi >= drift;
    SuddenChange { feature: feature.name.clone(), samples: feature.samples(), evidence, psi, is_sudden }
}

/// ln(1/α) for one of so many features in one bucket.
fn needed_evidence(features: usize) -> f64 {
    (BUCKETS_A_WEEK * features.max(1) as f64 / SUDDEN_RATE).ln()
}

/// The natural logarithm of the evidence that two samples are of different distributions.
fn log_evidence(counts: &ComparedCounts) -> f64 {
    let together: Vec<u64> = counts.reference.iter().zip(&counts.current).map(|(then, now)| then + now).collect();
    mixed_likelihood(&counts.reference) + mixed_likelihood(&counts.current) - largest_likelihood(&together)
}

/// ln of the likelihood, mixed over all distributions with a Dirichlet(½) prior.
fn mixed_likelihood(counts: &[u64]) -> f64 {
    let half = ln_gamma(0.5);
    let bins = counts.len() as f64;
    let total: u64 = counts.iter().sum();
    let parts: f64 = counts.iter().map(|count| ln_gamma(*count as f64 + 0.5) - half).sum();
    ln_gamma(bins / 2.0) + parts - ln_gamma(total as f64 + bins / 2.0)
}

/// ln of the largest likelihood that any distribution gives the counts.
fn largest_likelihood(counts: &[u64]) -> f64 {
    let total: u64 = counts.iter().sum();
    let occupied = counts.iter().filter(|count| **count > 0);
    occupied.map(|count| *count as f64 * (*count as f64 / total as f64).ln()).sum()
}

/// Puts the bins that are rarest in the reference together; the window has no say in it.
fn coarse(bins: &ComparedCounts) -> ComparedCounts {
    if bins.reference.len() <= MAX_BINS {
        return bins.clone();
    }
    let mut by_mass: Vec<usize> = (0..bins.reference.len()).collect();
    by_mass.sort_by_key(|bin| std::cmp::Reverse(bins.reference[*bin]));
    let (kept, rare) = by_mass.split_at(MAX_BINS - 1);
    let pick = |counts: &[u64]| {
        let mut picked: Vec<u64> = kept.iter().map(|bin| counts[*bin]).collect();
        picked.push(rare.iter().map(|bin| counts[*bin]).sum());
        picked
    };
    ComparedCounts { reference: pick(&bins.reference), current: pick(&bins.current) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Observation;
    use super::*;

    fn evidence(reference: &[u64], current: &[u64]) -> f64 {
        log_evidence(&ComparedCounts { reference: reference.to_vec(), current: current.to_vec() })
    }

    #[test]
    fn the_likelihoods_are_those_of_the_formulas() {
        // Krichevsky and Trofimov's predictions, one after the other: 1/2, (1+½)/2, ½/3.
        assert!((mixed_likelihood(&[2, 1]) - (0.5_f64 * 0.75 / 6.0).ln()).abs() < 1e-12);
        assert!((largest_likelihood(&[3, 1, 0]) - (0.75_f64.powi(3) * 0.25).ln()).abs() < 1e-12);
        assert_eq!((mixed_likelihood(&[0, 0]), largest_likelihood(&[0, 0])), (0.0, 0.0));
    }

    /// The definition of an e-value, over every outcome: under any distribution its mean is 1 at most.
    #[test]
    fn on_average_nothing_is_gained_without_a_change() {
        for share in [0.01_f64, 0.2, 0.5] {
            let (then, now) = (6_u64, 5_u64);
            let probability = |count: u64, of: u64| {
                let choose = |n: u64, k: u64| (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
                choose(of, count) * share.powi(count as i32) * (1.0 - share).powi((of - count) as i32)
            };
            let outcomes = (0..=then).flat_map(|a| (0..=now).map(move |b| (a, b)));
            let mean: f64 = outcomes
                .map(|(a, b)| {
                    evidence(&[a, then - a], &[b, now - b]).exp() * probability(a, then) * probability(b, now)
                })
                .sum();
            assert!(mean <= 1.0, "{share}: {mean}");
        }
    }

    #[test]
    fn the_same_has_no_evidence_and_something_else_much() {
        let even = [200_u64; 10];
        assert!(evidence(&even, &[30; 10]) < 0.0);
        assert!(evidence(&even, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 300]) > 500.0);
        assert!(evidence(&[0, 500, 0], &[0, 0, 100]) > 100.0, "a value that the reference never has");
    }

    #[test]
    fn the_rarest_bins_are_one_and_the_window_has_no_say() {
        let reference: Vec<u64> = (0..20).collect();
        let bins = coarse(&ComparedCounts { reference, current: vec![1; 20] });
        assert_eq!(bins.reference, [19, 18, 17, 16, 15, 14, 13, (0..13).sum()]);
        assert_eq!(bins.current, [1, 1, 1, 1, 1, 1, 1, 13]);
    }

    #[test]
    fn a_large_bucket_that_differs_a_little_is_no_sudden_change() {
        let counts = |cats: u32, dogs: u32| {
            let mut counts = WindowCounts::default();
            let labels = (0..cats).map(|_| "cat").chain((0..dogs).map(|_| "dog"));
            labels.for_each(|label| counts.observe(&Observation { label: Some(label), ..<_>::default() }));
            counts
        };
        let reference = counts(5_000, 5_000);
        let judged = |bucket: WindowCounts| {
            let mut changes = sudden_changes(&DriftRules::once(), &reference, &bucket);
            assert_eq!(changes.len(), 1);
            changes.remove(0)
        };
        let slight = judged(counts(6_000, 4_000));
        assert!(slight.evidence > 1.0 && slight.psi < 0.1 && !slight.is_sudden, "{slight:?}");
        assert!(judged(counts(20, 100)).is_sudden);
        assert!(!judged(counts(1, 3)).is_sudden);
        assert!(sudden_changes(&DriftRules::once(), &reference, &WindowCounts::default()).is_empty());
    }
}
