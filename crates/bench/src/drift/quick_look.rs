//! A look that costs nanoseconds: whether a window may be above a noise floor at all.

use logging_service::analysis::noise::NoiseFloors;

use super::traffic::LANES;

/// Where the noise floor of a feature lies at least, in units of χ².
///
/// PSI is above its floor only where Pearson's χ² is above its quantile: see [`NoiseFloors::psi_of_thin_bins`]. χ² takes no
/// logarithms, and eight ranges at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeastFloor {
    quantile: f32,
}

impl LeastFloor {
    /// For one α and so many ranges that the reference has; those that only the window has add to the floor.
    pub(super) fn new(alpha: f64, bins: usize) -> Self {
        let freedom = u32::try_from(bins.saturating_sub(1)).unwrap_or(u32::MAX);
        // With n and m of 2 the floor is the quantile itself.
        Self { quantile: NoiseFloors::new(2, 2, alpha).psi(freedom) as f32 * ROUNDED_AWAY }
    }

    /// Whether a window with this χ² may be above its floor.
    pub(super) fn may_be_exceeded_by(self, chi_squared: f32) -> bool {
        chi_squared > self.quantile
    }
}

/// What is left of a number where numbers of 32 bits are added up, at least.
const ROUNDED_AWAY: f32 = 0.999;

/// χ² of two samples of n and m rows, in ranges that are padded with zeros.
pub(super) fn quick_chi_squared(now: &[i32], then: &[f32], n: f32, m: f32) -> f32 {
    let mut sums = [0.0; LANES];
    for (now, then) in now.chunks_exact(LANES).zip(then.chunks_exact(LANES)) {
        for ((sum, now), then) in sums.iter_mut().zip(now).zip(then) {
            let now = *now as f32;
            let difference = now * m - then * n;
            *sum += difference * difference / (now + then).max(0.5);
        }
    }
    sums.iter().sum::<f32>() / (n * m)
}

#[cfg(test)]
mod tests {
    use logging_service::analysis::divergence::chi_squared;

    use super::super::decision::decide;
    use super::*;

    #[test]
    fn what_may_not_exceed_does_not() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut exceeded = 0;
        for _ in 0..2_000 {
            let mut counts = || (0..5).map(|_| random.u64(0..40)).chain([0; 3]).collect::<Vec<_>>();
            let (now, then) = (counts(), counts());
            let narrow: Vec<i32> = now.iter().map(|count| i32::try_from(*count).unwrap_or(0)).collect();
            let wide: Vec<f32> = then.iter().map(|count| *count as f32).collect();
            let [n, m] = [&now, &then].map(|counts| counts.iter().sum::<u64>() as f32);
            let quick = quick_chi_squared(&narrow, &wide, n, m);
            let exact = chi_squared(&now, &then).statistic;
            assert!((f64::from(quick) - exact).abs() <= 1e-4 * exact.max(1.0), "{quick} {exact}");
            let is_above = decide(&now, &then, 0.05).above_floor;
            exceeded += u32::from(is_above);
            let occupied = then.iter().filter(|count| **count > 0).count();
            assert!(LeastFloor::new(0.05, occupied).may_be_exceeded_by(quick) || !is_above);
        }
        assert!(exceeded > 100);
    }
}
