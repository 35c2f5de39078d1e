//! Which models have series of windows.
//!
//! Rule of thumb: whoever may post records chooses names, so a name alone is worth nothing. First come the models that
//! somebody vouches for with a reference or a declaration, then those with the most predictions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Models that have series of windows.
pub(super) const MAX_MODELS: usize = 100;

/// How many times the predictions of a model that has series already a newcomer needs to take its place; otherwise
/// two models with about as many predictions would come and go in turns.
const NEWCOMER_FACTOR: u64 = 2;

/// A model that could have series, and one thing that speaks for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ModelCandidate<'m> {
    name: &'m str,
    is_vouched: bool,
    predictions: u64,
}

impl<'m> ModelCandidate<'m> {
    /// A model that has a reference or a declaration.
    pub(super) fn vouched_for(name: &'m str) -> Self {
        Self { name, is_vouched: true, predictions: 0 }
    }

    /// A model that has so many predictions in a window.
    pub(super) fn busy(name: &'m str, predictions: u64) -> Self {
        Self { name, is_vouched: false, predictions }
    }
}

/// The models that have series until the next evaluation.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelChoice {
    ranked: Vec<String>,
    left_out: usize,
}

impl ModelChoice {
    /// Chooses among candidates; a model may be named several times. `former` had series until now.
    pub(super) fn among<'m>(candidates: impl Iterator<Item = ModelCandidate<'m>>, former: &BTreeSet<String>) -> Self {
        let mut known = BTreeMap::<&str, (bool, u64)>::new();
        for candidate in candidates {
            let (is_vouched, predictions) = known.entry(candidate.name).or_default();
            *is_vouched |= candidate.is_vouched;
            *predictions = (*predictions).max(candidate.predictions);
        }
        let mut ranked: Vec<_> = known.into_iter().collect();
        let weight = |name: &str, predictions: u64| {
            let factor = if former.contains(name) { NEWCOMER_FACTOR } else { 1 };
            predictions.saturating_mul(factor)
        };
        // Sorting is stable, so the alphabet decides between equals.
        ranked.sort_by_key(|(name, (is_vouched, predictions))| Reverse((*is_vouched, weight(name, *predictions))));
        Self {
            left_out: ranked.len().saturating_sub(MAX_MODELS),
            ranked: ranked.into_iter().take(MAX_MODELS).map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// The models that have series, the most important one first.
    pub(super) fn ranked(&self) -> &[String] {
        &self.ranked
    }

    /// The same, when nothing else is asked any more.
    pub(super) fn into_ranked(self) -> Vec<String> {
        self.ranked
    }

    /// Models that have none.
    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_does_not_displace_a_model_that_somebody_vouches_for_or_that_is_busier() {
        let junk: Vec<String> = (0..3 * MAX_MODELS).map(|number| format!("-{number:03}")).collect();
        let junk = || junk.iter().map(|name| ModelCandidate::busy(name, 5));
        let first = ModelChoice::among(junk(), &BTreeSet::new());
        assert_eq!((first.ranked().len(), first.left_out()), (MAX_MODELS, 2 * MAX_MODELS));
        let former: BTreeSet<String> = first.ranked().iter().cloned().collect();
        let real = [ModelCandidate::vouched_for("quiet"), ModelCandidate::busy("busy", 50)];
        let choice = ModelChoice::among(junk().chain(real), &former);
        assert_eq!(choice.ranked()[..2], ["quiet", "busy"]);
        assert_eq!((choice.ranked().len(), choice.left_out()), (MAX_MODELS, 2 * MAX_MODELS + 2));
        let close = ModelChoice::among(junk().chain([ModelCandidate::busy("close", 9)]), &former);
        assert!(!close.ranked().contains(&"close".to_owned()), "a little more is not enough to take a place");
    }
}
