//! The shape of one item of a model that takes numbers.

use std::fmt;

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

    /// The sizes of an item that is sent in `sizes`, which may be flat if no dimension is open; `None` if it does not fit.
    pub(super) fn of(&self, sizes: &[usize]) -> Option<Vec<usize>> {
        if self.fits(sizes) {
            return Some(sizes.to_vec());
        }
        match sizes {
            [count] if self.count() == Some(*count) => self.0.iter().copied().collect(),
            _ => None,
        }
    }
}

/// For example `3, 32, 32`; an open dimension is `?`.
impl fmt::Display for ItemShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.0.iter().map(|size| size.map_or_else(|| "?".to_owned(), |size| size.to_string()));
        f.write_str(&sizes.collect::<Vec<_>>().join(", "))
    }
}
