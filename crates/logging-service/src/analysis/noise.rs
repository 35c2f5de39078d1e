//! How large each statistic becomes without any drift, only because samples are finite.
//!
//! Rule of thumb: a value at or below its floor says nothing. Without drift, a value exceeds its floor with probability α at
//! most (for large samples). In the formulas n and m are the sizes of the two samples, and r = 1/n + 1/m.

use std::f64::consts::LN_2;

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use super::divergence::{ChiSquaredTest, SMALLEST_SIGMA, shares, sigma};

/// The noise floors of two samples.
#[derive(Clone, Copy, Debug)]
pub struct NoiseFloors {
    rate: f64,
    alpha: f64,
    samples: f64,
}

impl NoiseFloors {
    /// For `n` predictions in the window and `m` in the reference, both at least one.
    pub fn new(n: u64, m: u64, alpha: f64) -> Self {
        let (n, m) = (n as f64, m as f64);
        Self { rate: n.recip() + m.recip(), alpha, samples: n + m }
    }

    /// PSI: r·χ²(B−1, 1−α). Yurdakul and Naranjo 2020, "Statistical properties of the population stability index".
    pub fn psi(&self, freedom: u32) -> f64 {
        self.rate * chi_squared_quantile(freedom, 1.0 - self.alpha)
    }

    /// PSI's floor where bins have few predictions: the floor of [`NoiseFloors::psi`] times max(1, PSI / (r·X)), where X is
    /// [`ChiSquaredTest::cautious`].
    ///
    /// With many predictions in each bin, PSI is r·X. With few, the logarithm of an emptier bin makes PSI larger: at ten
    /// predictions a bin it exceeds the plain floor three times as often as α allows. So the floor grows by the part that
    /// the logarithm adds, and PSI exceeds it only where it exceeds the plain floor and the test finds a difference too.
    pub fn psi_of_thin_bins(&self, psi: f64, chi: &ChiSquaredTest) -> f64 {
        let plain = self.rate * chi.cautious;
        let floor = self.psi(chi.freedom);
        if plain > 0.0 { floor * (psi / plain).max(1.0) } else { floor.max(psi) }
    }

    /// Jensen–Shannon distance: √(PSI's floor / (8·ln 2)), because PSI is 8·ln 2·JS² for small differences.
    pub fn jensen_shannon(&self, freedom: u32) -> f64 {
        (self.psi(freedom) / (8.0 * LN_2)).sqrt()
    }

    /// Kolmogorov–Smirnov: √(−½·ln(α/2))·√r, the first term of Smirnov's series.
    pub fn kolmogorov_smirnov(&self) -> f64 {
        (-(self.alpha / 2.0).ln() / 2.0 * self.rate).sqrt()
    }

    /// Cramér's V: √(χ²(B−1, 1−α) / (n+m)).
    pub fn cramers_v(&self, freedom: u32) -> f64 {
        (chi_squared_quantile(freedom, 1.0 - self.alpha) / self.samples).sqrt()
    }

    /// L∞: max z(1−α/2B)·√(q(1−q)·r) over the B bins. Each share is nearly normal, and Bonferroni's bound covers the
    /// largest of them.
    pub fn l_infinity(&self, reference: &[u64]) -> f64 {
        let bins = reference.iter().filter(|count| **count > 0).count().max(1);
        let largest = shares(reference).into_iter().map(|share| share * (1.0 - share)).fold(0.0, f64::max);
        normal_quantile(1.0 - self.alpha / (2.0 * bins as f64)) * (largest * self.rate).sqrt()
    }

    /// Wasserstein: z(1−α/2)·√r·∫√(G(1−G))dx / max(σ, [`SMALLEST_SIGMA`]), because F−G has the
    /// variance G(1−G)·r at each x.
    pub fn wasserstein(&self, reference: &[u64], positions: &[f64]) -> f64 {
        let total = reference.iter().sum::<u64>() as f64;
        let gaps = positions.windows(2).map(|pair| pair[1] - pair[0]);
        let cumulated = reference.iter().scan(0_u64, |sum, count| {
            *sum += count;
            Some(*sum as f64 / total)
        });
        let spread: f64 = cumulated.zip(gaps).map(|(share, gap)| (share * (1.0 - share)).max(0.0).sqrt() * gap).sum();
        normal_quantile(1.0 - self.alpha / 2.0) * self.rate.sqrt() * spread
            / sigma(reference, positions).max(SMALLEST_SIGMA)
    }
}

/// The value below which a χ² variable stays with this probability; 0 where nothing is free to vary.
fn chi_squared_quantile(freedom: u32, probability: f64) -> f64 {
    ChiSquared::new(f64::from(freedom)).map_or(0.0, |distribution| distribution.inverse_cdf(probability))
}

fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_floors_of_psi_are_those_of_the_literature() {
        for (n, floor) in [(100, 0.338), (500, 0.068), (1_000, 0.034)] {
            assert!((NoiseFloors::new(n, n, 0.05).psi(9) - floor).abs() < 5e-4);
        }
    }

    #[test]
    fn nothing_free_to_vary_has_no_noise() {
        let noise = NoiseFloors::new(50, 100, 0.05);
        assert_eq!(noise.psi(0), 0.0);
        assert_eq!(noise.cramers_v(0), 0.0);
        assert_eq!(noise.l_infinity(&[0, 7, 0]), 0.0);
        assert_eq!(noise.wasserstein(&[0, 7, 0], &[0.0, 1.0, 2.0]), 0.0);
    }

    #[test]
    fn more_samples_have_less_noise() {
        let floors = |n| {
            let noise = NoiseFloors::new(n, 1_000, 0.01);
            let counts = [10, 30, 20];
            [
                noise.psi(2),
                noise.jensen_shannon(2),
                noise.kolmogorov_smirnov(),
                noise.cramers_v(2),
                noise.l_infinity(&counts),
                noise.wasserstein(&counts, &[0.0, 0.5, 1.0]),
            ]
        };
        assert!(floors(100).into_iter().zip(floors(1_000)).all(|(few, many)| few > many && many > 0.0));
    }
}
