//! How many bytes a file of rows may unpack to.

use super::file_fault::FileFault;

/// What is left of the bytes that all values of a file together may take.
pub(super) struct UnpackBudget {
    most: usize,
    left: usize,
}

impl UnpackBudget {
    pub(super) fn new(most: usize) -> Self {
        Self { most, left: most }
    }

    /// Takes so many bytes, before they are allocated.
    ///
    /// # Errors
    /// [`FileFault::TooLarge`] where fewer are left.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), FileFault> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            FileFault::TooLarge(format!("its values unpack to more than {} bytes, the most that is taken", self.most))
        })?;
        Ok(())
    }
}
