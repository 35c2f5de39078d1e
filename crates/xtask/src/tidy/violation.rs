//! A convention that is not kept.

use std::fmt;

/// A convention that is not kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Violation {
    /// A file, or a file and line, relative to the root.
    pub(super) place: String,
    /// What is wrong, and what to do.
    pub(super) what: String,
}

impl Violation {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}
