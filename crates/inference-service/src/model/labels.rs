//! The names of a model's classes, in the order of its outputs.
//!
//! Rule of thumb: the bounds are there against files that are no lists of labels. How many classes have series of their own
//! is the metrics' matter.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::error::ModelError;

/// Most labels of one model.
const MAX_LABELS: usize = 100_000;
/// Most bytes of all labels of a model, which is enough for as many of a usual length.
const MAX_BYTES: usize = 8 << 20;
/// Most characters of one label, which is also what a prediction record takes.
const MAX_LABEL_CHARS: usize = 256;

/// The field `labels` of the file.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`labels` is the name of a file beside model.toml, or an array of strings")]
pub(super) enum LabelSource {
    /// The name of a file beside model.toml, with one label a line.
    File(String),
    /// The labels themselves.
    Inline(Vec<String>),
}

impl LabelSource {
    /// The labels, checked. `config` is the path of the model.toml.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`] for a file that cannot be read; [`ModelError::Field`] for one that is not beside
    /// model.toml, and for labels that are empty, repeated, too long or too many.
    pub(super) fn resolve(self, config: &Path) -> Result<Vec<String>, ModelError> {
        match self {
            Self::Inline(labels) => checked(labels, config),
            Self::File(name) => {
                let path = beside(config, &name)?;
                let text = read(&path).map_err(|source| ModelError::Unreadable { path: path.clone(), source })?;
                checked(text.trim_end().lines().map(|line| line.trim().to_owned()).collect(), &path)
            }
        }
    }
}

/// The text of a file, up to one byte more than labels may have.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// The path of a file in the same folder; a name that leads anywhere else is refused.
fn beside(config: &Path, name: &str) -> Result<PathBuf, ModelError> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(file)), None) => Ok(config.with_file_name(file)),
        _ => Err(ModelError::Field {
            path: config.to_owned(),
            field: "labels",
            problem: format!("is \"{name}\""),
            remedy: "give the name of a file beside model.toml, without a folder",
        }),
    }
}

/// Checks that there is at least one label and not too many, and that each is readable and unique.
fn checked(labels: Vec<String>, path: &Path) -> Result<Vec<String>, ModelError> {
    let error = |problem, remedy| ModelError::Field { path: path.to_owned(), field: "labels", problem, remedy };
    if labels.is_empty() || labels.len() > MAX_LABELS {
        let problem = format!("has {} labels, and 1 to {MAX_LABELS} are taken", labels.len());
        return Err(error(problem, "give one for each output of the model"));
    }
    if labels.iter().map(|label| label.len() + 1).sum::<usize>() > MAX_BYTES {
        let problem = format!("has labels of more than {MAX_BYTES} bytes together");
        return Err(error(problem, "give shorter ones"));
    }
    let mut seen = HashSet::with_capacity(labels.len());
    for (class, label) in labels.iter().enumerate() {
        let unreadable = label.trim().is_empty() || label.chars().any(char::is_control);
        if unreadable || label.chars().count() > MAX_LABEL_CHARS {
            let problem = format!("has a label for class {class} that is empty, unprintable or too long");
            return Err(error(problem, "give 1 to 256 printable characters"));
        }
        if !seen.insert(label) {
            return Err(error(format!("holds \"{label}\" twice"), "give each class its own label"));
        }
    }
    Ok(labels)
}
