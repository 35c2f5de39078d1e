//! Where measurements keep their files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

/// A folder on the disk of the repository, which is gone when this is dropped. The folder for temporary files may be
/// in memory, where being durable costs nothing.
pub(super) struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// Makes one in the target folder.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(super) fn new() -> Result<Self> {
        let name = format!("bench-{}", std::process::id());
        let target = testkit::target_folder().map_err(|problem| anyhow!(problem))?;
        let folder = target.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be created", folder.display()))?;
        Ok(Self(folder))
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What is left of a measurement lies in the target directory, which is there to be deleted.
        let _ = fs::remove_dir_all(&self.0);
    }
}
