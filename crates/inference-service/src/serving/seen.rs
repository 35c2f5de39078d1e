//! What was last seen of the models' folders, which tells what has to be loaded.
//!
//! Rule of thumb: a folder is loaded once for each state that it comes to rest in.

use std::collections::BTreeMap;

use super::loaded::FileStamp;
use crate::model::{ModelSource, RepositoryEntry};

/// What was seen at the last look.
#[derive(Default)]
pub(super) struct SeenFolders {
    /// By model: the state of its folder then, and at the last attempt to load it.
    folders: BTreeMap<String, (FolderState, Option<FolderState>)>,
    /// What was wrong with the repository as a whole.
    problem: Option<String>,
}

/// The state of one model's folder.
#[derive(Clone, Debug, PartialEq)]
struct FolderState {
    sources: Result<Vec<ModelSource>, String>,
    stamps: Vec<Option<FileStamp>>,
}

impl FolderState {
    fn of(entry: &RepositoryEntry) -> Self {
        let serving = entry.source.as_ref().map_err(ToString::to_string);
        let sources: Result<Vec<ModelSource>, String> =
            serving.map(|source| [source].into_iter().chain(&entry.others).cloned().collect());
        let files = sources.iter().flatten().map(|source| source.file.as_path());
        Self { stamps: files.map(FileStamp::of).collect(), sources }
    }
}

impl SeenFolders {
    /// Whether a model is to be loaded: its folder is as it was at the last look, or this is `first`, and it was not tried
    /// in this state.
    pub(super) fn is_due(&mut self, entry: &RepositoryEntry, first: bool) -> bool {
        let folder = FolderState::of(entry);
        let (last, tried) = self.folders.remove(&entry.name).unzip();
        let tried = tried.flatten();
        let is_settled = first || last.as_ref() == Some(&folder);
        let is_due = is_settled && tried.as_ref() != Some(&folder);
        let tried = if is_due { Some(folder.clone()) } else { tried };
        self.folders.insert(entry.name.clone(), (folder, tried));
        is_due
    }

    /// This state of the model's folder has been dealt with; only another one is loaded without being asked to.
    pub(super) fn dealt_with(&mut self, entry: &RepositoryEntry) {
        let folder = FolderState::of(entry);
        self.folders.insert(entry.name.clone(), (folder.clone(), Some(folder)));
    }

    /// Forgets the models that are gone.
    pub(super) fn keep(&mut self, entries: &[RepositoryEntry]) {
        self.folders.retain(|name, _| entries.iter().any(|entry| entry.name == *name));
    }

    /// Remembers what is wrong with the repository; says whether that is another thing than before.
    pub(super) fn is_news(&mut self, problem: Option<String>) -> bool {
        let is_news = self.problem != problem;
        self.problem = problem;
        is_news
    }
}
