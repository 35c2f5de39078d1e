//! What a path leads to: a file, a model's folder, or a repository.

use std::path::Path;

use crate::model::{ModelConfig, ModelSource, Repository};

/// A model to check, or what is wrong with it.
pub(super) type FoundModel = Result<ModelSource, String>;

/// The models at a path, and what lies beside them.
pub(super) struct CheckedPlace {
    pub(super) models: Vec<FoundModel>,
    /// A sentence for each thing that is not used.
    pub(super) passed_over: Vec<String>,
}

impl CheckedPlace {
    /// # Errors
    /// What is wrong, as a sentence.
    pub(super) fn find(path: &Path) -> Result<Self, String> {
        if path.is_file() {
            return Ok(Self { models: vec![Ok(of_file(path)?)], passed_over: Vec::new() });
        }
        let scanned = match Repository::holds_one_model(path) {
            true => Repository::scan_model(path, &name_of(path)),
            false => Repository::scan(path),
        };
        let repository = scanned.map_err(|problem| problem.to_string())?;
        let passed_over = repository.passed_over().iter().map(ToString::to_string).collect();
        let of = |entry: crate::model::RepositoryEntry| -> Vec<FoundModel> {
            let serving = entry.source.map_err(|problem| problem.to_string());
            [serving].into_iter().chain(entry.others.into_iter().map(Ok)).collect()
        };
        Ok(Self { models: repository.into_entries().into_iter().flat_map(of).collect(), passed_over })
    }
}

/// A file, with the model.toml that lies beside it or beside its version's folder.
fn of_file(path: &Path) -> Result<ModelSource, String> {
    let absolute = path.canonicalize().map_err(|problem| format!("{}: {problem}", path.display()))?;
    let beside =
        absolute.ancestors().skip(1).take(2).map(|folder| folder.join("model.toml")).find(|file| file.is_file());
    let config = beside.map_or_else(|| Ok(ModelConfig::raw()), |file| ModelConfig::load(&file));
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(ModelSource { name, version: 1, file: path.to_owned(), config: config.map_err(|problem| problem.to_string())? })
}

/// The name of a folder.
fn name_of(folder: &Path) -> String {
    let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
