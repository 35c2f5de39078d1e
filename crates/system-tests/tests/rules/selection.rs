//! The tests that a rule has to do with, and the rules that these tests need.
//!
//! Rule of thumb: a mutation is tried on as little as can notice it, so that hundreds can be tried. Rules that these
//! tests name, and rules whose series those need, are always there: a test never fails for want of a rule.

use std::collections::BTreeSet;

use crate::catalogue::{Case, Rule};

/// Numbers of rules, and numbers of cases.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) rules: BTreeSet<usize>,
    pub(crate) cases: BTreeSet<usize>,
}

/// Selects everything that may notice a change of a rule.
pub(crate) fn for_rule(rules: &[Rule], cases: &[Case], rule: usize) -> Selection {
    // What feels it: the rule itself, and whatever is computed from it.
    let affected = grow(rules, [rule].into(), |of, other| other.expression().contains(of.name()));
    let names: Vec<_> = affected.iter().map(|rule| rules[*rule].name()).collect();
    let noticing = |case: &usize| names.iter().any(|name| cases[*case].body.to_string().contains(name));
    let mut selection = for_cases(rules, cases, (0..cases.len()).filter(noticing).collect());
    selection.rules.extend(affected);
    selection
}

/// Selects cases with all the rules that they need.
pub(crate) fn for_cases(rules: &[Rule], cases: &[Case], selected: BTreeSet<usize>) -> Selection {
    let texts: Vec<_> = selected.iter().map(|case| cases[*case].body.to_string()).collect();
    let named = (0..rules.len()).filter(|rule| texts.iter().any(|text| text.contains(rules[*rule].name())));
    let rules = grow(rules, named.collect(), |of, other| of.expression().contains(other.name()));
    Selection { rules, cases: selected }
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
