//! The shape of one item of a model that takes numbers.

use std::fmt;

use super::error::InputError;

/// The sizes of one item's dimensions, without the batch; `None` for an open dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemShape(Vec<Option<usize>>);

impl From<&[Option<usize>]> for ItemShape {
    fn from(sizes: &[Option<usize>]) -> Self {
        Self(sizes.to_vec())
    }
}

impl ItemShape {
    /// A shape without open dimensions.
    #[must_use]
    pub fn fixed(sizes: &[usize]) -> Self {
        Self(sizes.iter().copied().map(Some).collect())
    }

    /// How many numbers an item has; `None` if a dimension is open.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.0.iter().copied().try_fold(1_usize, |count, size| count.checked_mul(size?))
    }

    /// Whether an item can have these sizes.
    #[must_use]
    pub fn fits(&self, sizes: &[usize]) -> bool {
        self.0.len() == sizes.len()
            && self.0.iter().zip(sizes).all(|(declared, size)| declared.is_none_or(|of| of == *size))
    }

    /// The sizes of one item that is sent in `shape`: nested as the item, the same with a leading 1, or flat.
    ///
    /// # Errors
    /// [`InputError::WrongShape`].
    pub(crate) fn one(&self, shape: &[usize]) -> Result<Vec<usize>, InputError> {
        let behind_one = || shape.strip_prefix(&[1]).filter(|shape| self.fits(shape)).map(<[usize]>::to_vec);
        self.of(shape).or_else(behind_one).ok_or_else(|| {
            let flat = self.count().map(|count| format!(" or [{count}]")).unwrap_or_default();
            let expected = format!("one item of shape [{self}], [1, {self}]{flat}");
            InputError::WrongShape { expected, found: shape_text(shape) }
        })
    }

    /// The sizes of each of several items that are sent in `shape`: `[N, …]` with each nested as the item, or `[N, count]`
    /// with each flat.
    ///
    /// # Errors
    /// [`InputError::WrongShape`], also for no item at all.
    pub(crate) fn several(&self, shape: &[usize]) -> Result<Vec<usize>, InputError> {
        let sizes = shape.split_first().filter(|(items, _)| **items > 0).and_then(|(_, sizes)| self.of(sizes));
        sizes.ok_or_else(|| {
            let flat = self.count().map(|count| format!(" or [N, {count}]")).unwrap_or_default();
            let expected = format!("N items of shape [N, {self}]{flat}");
            InputError::WrongShape { expected, found: shape_text(shape) }
        })
    }

    /// The sizes of an item that is sent in `sizes`, which may be flat if no dimension is open, and without an array if it
    /// is one number; `None` if it does not fit.
    pub(crate) fn of(&self, sizes: &[usize]) -> Option<Vec<usize>> {
        if self.fits(sizes) {
            return Some(sizes.to_vec());
        }
        match sizes {
            [count] if self.count() == Some(*count) => self.0.iter().copied().collect(),
            [] if self.count() == Some(1) => self.0.iter().copied().collect(),
            _ => None,
        }
    }
}

/// A shape as messages show it.
pub(super) fn shape_text(shape: &[usize]) -> String {
    if shape.is_empty() { "a single number without an array".to_owned() } else { format!("shape {shape:?}") }
}

/// For example `3, 32, 32`; an open dimension is `?`.
impl fmt::Display for ItemShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.0.iter().map(|size| size.map_or_else(|| "?".to_owned(), |size| size.to_string()));
        f.write_str(&sizes.collect::<Vec<_>>().join(", "))
    }
}
