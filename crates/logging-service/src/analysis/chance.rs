//! The probabilities of counts that nothing has changed.
//!
//! Rule of thumb: each is exact or an upper bound for any number of rows, because a week has so many looks that one of
//! them is judged at 10⁻⁸, where no approximation holds. In all of them the window has n rows and the reference m, and if
//! nothing has changed, every choice of n of the n + m rows is equally likely to be the window.

use statrs::function::beta::beta_reg;
use statrs::function::factorial::ln_factorial;

/// The probability of `count` or more among `n` rows, each of which counts with the probability `share` (binomial).
pub(super) fn at_least(count: u64, n: u64, share: f64) -> f64 {
    match count {
        0 => 1.0,
        _ if count > n || share <= 0.0 => 0.0,
        _ if share >= 1.0 => 1.0,
        // P(X ≥ k) is the regularised incomplete beta function I(k, n−k+1) at the share.
        _ => beta_reg(count as f64, (n - count) as f64 + 1.0, share),
    }
}

/// A count among the rows of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SidedCount {
    pub(super) current: u64,
    pub(super) reference: u64,
}

impl SidedCount {
    pub(super) fn total(self) -> u64 {
        self.current.saturating_add(self.reference)
    }
}

/// The probability that the window has as many of the rows with a mark as it has, or more, given how many both sides have
/// together (hypergeometric; Fisher's exact test, one-sided).
pub(super) fn as_many_in_window(marked: SidedCount, rows: SidedCount) -> f64 {
    let all = marked.total();
    if marked.current == 0 || all == 0 {
        return 1.0;
    }
    let most = all.min(rows.current);
    let mut term = (ln_choose(all, marked.current) + ln_choose(rows.total() - all, rows.current - marked.current)
        - ln_choose(rows.total(), rows.current))
    .exp();
    let mut sum = 0.0;
    for count in marked.current..=most {
        sum += term;
        if term <= sum * 1e-17 {
            break;
        }
        let rest = (rows.total() - all + count + 1).saturating_sub(rows.current);
        let up = (all - count) as f64 * (rows.current - count) as f64;
        term *= up / ((count + 1) as f64 * rest as f64);
    }
    sum.min(1.0)
}

/// The probability that `beyond` or more of the window's numbers lie below the least or above the greatest number of the
/// reference. The m numbers of the reference leave m + 1 gaps, in which the window's fall alike, whatever their
/// distribution; two gaps are the outer ones. So it is that of one reference at most among the first `beyond` + 1 of all
/// rows in a random order.
pub(super) fn beyond_extremes(beyond: u64, rows: SidedCount) -> f64 {
    let SidedCount { current: n, reference: m } = rows;
    if beyond == 0 || m < 2 {
        return 1.0;
    }
    let all = rows.total();
    let none = if beyond < n { (ln_falling(n, beyond + 1) - ln_falling(all, beyond + 1)).exp() } else { 0.0 };
    let first = ln_falling(n, beyond) - ln_falling(all, beyond + 1);
    let one = ((beyond + 1) as f64).ln() + (m as f64).ln() + first;
    (none + one.exp()).min(1.0)
}

/// A bound on the probability that so many or more of the window's rows, `unseen`, have a value that the reference never
/// has; `values` are the counts of each value on both sides.
///
/// A value with t rows is all in the window with a probability of nearly (n/(n+m))^t. Where a value is says something of
/// others only in one direction: rows of a sample without replacement are negatively associated (Joag-Dev and Proschan
/// 1983). So Chernoff's bound for independent summands holds, here at the best of some exponents.
pub(super) fn unseen_values(unseen: u64, values: &[SidedCount], rows: SidedCount) -> f64 {
    if unseen == 0 {
        return 1.0;
    }
    let blocks = values.iter().map(|value| value.total()).filter(|total| (1..=rows.current).contains(total));
    let blocks: Vec<(f64, f64)> = blocks
        .map(|total| (total as f64, (ln_falling(rows.current, total) - ln_falling(rows.total(), total)).exp()))
        .collect();
    let bound = |exponent: f64| {
        let grown = |(total, probability): &(f64, f64)| {
            let power = exponent * total;
            // ln(1 + p·(e^(s·t) − 1)), without an overflow.
            if power > 500.0 { power + probability.ln() + 1e-9 } else { (probability * power.exp_m1()).ln_1p() }
        };
        blocks.iter().map(grown).sum::<f64>() - exponent * unseen as f64
    };
    let exponents = (-24..=8).map(|step| 2_f64.powf(f64::from(step) / 2.0));
    exponents.map(bound).fold(0.0, f64::min).exp()
}

/// The probability that all rows of the window have the same value, whichever; `values` are the counts of each value.
pub(super) fn all_the_same(values: &[SidedCount], rows: SidedCount) -> f64 {
    let whole = ln_choose(rows.total(), rows.current);
    let totals = values.iter().map(|value| value.total()).filter(|total| *total >= rows.current);
    totals.map(|total| (ln_choose(total, rows.current) - whole).exp()).sum::<f64>().min(1.0)
}

/// ln of n·(n−1)·…, `factors` factors.
fn ln_falling(n: u64, factors: u64) -> f64 {
    ln_factorial(n) - ln_factorial(n.saturating_sub(factors))
}

/// ln of the number of ways to choose `chosen` of `n`.
fn ln_choose(n: u64, chosen: u64) -> f64 {
    ln_factorial(n) - ln_factorial(chosen) - ln_factorial(n.saturating_sub(chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws windows of `n` of all rows, and says how often `holds` of what the window has.
    fn drawn(rows: SidedCount, holds: impl Fn(&[u64], &[u64]) -> bool) -> f64 {
        const DRAWS: u32 = 40_000;
        let mut random = fastrand::Rng::with_seed(5);
        let mut all: Vec<u64> = (0..rows.total()).collect();
        let split = usize::try_from(rows.current).unwrap_or(0);
        let mut hits = 0;
        for _ in 0..DRAWS {
            random.shuffle(&mut all);
            let (window, reference) = all.split_at(split);
            hits += u32::from(holds(window, reference));
        }
        f64::from(hits) / f64::from(DRAWS)
    }

    #[test]
    fn what_is_drawn_is_as_frequent_as_is_said() {
        let rows = SidedCount { current: 12, reference: 30 };
        let marked = |window: &[u64]| window.iter().filter(|row| **row < 9).count() as u64;
        let said = as_many_in_window(SidedCount { current: 5, reference: 4 }, rows);
        assert!((said - drawn(rows, |window, _| marked(window) >= 5)).abs() < 0.01, "{said}");
        let outside = |window: &[u64], reference: &[u64]| {
            let (least, greatest) = (reference.iter().min().copied(), reference.iter().max().copied());
            window.iter().filter(|row| Some(**row) < least || Some(**row) > greatest).count() as u64
        };
        let said = beyond_extremes(3, rows);
        assert!((said - drawn(rows, |window, reference| outside(window, reference) >= 3)).abs() < 0.01, "{said}");
        // Values of two rows each.
        let unseen = |window: &[u64], reference: &[u64]| {
            window.iter().filter(|row| !reference.iter().any(|other| other / 2 == *row / 2)).count() as u64
        };
        let values = vec![SidedCount { current: 1, reference: 1 }; 21];
        let often = drawn(rows, |window, reference| unseen(window, reference) >= 4);
        let said = unseen_values(4, &values, rows);
        assert!(said >= often && said < 4.0 * often + 0.2, "{said} said, {often} drawn");
        let thirds = vec![SidedCount { current: 4, reference: 10 }; 3];
        let few = SidedCount { current: 3, reference: 39 };
        let same = |window: &[u64], _: &[u64]| window.iter().all(|row| row % 3 == window[0] % 3);
        let said = all_the_same(&thirds, few);
        assert!((said - drawn(few, same)).abs() < 0.01, "{said}");
    }

    #[test]
    fn ends_are_certain_or_impossible() {
        assert_eq!((at_least(0, 10, 0.0), at_least(1, 10, 0.0), at_least(11, 10, 0.5)), (1.0, 0.0, 0.0));
        assert!((at_least(10, 10, 0.5) - 0.5_f64.powi(10)).abs() < 1e-15);
        assert_eq!(
            as_many_in_window(SidedCount { current: 0, reference: 3 }, SidedCount { current: 5, reference: 5 }),
            1.0
        );
        let whole = as_many_in_window(SidedCount { current: 5, reference: 0 }, SidedCount { current: 5, reference: 5 });
        assert!((whole - 1.0 / 252.0).abs() < 1e-12, "{whole}");
        assert!(beyond_extremes(1_000, SidedCount { current: 1_000, reference: 1_000 }) < 1e-300);
        assert_eq!(beyond_extremes(3, SidedCount { current: 3, reference: 1 }), 1.0);
    }
}
