//! The decision about one window of one feature.

use logging_service::analysis::divergence::{chi_squared, empty_share, psi};
use logging_service::analysis::noise::NoiseFloors;
use logging_service::analysis::{DriftVerdict, MeasuredStatistic, PsiThresholds};

/// The features of the model, each of which is judged by itself.
pub(super) const FEATURES: usize = 50;

/// What is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// What the service says.
    pub(super) verdict: DriftVerdict,
    /// Whether the value is above its noise floor, however small it is.
    pub(super) above_floor: bool,
}

/// Decides as the service does, for counts in the same bins.
pub(super) fn decide(now: &[u64], then: &[u64], alpha: f64) -> Decision {
    let (n, m): (u64, u64) = (now.iter().sum(), then.iter().sum());
    if n == 0 || m == 0 {
        return Decision::default();
    }
    let value = psi(now, then);
    let noise = NoiseFloors::new(n, m, alpha);
    let floor = noise.psi_of_thin_bins(value, &chi_squared(now, then));
    let verdict = MeasuredStatistic::psi(value, floor, PsiThresholds::default()).verdict;
    Decision { verdict, above_floor: value > floor }
}

/// A value below which [`decide`] finds nothing, found without its quantiles: no floor is below that of one bin's freedom.
pub(super) struct LeastFloor {
    quantile: f64,
}

impl LeastFloor {
    /// For one α and at least so many bins that are not empty.
    pub(super) fn new(alpha: f64, bins: usize) -> Self {
        let freedom = u32::try_from(bins.saturating_sub(1)).unwrap_or(u32::MAX);
        // With n and m of 2 the floor is the quantile itself.
        Self { quantile: NoiseFloors::new(2, 2, alpha).psi(freedom) }
    }

    /// Whether a window may be above its floor. Of two numbers p > q, ln(p/q) is at most (p−q)/q, so PSI is at most
    /// Σ(p−q)²/min(p, q), which takes no logarithms.
    pub(super) fn may_exceed(&self, now: &[u64], then: &[u64]) -> bool {
        let (n, m) = (now.iter().sum::<u64>(), then.iter().sum::<u64>());
        if n == 0 || m == 0 {
            return false;
        }
        let [least_now, least_then] = [n, m].map(empty_share);
        let [n, m] = [n as f64, m as f64];
        let part = |(now, then): (&u64, &u64)| {
            let (p, q) = ((*now as f64 / n).max(least_now), (*then as f64 / m).max(least_then));
            (p - q) * (p - q) / p.min(q)
        };
        let floor = (n.recip() + m.recip()) * self.quantile;
        now.iter().zip(then).map(part).sum::<f64>() > floor && psi(now, then) > floor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_exceed_does_not() {
        let mut random = fastrand::Rng::with_seed(1);
        let least = LeastFloor::new(0.05, 5);
        let mut exceeded = 0;
        for _ in 0..2_000 {
            let mut counts = || (0..5).map(|_| random.u64(1..40)).collect::<Vec<_>>();
            let (now, then) = (counts(), counts());
            let is_above = decide(&now, &then, 0.05).above_floor;
            exceeded += u32::from(is_above);
            assert!(least.may_exceed(&now, &then) || !is_above);
        }
        assert!(exceeded > 100);
    }
}
