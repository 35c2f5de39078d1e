//! How sure a share is that was counted.

/// 95 of 100 values of a normal distribution lie within so many standard deviations.
pub(crate) const WITHIN: f64 = 1.96;

/// The range in which a share lies with 95 %, counted among `n`: the score interval of Wilson, "Probable inference, the law of
/// succession, and statistical inference" (1927). Nothing for none.
pub(crate) fn wilson(share: f64, n: u64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, square) = (n as f64, WITHIN * WITHIN);
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let reach = WITHIN / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    Some(((middle - reach).max(0.0), (middle + reach).min(1.0)))
}

/// The difference `b - a` of two shares, and the range in which it lies with 95 %: method 10 of Newcombe, "Interval estimation for
/// the difference between independent proportions" (1998), which joins two score intervals. Each share stands with its `n`.
pub(crate) fn difference(a: CountedShare, b: CountedShare) -> Option<(f64, f64)> {
    let ((a_low, a_high), (b_low, b_high)) = (wilson(a.share, a.n)?, wilson(b.share, b.n)?);
    let difference = b.share - a.share;
    let low = difference - ((b.share - b_low).powi(2) + (a_high - a.share).powi(2)).sqrt();
    let high = difference + ((b_high - b.share).powi(2) + (a.share - a_low).powi(2)).sqrt();
    Some((low, high))
}

/// A share, and among how many it was counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CountedShare {
    pub(crate) share: f64,
    pub(crate) n: u64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ranges_are_those_of_the_papers() {
        // Newcombe 1998, table II, method 10: 56/70 - 48/80.
        let (low, high) =
            difference(CountedShare { share: 48.0 / 80.0, n: 80 }, CountedShare { share: 56.0 / 70.0, n: 70 }).unwrap();
        assert!((low - 0.0524).abs() < 5e-4 && (high - 0.3339).abs() < 5e-4, "{low} {high}");
        // 9/10 - 3/10.
        let (low, high) = difference(CountedShare { share: 0.3, n: 10 }, CountedShare { share: 0.9, n: 10 }).unwrap();
        assert!((low - 0.1705).abs() < 5e-4 && (high - 0.8090).abs() < 5e-4, "{low} {high}");
        let (low, high) = wilson(0.5, 200).unwrap();
        assert!((low - 0.4313).abs() < 1e-4 && (high - 0.5687).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0.0, 0), None);
    }
}
