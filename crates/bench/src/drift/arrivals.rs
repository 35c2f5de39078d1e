//! How many rows come in a time.

use fastrand::Rng;

/// How many rows come in a time (Poisson).
pub(super) struct RowArrivals {
    /// The probability of at most so many, from 0 on.
    cumulated: Vec<f64>,
}

impl RowArrivals {
    /// For so many rows on average.
    pub(super) fn of_mean(mean: f64) -> Self {
        let most = (mean + 12.0 * mean.sqrt() + 30.0) as u32;
        let probability = |rows: u32| (f64::from(rows) * mean.ln() - mean - ln_factorial(rows)).exp();
        let cumulated = (0..most).scan(0.0, |sum, rows| {
            *sum += probability(rows);
            Some(*sum)
        });
        Self { cumulated: cumulated.collect() }
    }

    /// How many come.
    pub(super) fn draw(&self, random: &mut Rng) -> i32 {
        let draw = random.f64();
        i32::try_from(self.cumulated.partition_point(|sum| *sum <= draw)).unwrap_or(0)
    }
}

fn ln_factorial(number: u32) -> f64 {
    (1..=number).map(|factor| f64::from(factor).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_the_mean_and_the_variance_of_poisson() {
        let mut random = Rng::with_seed(3);
        for mean in [0.7, 8.0, 416.0] {
            let arrivals = RowArrivals::of_mean(mean);
            let draws: Vec<f64> = (0..40_000).map(|_| f64::from(arrivals.draw(&mut random))).collect();
            let average = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|draw| (draw - average).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((average / mean - 1.0).abs() < 0.02, "{mean}: {average}");
            assert!((variance / mean - 1.0).abs() < 0.05, "{mean}: {variance}");
        }
    }
}
