//! Pearson's correlation of two numbers, in one pass.
//!
//! Rule of thumb: it is updated around the means so far (Welford 1962), because sums of squares lose all digits where a
//! mean is large beside its spread; parts are merged as Chan, Golub and LeVeque (1983) do.

/// What is kept of pairs of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Correlation {
    pairs: u64,
    means: [f64; 2],
    /// Sums of the squared distances from the means.
    squares: [f64; 2],
    /// Sum of the products of the distances from the means.
    products: f64,
}

impl Correlation {
    /// Takes a pair; one with a number that is not finite is left out.
    pub fn add(&mut self, x: f64, y: f64) {
        if x.is_finite() && y.is_finite() {
            self.merge(&Self { pairs: 1, means: [x, y], ..Self::default() });
        }
    }

    /// Takes all pairs of another.
    pub fn merge(&mut self, other: &Self) {
        if other.pairs == 0 {
            return;
        }
        let [n, m] = [self.pairs as f64, other.pairs as f64];
        let distance = [0, 1].map(|side| other.means[side] - self.means[side]);
        let weight = n * m / (n + m);
        self.products += other.products + distance[0] * distance[1] * weight;
        for (side, distance) in distance.into_iter().enumerate() {
            self.squares[side] += other.squares[side] + distance * distance * weight;
            self.means[side] += distance * m / (n + m);
        }
        self.pairs += other.pairs;
    }

    /// Pearson's r, −1 to 1: Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²). `None` for fewer than two pairs, and where one of the
    /// numbers never changes.
    #[must_use]
    pub fn pearson(&self) -> Option<f64> {
        let r = self.products / (self.squares[0].sqrt() * self.squares[1].sqrt());
        (self.pairs > 1 && r.is_finite()).then(|| r.clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(pairs: &[(f64, f64)]) -> Correlation {
        let mut correlation = Correlation::default();
        pairs.iter().for_each(|(x, y)| correlation.add(*x, *y));
        correlation
    }

    #[test]
    fn known_values() {
        let r = of(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]).pearson().unwrap();
        assert!((r - 1.0).abs() < 1e-12, "{r}");
        // numpy.corrcoef([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])[0, 1] is 0.8.
        let r = of(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0), (5.0, 5.0)]).pearson().unwrap();
        assert!((r - 0.8).abs() < 1e-12, "{r}");
        assert_eq!(of(&[(1.0, 2.0)]).pearson(), None);
        assert_eq!(of(&[(1.0, 2.0), (1.0, 3.0)]).pearson(), None);
        assert_eq!(of(&[(f64::NAN, 2.0), (1.0, 3.0)]), of(&[(1.0, 3.0)]));
        // A mean of a billion beside a spread of one.
        let far = of(&[(1e9 + 1.0, 1.0), (1e9 + 2.0, 2.0), (1e9 + 3.0, 2.5)]).pearson().unwrap();
        let near = of(&[(1.0, 1.0), (2.0, 2.0), (3.0, 2.5)]).pearson().unwrap();
        assert!((far - near).abs() < 1e-9, "{far} {near}");
    }

    proptest! {
        #[test]
        fn merged_parts_equal_the_whole(pairs in vec((-1e3_f64..1e3, -1e3_f64..1e3), 2..60), cut in 0_usize..60) {
            let (first, second) = pairs.split_at(cut.min(pairs.len()));
            let mut merged = of(first);
            merged.merge(&of(second));
            let [merged, whole] = [merged, of(&pairs)].map(|correlation| correlation.pearson().unwrap());
            prop_assert!((merged - whole).abs() < 1e-9, "{} {}", merged, whole);
        }
    }
}
