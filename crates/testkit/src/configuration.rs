//! The shipped configuration of the monitoring stack, changed as little as a test needs.
//!
//! Rule of thumb: what is to be replaced must be there, so that a test cannot go on with something else than it
//! believes.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::programs::root;

/// A copy of files of the repository, in the same places below a scratch folder.
pub struct Configuration(TempDir);

impl Configuration {
    /// Copies files and whole folders, named by their paths in the repository.
    ///
    /// # Panics
    /// If one cannot be copied.
    pub fn copy(paths: &[&str]) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        for path in paths {
            copy_all(&root().join(path), &folder.path().join(path));
        }
        Self(folder)
    }

    /// The path of the copy of a file.
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// The text of a file.
    ///
    /// # Panics
    /// If it is not there.
    pub fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// Replaces each occurrence of a text.
    ///
    /// # Panics
    /// If there is none.
    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.text(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(self.path(file), text.replace(from, to)).expect("the copy is writable");
    }

    /// Divides the durations that are the values of these keys, wherever they stand on a line of their own.
    ///
    /// # Panics
    /// If a key is nowhere, or its value is no duration.
    pub fn divide(&self, file: &str, keys: &[&str], divisor: u64) {
        let mut lines: Vec<String> = self.text(file).lines().map(str::to_owned).collect();
        for key in keys {
            let start = format!("{key}: ");
            let mut found = false;
            for line in &mut lines {
                let Some(value) = line.trim_start().strip_prefix(&start) else { continue };
                let milliseconds = milliseconds(value).unwrap_or_else(|| panic!("{file}: no duration: {line}"));
                *line = line.replace(value, &format!("{}ms", milliseconds / divisor));
                found = true;
            }
            assert!(found, "{file} has no {key}");
        }
        fs::write(self.path(file), lines.join("\n") + "\n").expect("the copy is writable");
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).expect("the folder can be read") {
            let name = entry.expect("its entries can be read").file_name();
            copy_all(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::create_dir_all(to.parent().expect("a folder above")).expect("the folder can be made");
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}

/// Reads a duration of one number and one unit, as `15s`.
fn milliseconds(duration: &str) -> Option<u64> {
    let (number, unit) = duration.split_at(duration.find(|character: char| !character.is_ascii_digit())?);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let read = ["15s", "5m", "12h", "1d", "250ms", "0s", "5", "m", "", "1h30m", "5 m"].map(milliseconds);
        let whole = [15_000, 300_000, 43_200_000, 86_400_000, 250, 0].map(Some);
        assert_eq!(read[..6], whole);
        assert_eq!(read[6..], [None; 5]);
    }

    #[test]
    fn durations_are_divided_where_their_keys_stand_and_nowhere_else() {
        let copy = Configuration::copy(&["prometheus.yml"]);
        let before = copy.text("prometheus.yml");
        copy.divide("prometheus.yml", &["scrape_interval"], 30);
        assert_eq!(copy.text("prometheus.yml"), before.replace("scrape_interval: 15s", "scrape_interval: 500ms"));
        assert_ne!(copy.text("prometheus.yml"), before);
    }

    #[test]
    #[should_panic(expected = "has no \"nobody\"")]
    fn what_is_not_there_cannot_be_replaced() {
        Configuration::copy(&["prometheus.yml"]).replace("prometheus.yml", "nobody", "somebody");
    }
}
