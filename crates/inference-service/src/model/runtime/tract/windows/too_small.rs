//! What is said of a size that is too small.

use std::fmt;

/// What is too small, in a sentence.
#[derive(Debug)]
pub(in super::super) struct TooSmall(pub(super) String);

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooSmall {}
