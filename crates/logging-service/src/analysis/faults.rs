//! What is wrong with the values of a feature by itself: missing, impossible, unheard of, or always the same.
//!
//! Rule of thumb: a fault is large enough to matter and more than chance, as a drift is. It is judged against what is
//! declared of the feature, and where nothing is, against the reference.

use prediction_record::{FeatureDeclaration, number_bin};
use serde::Serialize;
use utoipa::ToSchema;

use super::ValueCounts;
use super::chance::{self, SidedCount};
use super::compared::{ComparedFeature, ValueSides};

/// By how much a share must exceed that of the reference: one row in a hundred.
pub const SMALLEST_EXCESS: f64 = 0.01;

/// What is wrong with values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// There is no value.
    Missing,
    /// A number lies outside of the declared range; where none is declared, outside of what the reference has.
    OutOfRange,
    /// A category is not declared; where none is declared, the reference does not have it.
    Unseen,
    /// All values are the same, and those of the reference are not.
    Constant,
}

impl FaultKind {
    /// How many kinds there are.
    pub const COUNT: usize = 4;

    /// The name in JSON and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::OutOfRange => "out_of_range",
            Self::Unseen => "unseen",
            Self::Constant => "constant",
        }
    }
}

/// One thing that may be wrong with a feature's values, and whether it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeatureFault {
    /// What may be wrong.
    pub fault: FaultKind,
    /// The share of the window's values with which it is; for `constant`, the share of the most frequent value.
    pub share: f64,
    /// The same of the reference.
    pub reference_share: f64,
    /// The share up to which it is no fault.
    pub allowed: f64,
    /// How much larger the share may be, because a number is only known by its bin, or a category by its count.
    pub share_error: f64,
    /// The probability of such a share, or a larger one, if nothing has changed.
    pub p_value: f64,
    /// Whether it is wrong: the share is above what is allowed, and the p-value below the comparison's `fault_alpha`.
    pub is_fault: bool,
}

/// What one share says.
struct FoundShare {
    marked: SidedCount,
    rows: SidedCount,
    share_error: f64,
    p_value: f64,
}

impl FoundShare {
    fn judge(&self, fault: FaultKind, allowed: Option<f64>, alpha: f64) -> FeatureFault {
        let share = |marked: u64, rows: u64| if rows == 0 { 0.0 } else { marked as f64 / rows as f64 };
        let reference_share = share(self.marked.reference, self.rows.reference);
        let share = share(self.marked.current, self.rows.current);
        let allowed = allowed.unwrap_or(reference_share + SMALLEST_EXCESS);
        FeatureFault {
            fault,
            share,
            reference_share,
            allowed,
            share_error: self.share_error,
            p_value: self.p_value,
            is_fault: share > allowed && self.p_value < alpha,
        }
    }
}

/// By what the faults of a feature are judged.
pub(super) struct FaultJudge<'a> {
    pub(super) alpha: f64,
    /// The greatest share that may be missing, where it is declared.
    pub(super) most_missing: Option<f64>,
    /// What is declared of the feature.
    pub(super) declared: Option<&'a FeatureDeclaration>,
}

impl FaultJudge<'_> {
    /// Everything that may be wrong with a feature that both sides have.
    pub(super) fn judge(&self, feature: &ComparedFeature<'_>) -> Vec<FeatureFault> {
        let mut faults = Vec::new();
        if let Some(sides) = &feature.sides {
            faults.push(self.missing(sides));
            faults.extend(self.out_of_range(sides).map(|found| found.judge(FaultKind::OutOfRange, None, self.alpha)));
            faults.extend(self.unseen(sides).map(|found| found.judge(FaultKind::Unseen, None, self.alpha)));
        }
        faults.extend(self.constant(&feature.values));
        faults
    }

    fn missing(&self, sides: &ValueSides<'_>) -> FeatureFault {
        let marked = sides.missing();
        let p_value = match self.most_missing {
            Some(most) => chance::at_least(marked.current, sides.rows.current, most),
            None => chance::as_many_in_window(marked, sides.rows),
        };
        let found = FoundShare { marked, rows: sides.rows, share_error: 0.0, p_value };
        found.judge(FaultKind::Missing, self.most_missing, self.alpha)
    }

    fn out_of_range(&self, sides: &ValueSides<'_>) -> Option<FoundShare> {
        let rows = sides.sided(|counts| u64::try_from(counts.numbers.total()).unwrap_or(0));
        let declared = self.declared.and_then(|declared| declared.range);
        let range = declared.or(Some([sides.reference.least?, sides.reference.greatest?]))?;
        if rows.current == 0 || rows.reference == 0 {
            return None;
        }
        let marked = sides.sided(|counts| beyond(counts, range).0);
        let p_value = match declared {
            Some(_) => chance::as_many_in_window(marked, rows),
            None => chance::beyond_extremes(marked.current, rows),
        };
        let share_error = beyond(&sides.current, range).1 as f64 / rows.current as f64;
        Some(FoundShare { marked, rows, share_error, p_value })
    }

    fn unseen(&self, sides: &ValueSides<'_>) -> Option<FoundShare> {
        let [then, now] = [&sides.reference.categories, &sides.current.categories];
        let rows = sides.sided(ValueCounts::present);
        let has_none = now.is_empty() && then.is_empty();
        let declared = self.declared.map(|declared| declared.categories.as_slice()).filter(|names| !names.is_empty());
        // What is past the bound of names is not known by name, so nothing can be new there.
        if has_none || rows.current == 0 || rows.reference == 0 || (declared.is_none() && then.other() > 0) {
            return None;
        }
        // What may not be kept has the name of none but declared categories, so one without a name is not declared.
        let is_unnamed = self.declared.is_some_and(|declared| !declared.keep);
        let unnamed = |counts: &ValueCounts| if is_unnamed { counts.categories.other() } else { 0 };
        let share_error = (now.other() - unnamed(&sides.current)) as f64 / rows.current as f64;
        if let Some(names) = declared {
            let marked = sides.sided(|counts| {
                let unknown = counts.categories.iter().filter(|(name, _)| !names.iter().any(|known| known == name));
                unknown.map(|(_, count)| count).sum::<u64>() + unnamed(counts)
            });
            let p_value = chance::as_many_in_window(marked, rows);
            return Some(FoundShare { marked, rows, share_error, p_value });
        }
        let unseen = now.iter().filter(|(name, _)| then.get(name) == 0).map(|(_, count)| count).sum::<u64>();
        let unseen = unseen + unnamed(&sides.current);
        let both = then.iter().map(|(name, reference)| SidedCount { current: now.get(name), reference });
        let only_now = now.iter().filter(|(name, _)| then.get(name) == 0);
        let values: Vec<SidedCount> =
            both.chain(only_now.map(|(_, current)| SidedCount { current, reference: 0 })).collect();
        let p_value = chance::unseen_values(unseen, &values, rows);
        Some(FoundShare { marked: SidedCount { current: unseen, reference: 0 }, rows, share_error, p_value })
    }

    /// Whether all values are the same; absent where those of the reference are, or where there are none.
    fn constant(&self, values: &[SidedCount]) -> Option<FeatureFault> {
        let rows = SidedCount {
            current: values.iter().map(|value| value.current).sum(),
            reference: values.iter().map(|value| value.reference).sum(),
        };
        let varied = values.iter().filter(|value| value.reference > 0).count() > 1;
        let commonest = values.iter().max_by_key(|value| value.current).filter(|_| varied && rows.current > 0)?;
        let is_constant = commonest.current == rows.current;
        let p_value = if is_constant { chance::all_the_same(values, rows) } else { 1.0 };
        let found = FoundShare { marked: *commonest, rows, share_error: 0.0, p_value };
        let judged = found.judge(FaultKind::Constant, Some(1.0), self.alpha);
        Some(FeatureFault { is_fault: is_constant && p_value < self.alpha, ..judged })
    }
}

/// How many numbers lie in bins beyond a range, and how many more may lie beyond it in the bins of its ends.
fn beyond(counts: &ValueCounts, [least, greatest]: [f64; 2]) -> (u64, u64) {
    let (Some(low), Some(high)) = (number_bin(least), number_bin(greatest)) else { return (0, 0) };
    let count_where = |is_counted: &dyn Fn(u16) -> bool| {
        let counted = counts.numbers.iter().filter(|(bin, _)| is_counted(*bin));
        counted.map(|(_, count)| u64::try_from(count).unwrap_or(0)).sum()
    };
    let [below, above] =
        [counts.least.is_some_and(|found| found < least), counts.greatest.is_some_and(|found| found > greatest)];
    let outside = count_where(&|bin| bin < low || bin > high);
    (outside, count_where(&|bin| (below && bin == low) || (above && bin == high)))
}
