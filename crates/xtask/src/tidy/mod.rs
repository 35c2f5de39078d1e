//! `cargo xtask tidy`: the conventions of this repository that no compiler checks.
//!
//! Rule of thumb: a convention worth having is checked, and a violation says what to do about it. There is
//! no list of exceptions.

mod figures;
mod layers;
mod manifests;
mod sources;
mod text_file;
mod violation;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use self::figures::CodeFigures;
use self::manifests::Manifest;
use self::text_file::{TextFile, text_files};
use self::violation::Violation;
use crate::workspace;
use terminal::say;

/// What `tidy` does.
#[derive(Args, Default)]
pub(crate) struct TidyOptions {
    /// Print the figures of the code with every place that they count, and check nothing.
    #[arg(long)]
    figures: bool,
    /// The repository to look at, to compare two; by default this one.
    #[arg(long, value_name = "FOLDER")]
    of: Option<PathBuf>,
}

/// Checks the whole repository.
///
/// # Errors
/// All violations at once, one a line; or a file that cannot be read.
pub(crate) fn run(options: &TidyOptions) -> Result<()> {
    let files = text_files(options.of.as_deref().unwrap_or(workspace::root()))?;
    if options.figures {
        say(CodeFigures::count(&files)?);
        return Ok(());
    }
    let violations = check(&files)?;
    if violations.is_empty() {
        say(format_args!("{} files are in order.", files.len()));
        return Ok(());
    }
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    bail!("{} conventions are not kept:\n{}", lines.len(), lines.join("\n"));
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
    violations.extend(CodeFigures::count(files)?.into_violations());
    Ok(violations)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

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
            ["Cargo.toml:2", "docs/notes.md:1", manifest, manifest, manifest, "crates/monitoring/src/long.rs"],
            "{violations:?}"
        );
    }

    #[test]
    fn a_manifest_that_is_no_toml_is_named() {
        let broken = TextFile { path: "crates/a/Cargo.toml".into(), text: "[dependencies".into() };
        assert!(format!("{:#}", check(&[broken]).unwrap_err()).contains("crates/a/Cargo.toml"));
    }
}
