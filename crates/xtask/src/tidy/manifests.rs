//! Conventions on Cargo.toml: every dependency stands once, in the root, with the reason why it is there.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::text_file::TextFile;
use super::violation::Violation;

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
const OUR_OWN: &str = "# Our own crates";

/// Cargo.toml of one crate.
pub(super) struct Manifest {
    /// Relative to the root of the repository.
    pub(super) path: String,
    /// The folder of the crate, which is its name as well.
    pub(super) name: String,
    table: Table,
}

impl Manifest {
    /// Reads `crates/<name>/Cargo.toml`.
    ///
    /// # Errors
    /// Where it is not TOML.
    pub(super) fn parse(file: &TextFile) -> Result<Self> {
        let table = file.text.parse().with_context(|| format!("{} is not TOML", file.path))?;
        let name = file.path.split('/').nth(1).unwrap_or_default().to_owned();
        Ok(Self { path: file.path.clone(), name, table })
    }

    /// Dependencies of any kind and platform, each with what is written beside it.
    pub(super) fn dependencies(&self) -> Vec<(&str, &Value)> {
        let targets = self.table.get("target").and_then(Value::as_table);
        let mut places = vec![&self.table];
        places.extend(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
        places
            .into_iter()
            .flat_map(|place| KINDS.iter().filter_map(|kind| place.get(*kind)?.as_table()))
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
            .collect()
    }

    /// Versions come from the root, and so do the lints.
    pub(super) fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (name, value) in self.dependencies() {
            if value.get("workspace") != Some(&Value::Boolean(true)) {
                violations.push(Violation::new(
                    &self.path,
                    format!(
                        "{name} has a version of its own; put it into [workspace.dependencies] of the root \
                         with its reason, and write {name}.workspace = true here"
                    ),
                ));
            }
        }
        let lints = self.table.get("lints").and_then(|lints| lints.get("workspace"));
        if lints != Some(&Value::Boolean(true)) {
            violations.push(Violation::new(&self.path, "the lints are not switched on; add [lints] workspace = true"));
        }
        violations
    }
}

/// In the root's table each line gives its reason, unless it stands under the heading of our own crates.
pub(super) fn check_root(file: &TextFile) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut in_table = false;
    let mut our_own = false;
    for (index, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            in_table = line.trim_end() == "[workspace.dependencies]";
            our_own = false;
        } else if line.trim().is_empty() {
            our_own = false;
        } else if line.starts_with('#') {
            our_own = line.starts_with(OUR_OWN);
        } else if in_table && !our_own && begins_dependency(line) && !has_reason(line) {
            let name = line.split(['=', ' ', '.']).next().unwrap_or(line);
            violations.push(Violation::new(
                format!("{}:{}", file.path, index + 1),
                format!("{name} has no reason; end its line with # and what it is for"),
            ));
        }
    }
    violations
}

/// The lines of a list that goes on over several are indented, or close it.
fn begins_dependency(line: &str) -> bool {
    line.starts_with(|first: char| first.is_alphanumeric() || first == '"')
}

/// A comment with words in it, after any text in quotes.
fn has_reason(line: &str) -> bool {
    let mut quoted = false;
    for (index, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '#' if !quoted => return line[index + 1..].contains(char::is_alphabetic),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn manifest(text: &str) -> Manifest {
        Manifest::parse(&TextFile { path: "crates/a/Cargo.toml".into(), text: text.into() }).unwrap()
    }

    #[test]
    fn versions_belong_into_the_root_for_every_kind_of_dependency() {
        let lints = "[lints]\nworkspace = true\n";
        let fine = "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"x\"] }\n";
        assert!(manifest(&format!("{lints}{fine}")).check().is_empty());
        for table in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            for dependency in ["serde = \"1\"", "serde = { path = \"x\" }", "serde = { workspace = false }"] {
                let violations = manifest(&format!("{lints}[{table}]\n{dependency}\n")).check();
                assert_eq!(violations.len(), 1, "{table}: {dependency}");
                assert!(violations[0].what.contains("serde.workspace = true"), "{}", violations[0]);
            }
        }
    }

    #[test]
    fn the_lints_of_the_workspace_are_asked_for() {
        for text in ["", "[lints]\nworkspace = false\n", "[lints.rust]\nunsafe_code = \"warn\"\n"] {
            assert_eq!(manifest(text).check().len(), 1, "{text:?}");
        }
    }

    #[test]
    fn every_dependency_of_the_root_has_a_reason() {
        let text = "[workspace]\nresolver = \"3\"\n\n[workspace.dependencies]\n# Our own crates.\nours = { path = \"a\" }\n
# Others.\ngood = \"1\" # counts things\nbare = \"1\"\nempty = \"1\" # \ntrick = { git = \"a#b\" }
dotted.version = \"1\"\nlist = { version = \"1\", features = [ # why\n    \"a\",\n] }\n\n[profile.dev]\nopt-level = 1\n";
        let violations = check_root(&TextFile { path: "Cargo.toml".into(), text: text.into() });
        let found: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let starts =
            ["Cargo.toml:10: bare ", "Cargo.toml:11: empty ", "Cargo.toml:12: trick ", "Cargo.toml:13: dotted "];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (violation, start) in found.iter().zip(starts) {
            assert!(violation.starts_with(start), "{violation}");
        }
    }
}
