//! What lies in a model's folder: its versions, and what is passed over.
//!
//! Rule of thumb: whatever is not used has a line that says so and what to do, so that nobody looks for a model that
//! was never seen. What is known to be no model (README, labels, examples) has none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::passed_over::{Known, PassedOver, known};
use crate::model::error::ModelError;
use crate::model::mlflow::MLMODEL;

/// The name of a model's file that needs no other reason to be the one that is served.
pub(super) const MODEL_FILE: &str = "model.onnx";

/// The versions in a folder, and what else lies there.
#[derive(Debug, Default)]
pub(super) struct ModelFolder {
    /// The file of each version, or the names of those among which nothing chooses.
    versions: BTreeMap<u32, VersionFile>,
    /// What is not used.
    pub(super) passed_over: Vec<PassedOver>,
}

/// Which file of a version is served.
#[derive(Clone, Debug, PartialEq)]
enum VersionFile {
    Only(PathBuf),
    Several { folder: PathBuf, names: Vec<String> },
}

/// The names in a folder, sorted; hidden ones are left out.
#[derive(Debug, Default)]
pub(super) struct FolderNames {
    pub(super) files: Vec<String>,
    pub(super) folders: Vec<String>,
    /// What is neither: links that lead nowhere, sockets, and names that are no text.
    pub(super) others: Vec<PathBuf>,
}

impl FolderNames {
    /// # Errors
    /// [`ModelError::Unreadable`].
    pub(super) fn of(directory: &Path) -> Result<Self, ModelError> {
        let unreadable = |source| ModelError::Unreadable { path: directory.to_owned(), source };
        let mut names = Self::default();
        for item in fs::read_dir(directory).map_err(unreadable)? {
            let path = item.map_err(unreadable)?.path();
            let Some(name) = path.file_name() else { continue };
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Follows symbolic links, which is how mounted volumes present their files.
            match name.to_str().map(str::to_owned) {
                Some(name) if path.is_dir() => names.folders.push(name),
                Some(name) if path.is_file() => names.files.push(name),
                // A folder whose name is no text is still a folder, whose model is refused for its name.
                None if path.is_dir() => names.folders.push(name.to_string_lossy().into_owned()),
                _ => names.others.push(path),
            }
        }
        names.files.sort_unstable();
        names.folders.sort_unstable();
        names.others.sort_unstable();
        Ok(names)
    }

    /// Whether a file here says what a model is.
    pub(super) fn has_config(&self) -> bool {
        self.files.iter().any(|name| name == "model.toml" || name == MLMODEL)
    }

    /// The files that are ONNX by their name.
    pub(super) fn onnx(&self) -> Vec<&str> {
        self.files.iter().map(String::as_str).filter(|name| is_onnx(name)).collect()
    }
}

impl ModelFolder {
    /// Looks at a folder. `labels` is the file that model.toml names.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`].
    pub(super) fn read(folder: &Path, labels: Option<&str>) -> Result<Self, ModelError> {
        let names = FolderNames::of(folder)?;
        let mut read = Self::default();
        for name in &names.folders {
            let inside = folder.join(name);
            match version_number(name) {
                Some(version) => read.add_version(version, &inside)?,
                None => read.pass_over_folder(name, &inside),
            }
        }
        let loose = names.onnx();
        let is_flat = read.versions.is_empty() && !loose.is_empty();
        if is_flat {
            let file = chosen(folder, &loose, &mut read.passed_over);
            read.versions.extend(file.map(|file| (1, file)));
        } else {
            let because = "a version folder beside it holds the model: move it to a version folder of its own";
            read.passed_over.extend(loose.iter().map(|name| PassedOver::new(folder.join(name), because)));
        }
        for name in names.files.iter().filter(|name| !is_onnx(name) && labels != Some(name.as_str())) {
            match known(name) {
                Known::Part | Known::Document => {}
                // Its weights may lie beside the model, under any name.
                Known::Not if is_flat => {}
                Known::Foreign(because) => read.passed_over.push(PassedOver::new(folder.join(name), because)),
                Known::Settings | Known::Not => {
                    let because = "nothing here reads it; model.toml says what a model does";
                    read.passed_over.push(PassedOver::new(folder.join(name), because));
                }
            }
        }
        read.passed_over.extend(names.others.into_iter().map(PassedOver::no_file));
        Ok(read)
    }

    /// Whether there is a version.
    pub(super) fn has_model(&self) -> bool {
        !self.versions.is_empty()
    }

    /// The highest version.
    pub(super) fn highest(&self) -> Option<u32> {
        self.versions.keys().next_back().copied()
    }

    /// The versions, the highest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = u32> {
        self.versions.keys().rev().copied()
    }

    /// The file of a version; `None` if there is no such version.
    ///
    /// # Errors
    /// [`ModelError::SeveralFiles`] where nothing says which of its files is the model.
    pub(super) fn file(&self, version: u32) -> Option<Result<PathBuf, ModelError>> {
        Some(match self.versions.get(&version)? {
            VersionFile::Only(file) => Ok(file.clone()),
            VersionFile::Several { folder, names } => {
                Err(ModelError::SeveralFiles { directory: folder.clone(), names: names.join(", ") })
            }
        })
    }

    fn add_version(&mut self, version: u32, inside: &Path) -> Result<(), ModelError> {
        let names = FolderNames::of(inside)?;
        let before = self.passed_over.len();
        // A file beside the model may hold its weights under any name, but not under one of these.
        for name in &names.files {
            match known(name) {
                Known::Foreign(because) => self.passed_over.push(PassedOver::new(inside.join(name), because)),
                Known::Settings => {
                    let because = "nothing here reads it; model.toml says what a model does";
                    self.passed_over.push(PassedOver::new(inside.join(name), because));
                }
                Known::Part | Known::Document | Known::Not => {}
            }
        }
        // Exporters and other servers know `model.onnx` as a folder, too, which holds the file beside its weights.
        let nested = names.folders.iter().any(|name| name == MODEL_FILE).then(|| inside.join(MODEL_FILE));
        let file = match (names.onnx(), nested) {
            (files, None) => chosen(inside, &files, &mut self.passed_over),
            (files, Some(nested)) => {
                let because = "the folder model.onnx beside it holds the model";
                self.passed_over.extend(files.iter().map(|name| PassedOver::new(inside.join(name), because)));
                chosen(&nested, &FolderNames::of(&nested)?.onnx(), &mut self.passed_over)
            }
        };
        match file {
            Some(file) => {
                self.versions.insert(version, file);
            }
            None if self.passed_over.len() == before => {
                let because = "it holds no .onnx file: put the model there as model.onnx";
                self.passed_over.push(PassedOver::new(inside.to_owned(), because));
            }
            None => {}
        }
        Ok(())
    }

    /// Notes a folder that is no version.
    fn pass_over_folder(&mut self, name: &str, inside: &Path) {
        if known(name) == Known::Part {
            return;
        }
        let holds_model = FolderNames::of(inside).is_ok_and(|names| !names.onnx().is_empty());
        let because = if holds_model {
            "the name of a version is a whole number from 1, without zeros or signs in front: rename the folder"
        } else {
            "it is no version folder: those are named 1, 2, 3 and so on"
        };
        self.passed_over.push(PassedOver::new(inside.to_owned(), because));
    }
}

/// The file to serve: `model.onnx`, or the only one.
fn chosen(folder: &Path, names: &[&str], passed_over: &mut Vec<PassedOver>) -> Option<VersionFile> {
    match names {
        [] => None,
        [only] => Some(VersionFile::Only(folder.join(only))),
        several if several.contains(&MODEL_FILE) => {
            let others = several.iter().filter(|name| **name != MODEL_FILE);
            let because = "model.onnx beside it is what is served";
            passed_over.extend(others.map(|name| PassedOver::new(folder.join(name), because)));
            Some(VersionFile::Only(folder.join(MODEL_FILE)))
        }
        several => {
            let names = several.iter().map(|name| (*name).to_owned()).collect();
            Some(VersionFile::Several { folder: folder.to_owned(), names })
        }
    }
}

/// The version that a folder of this name holds. "01" and "+1" would be numbers too, and lead to another folder than the
/// one that they were read from.
pub(super) fn version_number(name: &str) -> Option<u32> {
    name.parse::<u32>().ok().filter(|version| *version > 0 && version.to_string() == name)
}

/// Whether a file is ONNX by its name.
pub(super) fn is_onnx(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}
