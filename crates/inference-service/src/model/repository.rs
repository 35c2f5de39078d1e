//! The folder that models are served from: `<name>/model.toml` and `<name>/<version>/model.onnx`.
//!
//! Rule of thumb: one broken model never keeps the others from serving, and nothing is passed over in silence. Only what
//! makes the whole repository ambiguous or empty fails the scan.

mod folder;
mod passed_over;
mod text_message;
mod triton;
mod unread;

use std::path::{Path, PathBuf};

use monitoring::prediction::{OTHER, UNKNOWN_MODEL};

use super::config::{self, ModelConfig};
use super::error::ModelError;
use super::mlflow::{MLMODEL, MlflowFile, SavedByMlflow};
use folder::{FolderNames, ModelFolder, is_onnx, version_number};
pub use passed_over::PassedOver;
use passed_over::{Known, known};
pub(crate) use unread::unread_beside;

/// Names under which metrics count something else, and what that is.
const RESERVED_NAMES: [(&str, &str); 2] = [
    (UNKNOWN_MODEL, "requests that name no known model"),
    (OTHER, "models beyond `--max-metric-models`, which share their metrics"),
];
const MAX_NAME_CHARS: usize = 64;
/// What an error says of a repository without a model, at most.
const TOLD_PASSED_OVER: usize = 3;

/// One model that is ready to be loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSource {
    /// The model's name, which is its folder's: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// The version to serve, 1 or more.
    pub version: u32,
    /// The path of its ONNX file.
    pub file: PathBuf,
    /// What model.toml says, or what holds without one.
    pub config: ModelConfig,
}

/// One model folder, whether or not it can be served.
#[derive(Debug)]
pub struct RepositoryEntry {
    /// The folder's name.
    pub name: String,
    /// Whether model.toml says `default = true`.
    pub default: bool,
    /// What to load, or what is wrong.
    pub source: Result<ModelSource, ModelError>,
    /// Other versions, which can be asked for; the highest first.
    pub others: Vec<ModelSource>,
}

/// The models of a repository, sorted by name; at least 1.
#[derive(Debug)]
pub struct Repository {
    entries: Vec<RepositoryEntry>,
    passed_over: Vec<PassedOver>,
}

/// The folder that models are served from.
#[derive(Clone, Debug)]
pub struct RepositoryFolder {
    /// Its path.
    pub path: PathBuf,
    /// The name of the one model whose folder it is itself, if it is a model's.
    pub model_name: Option<String>,
}

impl RepositoryFolder {
    /// Looks at the models in the folder.
    ///
    /// # Errors
    /// As [`Repository::scan`].
    pub fn scan(&self) -> Result<Repository, ModelError> {
        match &self.model_name {
            Some(name) => Repository::scan_model(&self.path, name),
            None => Repository::scan(&self.path),
        }
    }
}

impl Repository {
    /// Looks at every folder that has a model.toml or a model, and at a model that lies in the repository itself.
    ///
    /// # Errors
    /// The folder cannot be read, it holds no model, or two models are the default. What is wrong with a single model
    /// stands in its [`RepositoryEntry`].
    pub fn scan(directory: &Path) -> Result<Self, ModelError> {
        let names = FolderNames::of(directory)?;
        let mut found = Self { entries: Vec::new(), passed_over: Vec::new() };
        if let Some(name) = own_model(directory, &names) {
            found.add(directory, &name);
            return Ok(found);
        }
        for name in names.folders.iter().filter(|name| known(name) != Known::Part) {
            found.add(&directory.join(name), name);
        }
        found.add_loose(directory, &names);
        found.passed_over.extend(names.others.into_iter().map(PassedOver::no_file));
        found.checked(directory)
    }

    /// Looks at a folder that is one model's, whatever its name is.
    ///
    /// # Errors
    /// As [`Repository::scan`]; [`ModelError::ReservedName`] where it is to be called `unknown` or `other`.
    pub fn scan_model(directory: &Path, name: &str) -> Result<Self, ModelError> {
        FolderNames::of(directory)?;
        check_not_reserved(name, directory)?;
        let mut found = Self { entries: Vec::new(), passed_over: Vec::new() };
        found.add(directory, name);
        found.checked(directory)
    }

    /// Whether a folder is one model's: it has a model.toml, an MLmodel or a version.
    pub(crate) fn holds_one_model(directory: &Path) -> bool {
        let Ok(names) = FolderNames::of(directory) else { return false };
        let is_version = |name: &String| {
            let inside = FolderNames::of(&directory.join(name));
            version_number(name).is_some() && inside.is_ok_and(|inside| !inside.onnx().is_empty())
        };
        names.has_config() || names.folders.iter().any(is_version)
    }

    /// The models, sorted by name.
    pub fn entries(&self) -> &[RepositoryEntry] {
        &self.entries
    }

    /// The models, sorted by name, to be taken apart.
    pub fn into_entries(self) -> Vec<RepositoryEntry> {
        self.entries
    }

    /// What lies in the folder and is not used.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// The model that serves requests that name none: the one that says so, or the only one there is.
    pub fn default_model(&self) -> Option<&RepositoryEntry> {
        match self.entries.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|entry| entry.default),
        }
    }

    /// Adds the model of a folder, or says why there is none.
    fn add(&mut self, folder: &Path, name: &str) {
        let config = Some(folder.join("model.toml")).filter(|path| path.is_file());
        let labels = config.as_deref().and_then(config::labels_file);
        let read = ModelFolder::read(folder, labels.as_deref());
        let content = match (read, &config) {
            (Ok(content), None) if !content.has_model() => {
                let because = match folder.join(MLMODEL).is_file() {
                    true => "it is a model of MLflow without ONNX: save the model with mlflow.onnx",
                    false => "it holds neither model.toml nor a model: put the model at 1/model.onnx in it",
                };
                self.passed_over.push(PassedOver::new(folder.to_owned(), because));
                self.passed_over.extend(content.passed_over);
                return;
            }
            (Err(problem), None) => {
                self.passed_over.push(PassedOver::new(folder.to_owned(), problem.to_string()));
                return;
            }
            (content, _) => content,
        };
        let told = triton::told(folder).map(|because| PassedOver::new(folder.join("config.pbtxt"), because));
        self.passed_over.extend(told);
        if let Some(Err(because)) = MlflowFile::read(folder) {
            self.passed_over.push(PassedOver::new(folder.join(MLMODEL), because));
        }
        let mut others = Vec::new();
        let source = content.and_then(|content| {
            let place = ModelPlace { folder, name, config: config.as_deref(), content: &content };
            let source = place.source();
            others = source.as_ref().map(|source| place.others(source)).unwrap_or_default();
            self.passed_over.extend(content.passed_over);
            source
        });
        let default = config.as_deref().is_some_and(config::says_default);
        self.entries.push(RepositoryEntry { default, name: name.to_owned(), source, others });
    }

    /// Adds the model that lies in the repository without a folder of its own.
    fn add_loose(&mut self, directory: &Path, names: &FolderNames) {
        match names.onnx()[..] {
            [] => {}
            [only] => {
                let (name, file) = (stem(only), directory.join(only));
                let source = check_name(&name, &file).map(|()| {
                    let config = ModelConfig::raw();
                    ModelSource { name: name.clone(), version: 1, file, config }
                });
                if self.entries.iter().any(|entry| entry.name == name) {
                    let because = "a folder of this name holds a model, too: move it to a version folder in there";
                    self.passed_over.push(PassedOver::new(directory.join(only), because));
                    return;
                }
                self.entries.push(RepositoryEntry { default: false, name, source, others: Vec::new() });
            }
            ref several => {
                let because =
                    "several models lie beside each other: put each into a folder of its own, <name>/1/model.onnx";
                self.passed_over.extend(several.iter().map(|name| PassedOver::new(directory.join(name), because)));
            }
        }
        for name in names.files.iter().filter(|name| !is_onnx(name)) {
            let because = match known(name) {
                Known::Document => continue,
                // The weights of the model that lies here, perhaps.
                Known::Not if names.onnx().len() == 1 => continue,
                Known::Foreign(because) => because,
                Known::Part => "it belongs into the folder of a model, which is named as the model",
                Known::Settings | Known::Not => "nothing here reads it; models lie in folders, <name>/1/model.onnx",
            };
            self.passed_over.push(PassedOver::new(directory.join(name), because));
        }
    }

    fn checked(mut self, directory: &Path) -> Result<Self, ModelError> {
        let repository = directory.to_owned();
        if self.entries.is_empty() {
            let told = self.passed_over.iter().take(TOLD_PASSED_OVER).map(|passed_over| format!("; {passed_over}"));
            return Err(ModelError::NoModels { repository, passed_over: told.collect() });
        }
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        let mut defaults = self.entries.iter().filter(|entry| entry.default);
        if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
            return Err(ModelError::TwoDefaults { first: first.name.clone(), second: second.name.clone() });
        }
        Ok(self)
    }
}

/// A model's folder, as it was looked at.
struct ModelPlace<'a> {
    folder: &'a Path,
    name: &'a str,
    config: Option<&'a Path>,
    content: &'a ModelFolder,
}

impl ModelPlace<'_> {
    fn source(&self) -> Result<ModelSource, ModelError> {
        check_name(self.name, self.folder)?;
        let config = self.config.map_or_else(|| Ok(ModelConfig::raw()), ModelConfig::load)?;
        let no_version = || ModelError::NoVersion { directory: self.folder.to_owned() };
        let version = config.version.or_else(|| self.content.highest()).ok_or_else(no_version)?;
        let Some(file) = self.content.file(version) else {
            return Err(ModelError::Field {
                path: self.folder.join("model.toml"),
                field: "version",
                problem: format!("is {version}, and {version}/model.onnx is not there"),
                remedy: "put the file there, or name a version that exists",
            });
        };
        let file = file?;
        let mlflow = SavedByMlflow::beside(&file, self.config.is_some());
        Ok(ModelSource { name: self.name.to_owned(), version, file, config: ModelConfig { mlflow, ..config } })
    }

    /// The versions that can be asked for beside the one that serves.
    fn others(&self, serving: &ModelSource) -> Vec<ModelSource> {
        let latest = self.content.versions().take(serving.config.latest_versions as usize);
        let file = |version| self.content.file(version)?.ok();
        let source = |version| {
            let file = file(version)?;
            let mlflow = SavedByMlflow::beside(&file, self.config.is_some());
            let config = ModelConfig { mlflow, ..serving.config.clone() };
            Some(ModelSource { version, file, config, ..serving.clone() })
        };
        latest.filter(|version| *version != serving.version).filter_map(source).collect()
    }
}

/// The name of the model whose folder the repository itself is: it has a model.toml or an MLmodel, with a model beside
/// it.
fn own_model(directory: &Path, names: &FolderNames) -> Option<String> {
    let has_config = names.has_config();
    let holds_model = |name: &String| {
        version_number(name).is_some()
            && FolderNames::of(&directory.join(name)).is_ok_and(|in_it| !in_it.onnx().is_empty())
    };
    match names.onnx()[..] {
        [only, ..] if has_config => Some(stem(only)),
        _ if has_config && names.folders.iter().any(holds_model) => {
            let folder = directory.canonicalize().ok()?;
            Some(folder.file_name()?.to_string_lossy().into_owned())
        }
        _ => None,
    }
}

/// A file's name without its ending.
fn stem(file: &str) -> String {
    Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// # Errors
/// [`ModelError::ReservedName`] where metrics could not tell a model of this name.
fn check_not_reserved(name: &str, path: &Path) -> Result<(), ModelError> {
    match RESERVED_NAMES.into_iter().find(|(reserved, _)| *reserved == name) {
        Some((_, counted)) => Err(ModelError::ReservedName { path: path.to_owned(), name: name.to_owned(), counted }),
        None => Ok(()),
    }
}

/// # Errors
/// [`ModelError::ReservedName`] or [`ModelError::InvalidName`] where a model at `path` cannot have this name.
fn check_name(name: &str, path: &Path) -> Result<(), ModelError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    check_not_reserved(name, path)?;
    match (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(()),
        false => Err(ModelError::InvalidName { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
