//! The labels of a vector, and what their values can be.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::T_EQL_REGEX;

/// Names of labels with their values.
pub(crate) type Labels = BTreeMap<String, Values>;

/// What the value of a label can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Anything.
    Any,
    /// One of a closed set.
    Only(BTreeSet<String>),
}

impl Values {
    /// The one value.
    pub(crate) fn just(value: &str) -> Self {
        Self::Only([value.to_owned()].into())
    }

    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(left), Self::Only(right)) => Self::Only(left.union(&right).cloned().collect()),
            _ => Self::Any,
        }
    }
}

/// The labels that a series of either vector can have.
pub(crate) fn union(mut left: Labels, right: Labels) -> Labels {
    for (name, values) in right {
        let joined = match left.remove(&name) {
            Some(already) => already.join(values),
            None => values,
        };
        left.insert(name, joined);
    }
    left
}

/// The values that a matcher names, as far as no series can have them. Where it names several, as in `a|b`, each of
/// them has to be there: one that is misspelt would go unnoticed beside the others. That a label is there or not
/// (`x!=""`) can be asked of any.
pub(crate) fn impossible_values(matcher: &Matcher, values: &Values) -> Vec<String> {
    let Values::Only(values) = values else { return Vec::new() };
    let alternatives = match &matcher.op {
        _ if matcher.value.is_empty() => return Vec::new(),
        MatchOp::Equal | MatchOp::NotEqual => {
            let is_there = values.contains(&matcher.value);
            return if is_there { Vec::new() } else { vec![matcher.value.clone()] };
        }
        MatchOp::Re(_) | MatchOp::NotRe(_) => alternatives(&matcher.value),
    };
    let matches = |alternative: &str| {
        let matcher = Matcher::new_matcher(T_EQL_REGEX, matcher.name.clone(), alternative.to_owned()).unwrap();
        values.iter().any(|value| matcher.is_match(value))
    };
    alternatives.into_iter().filter(|alternative| !matches(alternative)).map(str::to_owned).collect()
}

/// The parts of a regular expression between its bars; one with parentheses is taken as a whole.
fn alternatives(expression: &str) -> Vec<&str> {
    if expression.contains('(') { vec![expression] } else { expression.split('|').collect() }
}
