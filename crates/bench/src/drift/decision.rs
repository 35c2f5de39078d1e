//! The decision about one window of one feature.

use logging_service::analysis::divergence::{chi_squared, psi};
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
