//! The folder that models are served from: `<name>/model.toml` and `<name>/<version>/model.onnx`.
//!
//! Rule of thumb: one broken model never keeps the others from serving. Only what makes the whole repository ambiguous
//! or empty fails the scan.

use std::fs;
use std::path::{Path, PathBuf};

use super::config::{self, ModelConfig};
use super::error::ModelError;

/// Most models in one repository. More fail the scan, rather than some of them silently not serving.
pub const MAX_MODELS: usize = 100;

/// Metrics count requests for models that do not exist under this name.
const RESERVED_NAME: &str = "unknown";
const MAX_NAME_CHARS: usize = 64;

/// One model that is ready to be loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSource {
    /// The model's name, which is its folder's: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// The version to serve, 1 or more.
    pub version: u32,
    /// The path of its model.onnx.
    pub file: PathBuf,
    /// What model.toml says.
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

/// The models of a repository, sorted by name; at least 1, at most [`MAX_MODELS`].
#[derive(Debug)]
pub struct Repository {
    entries: Vec<RepositoryEntry>,
}

impl Repository {
    /// Looks at every folder that has a model.toml. Hidden folders are skipped.
    ///
    /// # Errors
    /// The folder cannot be read, it holds no model or more than [`MAX_MODELS`], two models are the default, or one has
    /// the reserved name `unknown`. What is wrong with a single model stands in its [`RepositoryEntry`].
    pub fn scan(directory: &Path) -> Result<Self, ModelError> {
        let mut entries = Vec::new();
        for name in folder_names(directory)? {
            let folder = directory.join(&name);
            let config = folder.join("model.toml");
            if name.as_encoded_bytes().starts_with(b".") || !config.is_file() {
                continue;
            }
            if name == RESERVED_NAME {
                return Err(ModelError::ReservedName { path: folder, name: RESERVED_NAME.to_owned() });
            }
            let name = name.to_string_lossy().into_owned();
            let source = source(&folder, &name);
            let others = source.as_ref().map(|source| others(&folder, source)).unwrap_or_default();
            entries.push(RepositoryEntry { default: config::says_default(&config), name, source, others });
        }
        let repository = directory.to_owned();
        if entries.is_empty() {
            return Err(ModelError::NoModels { repository });
        }
        if entries.len() > MAX_MODELS {
            return Err(ModelError::TooManyModels { repository, found: entries.len(), limit: MAX_MODELS });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let mut defaults = entries.iter().filter(|entry| entry.default);
        if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
            return Err(ModelError::TwoDefaults { first: first.name.clone(), second: second.name.clone() });
        }
        Ok(Self { entries })
    }

    /// The models, sorted by name.
    pub fn entries(&self) -> &[RepositoryEntry] {
        &self.entries
    }

    /// The models, sorted by name, to be taken apart.
    pub fn into_entries(self) -> Vec<RepositoryEntry> {
        self.entries
    }

    /// The model that serves requests that name none: the one that says so, or the only one there is.
    pub fn default_model(&self) -> Option<&RepositoryEntry> {
        match self.entries.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|entry| entry.default),
        }
    }
}

/// The names in a folder that lead to folders, in no order.
fn folder_names(directory: &Path) -> Result<Vec<std::ffi::OsString>, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for item in fs::read_dir(directory).map_err(unreadable)? {
        let item = item.map_err(unreadable)?;
        // Follows symbolic links, which is how mounted volumes present their files.
        if item.path().is_dir() {
            names.push(item.file_name());
        }
    }
    Ok(names)
}

fn source(folder: &Path, name: &str) -> Result<ModelSource, ModelError> {
    if !is_model_name(name) {
        return Err(ModelError::InvalidName { path: folder.to_owned() });
    }
    let config = ModelConfig::load(&folder.join("model.toml"))?;
    let version = match config.version {
        Some(pinned) => pinned,
        None => highest_version(folder)?,
    };
    let file = model_file(folder, version);
    if !file.is_file() {
        return Err(ModelError::Field {
            path: folder.join("model.toml"),
            field: "version",
            problem: format!("is {version}, and {version}/model.onnx is not there"),
            remedy: "put the file there, or name a version that exists",
        });
    }
    Ok(ModelSource { name: name.to_owned(), version, file, config })
}

fn highest_version(folder: &Path) -> Result<u32, ModelError> {
    versions(folder)?.first().copied().ok_or_else(|| ModelError::NoVersion { directory: folder.to_owned() })
}

/// The versions that can be asked for beside the one that serves.
fn others(folder: &Path, serving: &ModelSource) -> Vec<ModelSource> {
    let latest = versions(folder).unwrap_or_default().into_iter().take(serving.config.latest_versions as usize);
    let source = |version| ModelSource { version, file: model_file(folder, version), ..serving.clone() };
    latest.filter(|version| *version != serving.version).map(source).collect()
}

/// The versions in a model's folder, the highest first.
fn versions(folder: &Path) -> Result<Vec<u32>, ModelError> {
    let mut versions: Vec<u32> = folder_names(folder)?
        .iter()
        .filter_map(|name| name.to_str())
        // "01" and "+1" parse too, but lead to another folder than the one that they were read from.
        .filter_map(|name| name.parse::<u32>().ok().filter(|version| *version > 0 && version.to_string() == name))
        .filter(|version| model_file(folder, *version).is_file())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    Ok(versions)
}

fn model_file(folder: &Path, version: u32) -> PathBuf {
    folder.join(version.to_string()).join("model.onnx")
}

fn is_model_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
