//! A folder of generated files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// A folder that has generated files and nothing else.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder of this path; it need not be there.
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Makes the folder have these files, by name, and no others. Says how many it had to change.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub(super) fn write(&self, files: &BTreeMap<String, String>) -> Result<usize> {
        let different = self.different(files)?;
        fs::create_dir_all(&self.0).with_context(|| format!("{} cannot be created", self.0.display()))?;
        for name in &different {
            let path = self.0.join(name);
            let written = match files.get(name) {
                Some(text) => fs::write(&path, text),
                None => fs::remove_file(&path),
            };
            written.with_context(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(different.len())
    }

    /// What is not as it should be, one line each.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub(super) fn differences(&self, files: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let different = self.different(files)?;
        let said = |name: String| match (files.contains_key(&name), self.0.join(&name).exists()) {
            (true, false) => format!("{name} is missing"),
            (false, _) => format!("{name} has no source any more"),
            (true, true) => format!("{name} differs"),
        };
        Ok(different.into_iter().map(said).collect())
    }

    /// The names of the files that differ, are missing, or should not be there.
    fn different(&self, files: &BTreeMap<String, String>) -> Result<BTreeSet<String>> {
        let present = self.present().with_context(|| format!("{} cannot be read", self.0.display()))?;
        let names = files.keys().chain(present.keys());
        Ok(names.filter(|name| files.get(*name) != present.get(*name)).cloned().collect())
    }

    fn present(&self) -> io::Result<BTreeMap<String, String>> {
        let mut present = BTreeMap::new();
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(present),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            present.insert(name, String::from_utf8_lossy(&fs::read(path)?).into_owned());
        }
        Ok(present)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn files(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_kind_of_difference_is_told_and_mended() {
        let scratch = tempfile::TempDir::new().unwrap();
        let folder = Folder::new(scratch.path().join("new"));
        assert_eq!(folder.write(&files(&[("a", "1"), ("b", "1"), ("c", "1")])).unwrap(), 3);

        let wanted = files(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let told = folder.differences(&wanted).unwrap();
        assert_eq!(told, ["b differs", "c has no source any more", "d is missing"]);
        assert_eq!(folder.write(&wanted).unwrap(), 3);
        assert_eq!(folder.differences(&wanted).unwrap(), [""; 0]);
        assert_eq!(folder.present().unwrap(), wanted);
        assert_eq!(folder.write(&wanted).unwrap(), 0);
    }
}
