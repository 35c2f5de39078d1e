//! How often each class was predicted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most classes that are counted by name; the rest are counted together.
pub const MAX_CLASSES: usize = 1_000;

/// Counts by class, bounded.
///
/// Beyond the bound, the names that come first in the alphabet are kept. A name that is among the first of the whole is
/// among the first of every part, so no merge gives it up, and merged parts equal the whole exactly. Keeping the names
/// that were seen first would not have this property.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassCounts {
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    named: BTreeMap<String, u64>,
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    other: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ClassCounts {
    /// Counts predictions of a class.
    pub fn add(&mut self, class: &str, count: u64) {
        self.add_within(class, count, MAX_CLASSES);
    }

    /// Counts a name, of which at most `most` are counted by name.
    pub(super) fn add_within(&mut self, class: &str, count: u64, most: usize) {
        if let Some(known) = self.named.get_mut(class) {
            *known = known.saturating_add(count);
        } else if count > 0 {
            self.named.insert(class.to_owned(), count);
            if self.named.len() > most
                && let Some((_, given_up)) = self.named.pop_last()
            {
                self.other = self.other.saturating_add(given_up);
            }
        }
    }

    /// Counts predictions of a class that is not told.
    pub(super) fn add_other(&mut self, count: u64) {
        self.other = self.other.saturating_add(count);
    }

    /// Adds all of the other.
    pub fn merge(&mut self, other: &Self) {
        self.merge_within(other, MAX_CLASSES);
    }

    /// Adds all of the other; at most `most` are counted by name.
    pub(super) fn merge_within(&mut self, other: &Self, most: usize) {
        for (class, count) in &other.named {
            self.add_within(class, *count, most);
        }
        self.other = self.other.saturating_add(other.other);
    }

    /// A copy in which a share of each class has moved to one of this name; there are no more predictions than before.
    pub(super) fn moved_to(&self, class: &str, share: f64) -> Self {
        let mut moved = Self { named: BTreeMap::new(), other: self.other };
        let mut target = 0;
        for (name, count) in self.iter() {
            let part = ((count as f64 * share).round() as u64).min(count);
            target += part;
            if count > part {
                moved.named.insert(name.to_owned(), count - part);
            }
        }
        if target > 0 {
            moved.named.insert(class.to_owned(), target);
        }
        moved
    }

    /// The count of a class.
    pub fn get(&self, class: &str) -> u64 {
        self.named.get(class).copied().unwrap_or(0)
    }

    /// The classes that are counted by name, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.named.iter().map(|(class, count)| (class.as_str(), *count))
    }

    /// How many classes are counted by name.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.other == 0
    }

    /// Predictions of all other classes together.
    pub fn other(&self) -> u64 {
        self.other
    }

    /// Predictions of any class.
    pub fn total(&self) -> u64 {
        self.named.values().fold(self.other, |sum, count| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn past_the_bound_any_order_and_split_gives_the_same() {
        let names: Vec<String> = (0..MAX_CLASSES + 50).map(|number| format!("class {number:05}")).collect();
        let count = |names: &mut dyn Iterator<Item = &String>| {
            let mut counts = ClassCounts::default();
            names.for_each(|name| counts.add(name, 2));
            counts
        };
        let whole = count(&mut names.iter());
        assert_eq!(whole.len(), MAX_CLASSES);
        assert_eq!((whole.other(), whole.total()), (100, 2_100));
        assert_eq!(count(&mut names.iter().rev()), whole);
        let mut merged = count(&mut names[600..].iter());
        merged.merge(&count(&mut names[..600].iter()));
        assert_eq!(merged, whole);
    }
}
