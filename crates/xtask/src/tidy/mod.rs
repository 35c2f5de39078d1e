//! `cargo xtask tidy`: the conventions of this repository that no compiler checks.
//!
//! Rule of thumb: a convention worth having is checked, and a violation says what to do about it. There is
//! no list of exceptions.

mod layers;
mod manifests;
mod sources;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::manifests::Manifest;
use crate::console::say;
use crate::workspace;

/// Where people write files; whatever else lies in the root folder belongs to a tool or to the machine.
const PLACES: [&str; 7] = [".cargo", ".ci", ".github", "crates", "dashboards", "deploy", "docs"];
/// Larger files are data.
const LARGEST_TEXT_BYTES: u64 = 1 << 20;

/// A convention that is not kept.
#[derive(Debug, PartialEq)]
struct Violation {
    /// A file, or a file and line, relative to the root.
    place: String,
    /// What is wrong, and what to do.
    what: String,
}

impl Violation {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}

/// Checks the whole repository.
///
/// # Errors
/// All violations at once, one a line; or a file that cannot be read.
pub(crate) fn run() -> Result<()> {
    let files = text_files(workspace::root())?;
    let violations = check(&files)?;
    if violations.is_empty() {
        say(format_args!("{} files are in order.", files.len()));
        return Ok(());
    }
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    bail!("{} conventions are not kept:\n{}", lines.len(), lines.join("\n"));
}

/// A text file of the repository.
struct TextFile {
    /// Relative to the root, with `/` between the parts.
    path: String,
    text: String,
}

fn check(files: &[TextFile]) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let mut manifests = Vec::new();
    for file in files {
        violations.extend(sources::check(file));
        match file.path.split('/').collect::<Vec<_>>()[..] {
            ["Cargo.toml"] => violations.extend(manifests::check_root(file)),
            ["crates", _, "Cargo.toml"] => manifests.push(Manifest::parse(file)?),
            _ => {}
        }
    }
    for manifest in &manifests {
        violations.extend(manifest.check());
        violations.extend(layers::check(manifest));
    }
    Ok(violations)
}

fn text_files(root: &Path) -> Result<Vec<TextFile>> {
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

    #[test]
    fn every_kind_of_violation_of_a_repository_is_found() {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let files = [
            file("Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\n"),
            file("crates/monitoring/Cargo.toml", "[dependencies]\nxtask.workspace = true\nserde = \"1\"\n"),
            file("crates/monitoring/src/long.rs", &"\n".repeat(351)),
            file("docs/notes.md", &format!("see {}/notes", ["/home", "ada"].join("/"))),
        ];
        let violations = check(&files).unwrap();
        let places: Vec<&str> = violations.iter().map(|violation| violation.place.as_str()).collect();
        let manifest = "crates/monitoring/Cargo.toml";
        assert_eq!(
            places,
            ["Cargo.toml:2", "crates/monitoring/src/long.rs", "docs/notes.md:1", manifest, manifest, manifest],
            "{violations:?}"
        );
    }

    #[test]
    fn a_manifest_that_is_no_toml_is_named() {
        let broken = TextFile { path: "crates/a/Cargo.toml".into(), text: "[dependencies".into() };
        assert!(format!("{:#}", check(&[broken]).unwrap_err()).contains("crates/a/Cargo.toml"));
    }
}
