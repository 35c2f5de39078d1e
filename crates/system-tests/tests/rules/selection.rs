//! The tests that a rule has to do with, and the rules that these tests need.
//!
//! Rule of thumb: a mutation is tried on as little as can notice it, so that hundreds can be tried. Rules that these
//! tests name, and rules whose series those need, are always there: a test never fails for want of a rule.

use std::collections::BTreeSet;

use crate::catalogue::{Case, Rule};

/// Numbers of rules, and numbers of cases.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Selection {
    pub(crate) rules: BTreeSet<usize>,
    pub(crate) cases: BTreeSet<usize>,
}

/// Selects for one rule.
pub(crate) fn selection(rules: &[Rule], cases: &[Case], rule: usize) -> Selection {
    let texts: Vec<_> = cases.iter().map(|case| case.body.to_string()).collect();
    // Everything that feels a change of the rule: itself, and whatever is computed from it.
    let affected = grow(rules, [rule].into(), |of, other| other.expression().contains(of.name()));
    let cases: BTreeSet<_> = (0..cases.len())
        .filter(|case| affected.iter().any(|rule| texts[*case].contains(rules[*rule].name())))
        .collect();
    let named = (0..rules.len()).filter(|rule| cases.iter().any(|case| texts[*case].contains(rules[*rule].name())));
    let rules = grow(rules, named.chain(affected).collect(), |of, other| of.expression().contains(other.name()));
    Selection { rules, cases }
}

/// Adds every rule that is related to one of those in the set, until there is none left.
fn grow(rules: &[Rule], mut set: BTreeSet<usize>, related: impl Fn(&Rule, &Rule) -> bool) -> BTreeSet<usize> {
    loop {
        let more: Vec<_> = (0..rules.len())
            .filter(|other| !set.contains(other) && set.iter().any(|of| related(&rules[*of], &rules[*other])))
            .collect();
        if more.is_empty() {
            return set;
        }
        set.extend(more);
    }
}
