//! Labels whose values form a bounded set.
//!
//! Rule of thumb: a label value is a variant of an enum or a [`Member`] of a [`LabelSet`]. There is
//! no way to pass a string of a request where a label value is wanted.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

/// Most members that any [`LabelSet`] may be given room for.
pub const MAX_MEMBERS: usize = 10_000;

/// A label whose values are known when the program is compiled. Made by [`label_enum!`](crate::label_enum).
pub trait LabelEnum: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// Every value, in the order of [`LabelEnum::index`].
    const ALL: &'static [Self];
    /// The value as it stands in the exposition.
    fn as_str(self) -> &'static str;
    /// The value's position in [`LabelEnum::ALL`].
    fn index(self) -> usize;
}

/// Declares an enum that is a label: `pub enum Outcome: "status" { Success = "success", … }`.
#[macro_export]
macro_rules! label_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $label:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $value:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $crate::LabelEnum for $name {
            const NAME: &'static str = $label;
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $value),+ }
            }
            fn index(self) -> usize { self as usize }
        }
    };
}

/// The labels of a metric family: one dimension or a tuple of them.
pub trait Labels: Send + Sync + 'static {
    /// Names one combination of values.
    type Key: Copy;
    /// The labels' names.
    fn names(&self) -> Vec<&'static str>;
    /// How many combinations there can ever be.
    fn capacity(&self) -> usize;
    /// The position of a combination, below [`Labels::capacity`].
    fn index(&self, key: Self::Key) -> usize;
    /// The values of a combination, in the order of [`Labels::names`].
    fn values(&self, key: Self::Key) -> Vec<String>;
    /// Every combination that exists now.
    fn keys(&self) -> Vec<Self::Key>;
}

/// The dimension made of the values of one [`LabelEnum`].
pub struct Each<E>(PhantomData<fn() -> E>);

/// The dimension made of the values of `E`.
#[must_use]
pub fn each<E: LabelEnum>() -> Each<E> {
    Each(PhantomData)
}

impl<E: LabelEnum> Labels for Each<E> {
    type Key = E;
    fn names(&self) -> Vec<&'static str> {
        vec![E::NAME]
    }
    fn capacity(&self) -> usize {
        E::ALL.len()
    }
    fn index(&self, key: E) -> usize {
        key.index()
    }
    fn values(&self, key: E) -> Vec<String> {
        vec![key.as_str().to_owned()]
    }
    fn keys(&self) -> Vec<E> {
        E::ALL.to_vec()
    }
}

/// The room of a [`LabelSet`] is used up, or more than [`MAX_MEMBERS`] was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the label set has room for {0} values and all are taken")]
pub struct LabelSetFull(pub usize);

/// One row of values of a [`LabelSet`]; valid for that set (and its clones) only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member(usize);

/// A set of label values that is loaded at run time, such as the names of the loaded models, and
/// that can never hold more than its capacity. A row may span several labels (`model` and `class`)
/// where their combinations are not a full product. Clones share the rows.
#[derive(Clone)]
pub struct LabelSet {
    names: Arc<[&'static str]>,
    capacity: usize,
    rows: Arc<RwLock<LabelRows>>,
}

#[derive(Default)]
struct LabelRows {
    in_order: Vec<Vec<String>>,
    positions: HashMap<Vec<String>, usize>,
}

impl LabelSet {
    /// An empty set over `names` with room for `capacity` rows (at most [`MAX_MEMBERS`]).
    #[must_use]
    pub fn new(names: &[&'static str], capacity: usize) -> Self {
        Self { names: names.into(), capacity: capacity.min(MAX_MEMBERS), rows: Arc::default() }
    }

    /// The member with these values, added if it is new.
    ///
    /// # Errors
    /// [`LabelSetFull`] if it is new and there is no room; what then happens to it is the caller's policy.
    pub fn admit(&self, values: &[&str]) -> Result<Member, LabelSetFull> {
        debug_assert_eq!(values.len(), self.names.len(), "one value for each label");
        if let Some(member) = self.get(values) {
            return Ok(member);
        }
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let row: Vec<String> = values.iter().map(|&v| v.to_owned()).collect();
        if let Some(&position) = rows.positions.get(&row) {
            return Ok(Member(position));
        }
        if rows.in_order.len() >= self.capacity {
            return Err(LabelSetFull(self.capacity));
        }
        let position = rows.in_order.len();
        rows.in_order.push(row.clone());
        rows.positions.insert(row, position);
        Ok(Member(position))
    }

    /// The member with these values, if it is in the set.
    #[must_use]
    pub fn get(&self, values: &[&str]) -> Option<Member> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let row: Vec<String> = values.iter().map(|&v| v.to_owned()).collect();
        rows.positions.get(&row).copied().map(Member)
    }
}

impl Labels for LabelSet {
    type Key = Member;
    fn names(&self) -> Vec<&'static str> {
        self.names.to_vec()
    }
    fn capacity(&self) -> usize {
        self.capacity
    }
    fn index(&self, key: Member) -> usize {
        key.0
    }
    fn values(&self, key: Member) -> Vec<String> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.in_order.get(key.0).cloned().unwrap_or_else(|| vec![String::new(); self.names.len()])
    }
    fn keys(&self) -> Vec<Member> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        (0..rows.in_order.len()).map(Member).collect()
    }
}

impl<A: Labels, B: Labels> Labels for (A, B) {
    type Key = (A::Key, B::Key);
    fn names(&self) -> Vec<&'static str> {
        [self.0.names(), self.1.names()].concat()
    }
    fn capacity(&self) -> usize {
        self.0.capacity() * self.1.capacity()
    }
    fn index(&self, (a, b): Self::Key) -> usize {
        self.0.index(a) * self.1.capacity() + self.1.index(b)
    }
    fn values(&self, (a, b): Self::Key) -> Vec<String> {
        [self.0.values(a), self.1.values(b)].concat()
    }
    fn keys(&self) -> Vec<Self::Key> {
        let second = self.1.keys();
        self.0.keys().into_iter().flat_map(|a| second.iter().map(move |&b| (a, b))).collect()
    }
}
