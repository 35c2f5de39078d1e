//! The text files of a repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where people write files; whatever else lies in the root folder belongs to a tool or to the machine.
const PLACES: [&str; 7] = [".cargo", ".ci", ".github", "crates", "dashboards", "deploy", "docs"];
/// Larger files are data.
const LARGEST_TEXT_BYTES: u64 = 1 << 20;

/// A text file of the repository.
pub(super) struct TextFile {
    /// Relative to the root, with `/` between the parts.
    pub(super) path: String,
    pub(super) text: String,
}

/// All of them, in the order of their paths.
///
/// # Errors
/// Where a file or folder cannot be read.
pub(super) fn text_files(root: &Path) -> Result<Vec<TextFile>> {
    let mut paths = files_directly_in(root)?;
    for place in PLACES.map(|place| root.join(place)) {
        if place.is_dir() {
            collect_files(&place, &mut paths)?;
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let failed = || format!("{} cannot be read", path.display());
        if fs::metadata(&path).with_context(failed)?.len() > LARGEST_TEXT_BYTES {
            continue;
        }
        // What is not UTF-8 is no text: an image, a model.
        if let Ok(text) = String::from_utf8(fs::read(&path).with_context(failed)?) {
            let parts: Vec<_> = path.strip_prefix(root)?.iter().map(|part| part.to_string_lossy()).collect();
            files.push(TextFile { path: parts.join("/"), text });
        }
    }
    Ok(files)
}

fn files_directly_in(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

fn collect_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        if path.is_symlink() {
            continue;
        } else if path.is_dir() {
            collect_files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn files_are_found_where_people_write_and_nowhere_else() {
        let root = tempfile::TempDir::new().unwrap();
        for path in ["Cargo.toml", "crates/a/src/b/c.rs", ".ci/run", "target/x.rs", "data/y.txt", "venv/z.txt"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(root.path().join("crates/a/image.png"), b"\x89PNG\xff").unwrap();
        fs::write(root.path().join("crates/a/big"), "x".repeat(1 + usize::try_from(LARGEST_TEXT_BYTES).unwrap()))
            .unwrap();
        std::os::unix::fs::symlink("..", root.path().join("crates/a/up")).unwrap();
        let paths: Vec<String> = text_files(root.path()).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(paths, [".ci/run", "Cargo.toml", "crates/a/src/b/c.rs"]);
    }
}
